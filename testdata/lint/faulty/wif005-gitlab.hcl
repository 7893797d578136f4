# Every branch of the project. That runs of others are let in, too, is another finding.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "gitlab" {
  profile             = "gitlab"
  issuer              = "https://gitlab.com"
  oidc_well_known_url = "https://gitlab.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  max_token_age       = "1h"
}

provider "files" {
  access "ci" {
    from           = [oauth_source.gitlab]
    require_claims = { sub = pattern("project_path:acme/api:.*") } # WARNING: WIF005 # WARNING: WIF017
  }
}
