# Jobs with somebody in them.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "circleci" {
  profile             = "circleci"
  issuer              = "https://oidc.circleci.com/org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e"
  oidc_well_known_url = "https://oidc.circleci.com/org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from           = [oauth_source.circleci]
    require_claims = { "oidc.circleci.com/project-id" = "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c" } # WARNING: WIF025
  }
}
