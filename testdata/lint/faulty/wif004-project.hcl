# Every project, by a pattern of paths.

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
    from = [oauth_source.gitlab]
    require_claims = {
      project_path  = pattern(".*/api") # WARNING: WIF004
      ref_protected = "true"
    }
  }
}
