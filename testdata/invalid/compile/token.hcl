oauth_source "a" {
  issuer        = "https://a.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://a.example/jwks"
}

oauth_source "b" {
  issuer        = "https://b.example"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://b.example/jwks"
}

provider "two" {
  sub = "input" # ERROR: sub = "input" needs one source
  access "both" {
    from = [oauth_source.a, oauth_source.b]
  }
}

provider "one" {
  sub    = "input"
  claims = { team = "sre", aud = "x" } # ERROR: the claim "aud" is m2md's to set
  access "a" {
    from = [oauth_source.a]
  }
}

provider "hidden" {
  sub = "hashed"
  access "both" {
    from = [oauth_source.a, oauth_source.b]
  }
}

provider "after" {
  access "hidden" {
    from = [provider.hidden] # ERROR: tokens of provider.hidden do not say whose they are
  }
}
