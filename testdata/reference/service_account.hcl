server {
  external_url = "https://auth.example.com"
}

service_account "prometheus" {
  display_name = "Prometheus, cluster A"
  groups       = ["metrics"]
  attributes   = { team = "sre", tier = 1 }

  app_passwords {
    max_age       = "2160h"
    max_active    = 3
    allowed_cidrs = ["10.0.0.0/8"]
  }

  jwt { # a JWT that is the account's own
    source         = oauth_source.cluster
    require_claims = { sub = "system:serviceaccount:monitoring:prometheus" }
  }
}

oauth_source "cluster" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "/run/secrets/cluster-jwks.json"
  audiences      = ["m2md"]
}

provider "metrics" {
  access "prometheus" { from = [service_account.prometheus] }
}
