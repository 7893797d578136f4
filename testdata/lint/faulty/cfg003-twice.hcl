# One host, two providers.

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
  forward_auth {
    external_host = "files.example.com"
  }
}

provider "other" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.example.com" # ERROR: CFG003
  }
}
