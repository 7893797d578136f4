# A host that clients never ask for, and that of m2md.

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
    external_host = "files.example.com:443" # WARNING: CFG003
  }
}

provider "self" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "auth.example.com" # WARNING: CFG003
  }
}
