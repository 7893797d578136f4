# A private address behind a proxy that is not trusted with anything.

server {
  listen       = "10.1.2.3:9440"
  external_url = "https://auth.example.com"
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
