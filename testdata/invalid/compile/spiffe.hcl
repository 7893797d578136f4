oauth_source "unpinned" { # ERROR: "trust_domain" is missing
  profile       = "spiffe"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://unpinned.example/keys"
}

oauth_source "by_issuer" { # ERROR: "trust_domain" is missing
  profile       = "spiffe"
  issuer        = "https://by-issuer.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://by-issuer.example/keys"
}

oauth_source "other" {
  issuer        = "https://other.example"
  trust_domain  = "example.org" # ERROR: "trust_domain" is only for JWT-SVIDs
  audiences     = ["m2md"]
  oidc_jwks_url = "https://other.example/keys"
}

oauth_source "cluster" { # ERROR: "issuer" is missing
  profile       = "kubernetes"
  trust_domain  = "example.org" # ERROR: "trust_domain" is only for JWT-SVIDs
  audiences     = ["m2md"]
  oidc_jwks_url = "https://cluster.example/keys"
}

oauth_source "twice_said" {
  profile          = "spiffe"
  trust_domain     = "twice.example"
  allow_any_issuer = true # NOTE: "allow_any_issuer" has no effect
  audiences        = ["m2md"]
  oidc_jwks_url    = "https://twice.example/keys"
}

oauth_source "for_all" { # ERROR: "issuer" is missing # ERROR: "audiences" is missing
  profile       = "spiffe"
  trust_domain  = "example.org"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
}

# A JWT-SVID is shown again and again, and may have no jti.
oauth_source "once" {
  profile       = "spiffe"
  trust_domain  = "example.org"
  audiences     = ["m2md"]
  replay        = "once" # ERROR: replay = "once" does not fit tokens of SPIFFE
  oidc_jwks_url = "https://once.example/keys"
}

# Without an issuer, a source is one of every issuer.
oauth_source "nested" {
  profile       = "spiffe"
  trust_domain  = "nested.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://nested.example/keys"
}

oauth_source "nested_too" {
  issuer        = "https://nested.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://nested.example/keys" # ERROR: "nested" and "nested_too" share a key and an issuer
}
