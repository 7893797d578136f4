# An instance of one's own.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "ghes" {
  profile       = "github-actions"
  issuer        = "https://github.acme.example/_services/token"
  oidc_jwks_url = "https://github.acme.example/_services/token/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.ghes]
    require_claims = {
      repository_id = "12"
      ref           = "refs/heads/main"
    }
  }
}
