# TLS on every address.

server {
  listen       = ":9440"
  external_url = "https://auth.example.com"
  tls {
    certificate_file = "../material/certs/server.pem"
    private_key_file = "../material/secrets/server.key"
  }
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
