# Keys of several kinds, all of which sign.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

signing_key "main" {
  rotate_every = "720h"
}

signing_key "own" {
  private_key_file = "../material/secrets/signing.key"
}

service_account "backup" {
}

provider "files" {
  signing_key = signing_key.main
  access "backup" {
    from = [service_account.backup]
  }
}

provider "archive" {
  signing_key = signing_key.own
  access "backup" {
    from = [service_account.backup]
  }
}
