# Paths that others cover, and all of them.

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
    skip_paths    = ["/static/*", "/static/css/*"] # WARNING: CFG004
  }
}

provider "open" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "open.example.com"
    skip_paths    = ["/*"] # WARNING: CFG004
  }
}
