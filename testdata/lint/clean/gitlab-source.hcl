# What holds of every job stands at the source.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "gitlab" {
  profile             = "gitlab"
  issuer              = "https://gitlab.com"
  oidc_well_known_url = "https://gitlab.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  require_claims      = { ref_protected = "true", namespace_id = "72" }
  max_token_age       = "1h"
}

provider "files" {
  access "ci" {
    from = [oauth_source.gitlab]
    require_claims = {
      project_path = ["acme/api", "acme/web"]
      ref          = "main"
    }
  }
}
