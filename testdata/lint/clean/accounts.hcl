# Accounts, groups and two doors.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

service_account "backup" {
  display_name = "Nightly backup"
  groups       = ["storage"]
  app_passwords {
    max_age       = "2160h"
    max_active    = 2
    allowed_cidrs = ["10.0.0.0/8"]
  }
}

service_account "prometheus" {
}

provider "files" {
  access "all" {
    from = [service_account.backup, service_account.prometheus]
  }
  forward_auth {
    external_host = "files.example.com"
    skip_paths    = ["/ready", "/static/*", "/staticfiles"]
  }
}

provider "internal" {
  access_token_ttl = "1h"
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.example.com:8443"
  }
}
