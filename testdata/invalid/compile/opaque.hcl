oauth_source "alone" {
  issuer            = "https://idp.example.com"
  audiences         = ["m2md"]
  introspection_url = "https://idp.example.com/introspect" # ERROR: "introspection_url" needs "consumer_key" and "consumer_secret"
}

oauth_source "idp" {
  issuer            = "https://idp.example.com"
  audiences         = ["m2md"]
  introspection_url = "https://idp.example.com/introspect"
  consumer_key      = "m2md"
  consumer_secret   = env("CONSUMER_SECRET", "s3cret")
  profile_url       = "https://idp.example.com/userinfo" # NOTE: "profile_url" has no effect
  replay            = "once"                             # ERROR: replay = "once" does not fit opaque tokens
}

oauth_source "profile" {
  issuer             = "https://git.example.com"
  allow_any_audience = true
  profile_url        = "https://git.example.com/api/user"
  subject_claim      = "id"
  consumer_key       = "m2md" # NOTE: "consumer_key" has no effect
}

oauth_source "plain" {
  issuer             = "https://hub.example.com"
  allow_any_audience = true
  profile_url        = "http://hub.example.com/api/user" # ERROR: the source cannot be asked there about its tokens
}

# As authentik has them: a profile_url beside keys opens nothing.
oauth_source "seed" {
  issuer          = "https://ci.example.com"
  audiences       = ["m2md"]
  oidc_jwks_url   = "https://ci.example.com/jwks"
  consumer_key    = "x"                    # NOTE: "consumer_key" has no effect
  consumer_secret = env("UNSET", "x")      # NOTE: "consumer_secret" has no effect
  profile_url     = "https://example.com/" # NOTE: "profile_url" has no effect
  subject_claim   = "id"                   # NOTE: "subject_claim" has no effect
}

provider "files" {
  access "two" {
    from     = [oauth_source.idp, oauth_source.profile] # ERROR: opaque tokens of oauth_source.idp and of oauth_source.profile cannot be told apart # ERROR: access "two" lets every tenant of oauth_source.profile in
  }
  access "seed" {
    from = [oauth_source.seed]
  }
}
