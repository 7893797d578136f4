server {
  external_url = "https://auth.example.com"
}

verification_certificate "partner" {
  certificate_file = "/run/secrets/partner.pem"
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
  require_claims   = { project = ["files", "logs"] }
  leeway           = "30s"
  max_token_age    = "15m"
  replay           = "once"
}

verification_certificate "old_device" { # whose tokens say neither who signed them nor for whom
  certificate        = env("DEVICE_CERTIFICATE")
  allow_any_issuer   = true
  allow_any_audience = true
}

provider "files" {
  access "partner" { from = [verification_certificate.partner] }
  access "device" { from = [verification_certificate.old_device] }
}
