# Keys that rotate every minute.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

signing_key "main" {
  rotate_every = "1m" # WARNING: CFG010
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
