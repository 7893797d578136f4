server {
  listen          = "0.0.0.0:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/8", "unix"]
  issuer_mode     = "m2md"
  max_connections = 20000

  tls { # both are read again when they change
    certificate_file = "/run/secrets/tls.crt"
    private_key_file = "/run/secrets/tls.key"
  }
}
