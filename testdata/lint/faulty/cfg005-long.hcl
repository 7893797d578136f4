# What lives too long.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "ci" {
  certificate_file = "../material/certs/ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["https://auth.example.com"]
  max_token_age    = "720h" # WARNING: CFG005
}

service_account "backup" {
  app_passwords {
    max_age = "17520h" # WARNING: CFG005
  }
}

provider "files" {
  access_token_ttl = "24h" # WARNING: CFG005
  access "all" {
    from = [service_account.backup, verification_certificate.ci]
  }
}
