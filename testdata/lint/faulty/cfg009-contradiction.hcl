# A source and an access that contradict each other, and an account without claims.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  require_claims      = { ref = "refs/heads/main" }
}

service_account "backup" {
}

provider "files" {
  access "ci" {
    from           = [oauth_source.github] # WARNING: CFG009
    require_claims = { repository_id = "5678", ref = "refs/heads/release" }
  }
  access "backup" {
    from           = [service_account.backup]
    require_claims = { role = "writer" } # WARNING: CFG009
  }
}
