# Issuers that give a token to anybody, and accesses that ask for nothing more.

oauth_source "github" {
  issuer        = "https://token.actions.githubusercontent.com"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
}

oauth_source "enterprise" {
  profile       = "github-actions"
  issuer        = "https://ghe.example/_services/token"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://ghe.example/_services/token/.well-known/jwks"
}

oauth_source "gitlab" {
  issuer              = "https://gitlab.com"
  audiences           = ["m2md"]
  oidc_well_known_url = "https://gitlab.com/.well-known/openid-configuration"
  require_claims      = { namespace_id = "1" }
}

policy "some" {
  script = "return true;"
}

provider "loki" {
  access "open" {
    from = [
      oauth_source.github,     # ERROR: access "open" lets every tenant of oauth_source.github in
      oauth_source.enterprise, # ERROR: access "open" lets every tenant of oauth_source.enterprise in
      oauth_source.gitlab,
    ]
  }
  access "claims" {
    from           = [oauth_source.github]
    require_claims = { repository_owner_id = "1" }
  }
  access "policy" {
    from     = [oauth_source.github]
    policies = [policy.some]
  }
  access "meant" {
    from              = [oauth_source.github]
    allow_any_subject = true
  }
}
