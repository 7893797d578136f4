# All accounts of a namespace, by sub.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "cluster" {
  profile             = "kubernetes"
  issuer              = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A"
  oidc_well_known_url = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
  max_token_age       = "1h"
}

provider "files" {
  access "monitoring" {
    from = [oauth_source.cluster]
    require_claims = {
      sub             = pattern("system:serviceaccount:monitoring:.*")
      "kubernetes.io" = { pod = { name = pattern("prometheus-.*") } }
    }
  }
}
