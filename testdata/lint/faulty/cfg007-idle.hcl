# What has no effect.

server {
  external_url = "https://auth.example.com"
}

service_account "backup" {
}

oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "backup" {
    from              = [service_account.backup]
    policy_mode       = "any" # NOTE: CFG007
    allow_any_subject = true # NOTE: CFG007
  }
  access "ci" {
    from              = [oauth_source.github]
    require_claims    = { repository_id = "5678", ref = "refs/heads/main" }
    allow_any_subject = true # NOTE: CFG007
  }
  forward_auth {
    external_host = "files.example.com" # WARNING: CFG007
  }
}
