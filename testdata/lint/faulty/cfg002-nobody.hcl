# Nobody gets in.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

provider "files" { # WARNING: CFG002
}
