# The tokens by which pods speak to their API server.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "cluster" {
  profile             = "kubernetes"
  issuer              = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A"
  oidc_well_known_url = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A/.well-known/openid-configuration"
  audiences           = ["https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A"] # WARNING: WIF002
  max_token_age       = "1h"
}

provider "files" {
  access "monitoring" {
    from = [oauth_source.cluster]
    require_claims = {
      "kubernetes.io" = { namespace = "monitoring" }
    }
  }
}
