# One key, one issuer: a token would have two identities.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "builds" {
  certificate_file = "../material/certs/ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["https://auth.example.com"]
}

verification_certificate "deploys" {
  certificate_file = "../material/certs/ci.pem"
  issuer           = "https://ci.example.com" # ERROR: CFG006 # WARNING: WIF023
  audiences        = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [verification_certificate.builds, verification_certificate.deploys]
  }
}
