# A socket.

server {
  listen          = "unix:///run/m2md/http.sock"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["unix"]
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
