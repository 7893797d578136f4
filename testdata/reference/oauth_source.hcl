server {
  external_url = "https://auth.example.com"
}

oauth_source "github" {
  profile        = "github-actions" # what the issuer's tokens look like
  issuer         = "https://token.actions.githubusercontent.com"
  oidc_jwks_url  = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences      = ["https://auth.example.com"]
  require_claims = { repository_owner_id = "1234" }
  leeway         = "10s"
  max_token_age  = "10m"
  replay         = "once"
}

oauth_source "gitlab" { # a server of one's own, with a CA of one's own
  profile             = "gitlab"
  issuer              = "https://gitlab.example.com"
  oidc_well_known_url = "https://gitlab.example.com/.well-known/openid-configuration"
  ca_file             = "/run/secrets/ca.pem"
  audiences           = ["https://auth.example.com"]
}

oauth_source "lab" { # on a network that nobody else is on
  issuer        = "http://issuer.lab.internal"
  oidc_jwks_url = "http://issuer.lab.internal/jwks"
  allow_http    = true
  audiences     = ["https://auth.example.com"]
}

oauth_source "cluster" { # its keys as from kubectl get --raw /openid/v1/jwks
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "/run/secrets/cluster-jwks.json"
  audiences      = ["m2md"]
}

oauth_source "mesh" { # workloads with a SPIFFE ID
  profile      = "spiffe"
  trust_domain = "example.org"
  oidc_jwks    = env("SPIFFE_JWKS")
  audiences    = ["m2md"]
}

oauth_source "legacy" { # opaque tokens, about which the issuer is asked (RFC 7662)
  issuer               = "https://sso.example.com"
  introspection_url    = "https://sso.example.com/introspect"
  consumer_key         = "m2md"
  consumer_secret_file = "/run/secrets/sso"
  subject_claim        = "client_id"
  audiences            = ["https://auth.example.com"]
}

oauth_source "forge" { # opaque tokens, by whose holder's profile
  profile_url        = "https://forge.example.com/api/v4/user"
  ca                 = env("FORGE_CA")
  subject_claim      = "id"
  allow_any_issuer   = true
  allow_any_audience = true
}

oauth_source "asked" { # fields that authentik asks for have no effect, and may stay
  issuer             = "https://asked.example.com"
  introspection_url  = "https://asked.example.com/introspect"
  consumer_key       = "m2md"
  consumer_secret    = env("ASKED_SECRET")
  authorization_url  = "https://asked.example.com/authorize"
  access_token_url   = "https://asked.example.com/token"
  allow_any_audience = true
}
