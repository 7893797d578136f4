# A pattern of issuers that is open within the host.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "fleet" {
  certificate_file = "../material/certs/ci.pem"
  allow_any_issuer = true # WARNING: WIF023
  audiences        = ["https://auth.example.com"]
  require_claims   = { iss = pattern("https://ci[.]example.*") } # WARNING: WIF008
}

provider "files" {
  access "fleet" {
    from = [verification_certificate.fleet]
  }
}
