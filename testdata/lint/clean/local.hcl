# On this machine alone.

server {
  listen       = "127.0.0.1:9440"
  external_url = "http://127.0.0.1:9440"
}

service_account "backup" {
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
}
