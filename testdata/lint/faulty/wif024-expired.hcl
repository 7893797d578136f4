# A certificate that is over.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "partner" {
  certificate_file = "../material/certs/expired.pem" # WARNING: WIF024
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
}

provider "files" {
  access "partner" {
    from = [verification_certificate.partner]
  }
}
