# Sound, but for what is said to no effect, and one fault so that it is invalid.
storage {
  engine = "memory"
  path   = "m2md.db" # NOTE: "path" has no effect
}

oauth_source "inline" {
  profile    = "github-actions"
  issuer     = "https://gitlab.com" # WARNING: the issuer is none of GitHub Actions
  audiences  = ["https://auth.example.com"]
  allow_http = true # NOTE: "allow_http" has no effect
  # The key of RFC 7517, appendix A.1.
  oidc_jwks = jsonencode({ keys = [{
    kty = "EC", crv = "P-256", kid = "1",
    x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
  }] })
}

service_account "ci" {
}

provider "files" {
  access "ci" {
    from        = [service_account.ci]
    policy_mode = "any" # NOTE: "policy_mode" has no effect
  }
  access "fault" {
    from = [service_account.none] # ERROR: service_account.none is not declared
  }
  forward_auth {
    external_host = "files.example.com" # WARNING: "external_host" of provider "files" never counts
    skip_paths    = ["/ready"]          # WARNING: "skip_paths" of provider "files" never counts
  }
}
