# A provider whose tokens are proof at another.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}

provider "archive" {
  access "files" {
    from = [provider.files]
  }
}
