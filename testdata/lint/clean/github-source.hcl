# The owner is required of every token, and the rest by each access.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  require_claims      = { repository_owner_id = "1234" }
}

provider "files" {
  access "main" {
    from = [oauth_source.github]
    require_claims = {
      ref        = "refs/heads/main"
      event_name = "push"
    }
  }
  access "tags" {
    from = [oauth_source.github]
    require_claims = {
      ref        = pattern("refs/tags/v.+")
      repository = pattern(".+/api")
    }
  }
}
