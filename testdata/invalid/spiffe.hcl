oauth_source "scheme" {
  oidc_jwks    = "{}"
  trust_domain = "spiffe://example.org" # ERROR: "trust_domain" is no trust domain
}

oauth_source "case" {
  oidc_jwks    = "{}"
  trust_domain = "Example.org" # ERROR: "trust_domain" is no trust domain
}

oauth_source "port" {
  oidc_jwks    = "{}"
  trust_domain = "example.org:443" # ERROR: "trust_domain" is no trust domain
}

oauth_source "nothing" {
  oidc_jwks    = "{}"
  trust_domain = "" # ERROR: "trust_domain" is no trust domain
}

oauth_source "list" {
  oidc_jwks    = "{}"
  trust_domain = ["example.org"] # ERROR: "trust_domain" must be a string
}

# A certificate signs for whom it likes: nothing but a source has a trust domain.
verification_certificate "partner" {
  certificate  = "x"
  trust_domain = "example.org" # ERROR: unknown attribute "trust_domain"
}
