# Any issuer of a fleet, by a pattern that keeps to its host.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "fleet" {
  certificate_file = "../material/certs/ci.pem"
  allow_any_issuer = true # m2md:ignore WIF023 each machine has its own, under one host
  audiences        = ["https://auth.example.com"]
  require_claims   = { iss = pattern("https://fleet[.]example[.]com/[a-z0-9-]+") }
}

provider "files" {
  access "fleet" {
    from = [verification_certificate.fleet]
  }
}
