# Two clusters with the name that they were made with.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "a" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "../material/jwks/cluster-a.json"
  audiences      = ["https://auth.example.com"]
  max_token_age  = "1h"
}

oauth_source "b" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local" # WARNING: WIF019
  oidc_jwks_file = "../material/jwks/cluster-b.json"
  audiences      = ["https://auth.example.com"]
  max_token_age  = "1h"
}

provider "files" {
  access "monitoring" {
    from = [oauth_source.a, oauth_source.b]
    require_claims = {
      "kubernetes.io" = { namespace = "monitoring" }
    }
  }
}
