# What nobody names.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "github" { # WARNING: CFG001
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

service_account "forgotten" { # WARNING: CFG001
}

service_account "backup" {
}

signing_key "main" {
}

signing_key "old" { # WARNING: CFG001
}

policy "never" { # WARNING: CFG001
  script = "return request.http.method === 'GET'"
}

provider "files" {
  signing_key = signing_key.main
  access "backup" {
    from = [service_account.backup]
  }
}
