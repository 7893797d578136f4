oauth_source "a" {
  oidc_jwks = "{}"
  require_claims = {
    nothing        = null             # ERROR: a member of "require_claims" is null
    empty          = ""               # ERROR: a member of "require_claims" is empty
    list           = []               # ERROR: a member of "require_claims" is empty
    object         = {}               # ERROR: a member of "require_claims" is empty
    "kubernetes.io" = { namespace = null } # ERROR: a member of "require_claims" is null
    nested         = ["a", ["b"]]     # ERROR: a member of "require_claims" is a list in a list
    any            = ["a", null]      # ERROR: a member of "require_claims" is null
    set            = toset(["x"])     # ERROR: a member of "require_claims" is neither text, number, bool, list nor object
  }
}

oauth_source "b" {
  oidc_jwks      = "{}"
  require_claims = "x" # ERROR: "require_claims" must be an object
}

oauth_source "c" {
  oidc_jwks      = "{}"
  require_claims = {} # ERROR: "require_claims" is empty
}

oauth_source "d" {
  oidc_jwks      = "{}"
  require_claims = pattern("x") # ERROR: pattern() in a wrong place
}

oauth_source "e" {
  oidc_jwks      = "{}"
  require_claims = null # ERROR: "require_claims" is null
}

oauth_source "f" {
  oidc_jwks = "{}"
  require_claims = {
    nothing = null         # ERROR: a member of "require_claims" is null
    list    = []           # ERROR: a member of "require_claims" is empty
    any     = [pattern("a|b"), { x = "" }, true, 3] # ERROR: a member of "require_claims" is empty
  }
}

oauth_source "g" {
  oidc_jwks      = "{}"
  require_claims = { wrong = pattern("(") } # ERROR: error in function call
}
