# A repository at Codeberg.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "forgejo" {
  profile             = "forgejo"
  issuer              = "https://codeberg.org/api/actions"
  oidc_well_known_url = "https://codeberg.org/api/actions/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.forgejo]
    require_claims = {
      repository_id = "5678"
      ref           = "refs/heads/main"
      event_name    = "push"
    }
  }
}
