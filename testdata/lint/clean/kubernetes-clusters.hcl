# Two clusters under one name, which is known, and a service account of m2md.

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
  profile = "kubernetes"

  # m2md:ignore WIF019 both were made with the default name
  # To change it, every pod would have to be started again.
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "../material/jwks/cluster-b.json"
  audiences      = ["https://auth.example.com"]
  max_token_age  = "1h"
}

service_account "prometheus" {
  jwt {
    source = oauth_source.a
    require_claims = {
      sub             = "system:serviceaccount:monitoring:prometheus"
      "kubernetes.io" = { serviceaccount = { uid = "e6a8680e-d103-4cce-80ea-03acbbeacf7d" } }
    }
  }
}

provider "files" {
  access "prometheus" {
    from = [service_account.prometheus]
  }
  access "monitoring" {
    from = [oauth_source.b]
    require_claims = {
      "kubernetes.io" = { namespace = "monitoring" }
    }
  }
}
