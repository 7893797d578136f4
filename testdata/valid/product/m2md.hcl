# The example of the product's page, without what later versions bring.

server {
  listen          = "127.0.0.1:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/8", "unix"]
  tls {
    certificate_file = "tls.crt"
    private_key_file = "tls.key"
  }
}

metrics {
  listen = "127.0.0.1:9441"
}

signing_key "main" {
  algorithm    = "ES256"
  rotate_every = "720h"
}

signing_key "own" {
  private_key_file = "own.pem"
}

verification_certificate "partner" {
  certificate_file = "certs/partner.pem"
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

oauth_source "cluster_a" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "jwks/cluster-a.json"
  audiences      = ["m2md"]
}

service_account "prometheus" {
  display_name = "Prometheus, cluster A"
  groups       = ["metrics"]
  attributes   = { team = "sre" }
  app_passwords {
    max_age    = "2160h"
    max_active = 3
  }
}

policy "only_repo" {
  inputs = { repository = "my-user/my-repo" }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    if (!jwt) return false;
    return jwt.iss === "https://token.actions.githubusercontent.com"
        && jwt.repository === inputs.repository;
  JS
}

provider "loki" {
  client_id        = "loki"
  audience         = ["loki"]
  access_token_ttl = "15m"
  signing_key      = signing_key.main

  access "ci" {
    from           = [oauth_source.github, verification_certificate.partner]
    require_claims = { repository_owner_id = "1234" }
    policies       = [policy.only_repo]
  }
  access "metrics" {
    from = [service_account.prometheus]
  }

  forward_auth {
    external_host = "loki.example.com"
    skip_paths    = ["/ready", "/static/*"]
  }
}
