# On every address, without TLS.

server {
  listen       = ":9440" # WARNING: SEC003
  external_url = "https://auth.example.com"
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
