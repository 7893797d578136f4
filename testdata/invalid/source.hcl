oauth_source "none" { # ERROR: "oidc_jwks_url", "oidc_well_known_url", "oidc_jwks_file" or "oidc_jwks" is missing
  issuer    = ""           # ERROR: "issuer" is empty
  audiences = []           # ERROR: "audiences" is empty
  leeway    = "61s"        # ERROR: "leeway" is out of range
  replay    = "twice"      # ERROR: "replay" has no such value
  max_token_age = "0s"     # ERROR: "max_token_age" is out of range
}

oauth_source "both" {
  oidc_jwks      = "{}"
  oidc_jwks_file = "no-such.json" # ERROR: "oidc_jwks" and "oidc_jwks_file" exclude each other # ERROR: file "no-such.json" does not exist
  audiences      = "m2md"         # ERROR: "audiences" must be a list of strings
  allow_http     = "true"         # ERROR: "allow_http" must be true or false
  profile        = null           # ERROR: "profile" is null
  consumer_key   = 3              # ERROR: "consumer_key" must be a string
}

oauth_source "opaque" {
  introspection_url    = "x"         # ERROR: "introspection_url" is no http or https URL
  consumer_secret_file = "none.txt"  # ERROR: file "none.txt" does not exist
  consumer_secret      = "swordfish" # ERROR: "consumer_secret_file" and "consumer_secret" exclude each other # WARNING: "consumer_secret" stands in the file as it is
}

oauth_source "secret" {
  oidc_jwks       = "{}"
  consumer_secret = "swordfish" # WARNING: "consumer_secret" stands in the file as it is
}

verification_certificate "partner" { # ERROR: "certificate_file" or "certificate" is missing
  audiences = ["", "a"] # ERROR: a member of "audiences" is empty
}

oauth_source { # ERROR: "oauth_source" has no label
}

oauth_source "a" "b" { # ERROR: too many labels for "oauth_source"
}

oauth_source "GitHub" { # ERROR: label in a wrong form
}

oauth_sorce "github" { # ERROR: unknown block "oauth_sorce"
}

mapping "x" { # ERROR: "script" or "script_file" is missing
  inputs = 3 # ERROR: "inputs" must be an object
}

issuer = "x" # ERROR: unknown attribute "issuer"

locals = {} # ERROR: "locals" is a block, not an attribute
