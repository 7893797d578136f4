# One key, two issuers.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "builds" {
  certificate_file = "../material/certs/ci.pem"
  issuer           = "https://builds.example.com"
  audiences        = ["https://auth.example.com"]
}

verification_certificate "deploys" {
  certificate_file = "../material/certs/ci.pem" # WARNING: CFG006
  issuer           = "https://deploys.example.com"
  audiences        = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [verification_certificate.builds, verification_certificate.deploys]
  }
}
