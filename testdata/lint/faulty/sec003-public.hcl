# On a public address, and clients are told so.

server {
  listen          = "198.51.100.7:9440" # WARNING: SEC003
  external_url    = "http://auth.example.com" # WARNING: SEC003
  trusted_proxies = ["10.0.0.0/8"]
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
