provider "loki" {
  client_id        = ""                    # ERROR: "client_id" is no client ID
  audience         = []                    # ERROR: "audience" is empty
  scopes           = ["read", "a b", ""]   # ERROR: a member of "scopes" is no scope # ERROR: a member of "scopes" is no scope
  access_token_ttl = "25h"                 # ERROR: "access_token_ttl" is out of range
  signing_key      = "signing_key.main"    # ERROR: "signing_key" takes references
  mappings         = [policy.repo_claims]  # ERROR: "mappings" takes no policy
  policy_messages  = "yes"                 # ERROR: "policy_messages" must be true or false
  compat           = "keycloak"            # ERROR: "compat" has no such value
  issuer_mode      = "host"                # ERROR: "issuer_mode" has no such value
  sub              = "x"                   # ERROR: "sub" has no such value
  not_after_input  = "true"                # ERROR: "not_after_input" must be true or false
  claims           = ["x"]                 # ERROR: "claims" must be an object
  allowed_origins  = [
    "*",                   # ERROR: a member of "allowed_origins" is no origin
    "https://App.example", # ERROR: a member of "allowed_origins" is no origin
    "https://a.example/",  # ERROR: a member of "allowed_origins" is no origin
    "https://a.example:443", # ERROR: a member of "allowed_origins" is no origin
    "null",                # ERROR: a member of "allowed_origins" is no origin
    "http://localhost:3000",
  ]
  audiance         = ["x"]                 # ERROR: unknown attribute "audiance"

  proxy { # ERROR: "proxy" is not supported yet
    upstream = "http://127.0.0.1:3100"
  }
  registry { # ERROR: "registry" is not supported yet
  }

  access "none" { # ERROR: "from" is missing
    policy_mode       = "some" # ERROR: "policy_mode" has no such value
    allow_any_subject = 1      # ERROR: "allow_any_subject" must be true or false
  }
  access "ways" {
    from = [
      policy.x,                # ERROR: "from" takes no policy
      oauth_sorce.x,           # ERROR: "from" takes no "oauth_sorce"
      oauth_source.x.y,        # ERROR: "from" takes references
      oauth_source,            # ERROR: "from" takes references
      oauth_source["x"],       # ERROR: "from" takes references
      "oauth_source.x",        # ERROR: "from" takes references
      env("X"),                # ERROR: "from" takes references
      oauth_source.X,          # ERROR: "from" takes references
      oauth_source.x,
    ]
    policies = policy.x        # ERROR: "policies" must be a list of references
  }
  access "computed" {
    from     = [for s in ["a"] : s]  # ERROR: "from" must be a list of references
    policies = policy.all[*]         # ERROR: "policies" must be a list of references
  }
  access "empty" {
    from     = [] # ERROR: "from" is empty
    policies = []
  }
  access { # ERROR: "access" has no label
  }

  forward_auth {
    external_host = "Loki.example.com" # ERROR: "external_host" has upper-case letters
    accept        = ["jwt"]            # ERROR: a member of "accept" has no such value
    policy_mode   = "one"              # ERROR: "policy_mode" has no such value
    policy_headers = [
      "User_Agent", # ERROR: a member of "policy_headers" is no header
      "",           # ERROR: a member of "policy_headers" is no header
      "User-Agent",
    ]
    skip_paths = [
      "ready",        # ERROR: a member of "skip_paths" does not begin with a slash
      "/a/*/b",       # ERROR: a member of "skip_paths" has a * in its midst
      "/a*",          # ERROR: a member of "skip_paths" has a * in its midst
      "/a/../b",      # ERROR: a member of "skip_paths" is not in its plain form
      "/a//b",        # ERROR: a member of "skip_paths" is not in its plain form
      "/%2e",         # ERROR: a member of "skip_paths" holds characters that servers read differently
      "/a;b",         # ERROR: a member of "skip_paths" holds characters that servers read differently
      "/a?b",         # ERROR: a member of "skip_paths" holds characters that servers read differently
      "/a\\b",        # ERROR: a member of "skip_paths" holds characters that servers read differently
      "/ok", "/ok/*", "/*",
    ]
    headers { # ERROR: "headers" is not supported yet
    }
  }
  forward_auth { # ERROR: "forward_auth" is declared twice
  }
}

provider "grafana" {
  signing_key = policy.x        # ERROR: "signing_key" takes no policy
  access_token_ttl = "1500ms"   # ERROR: "access_token_ttl" is out of range
  scopes = "read"               # ERROR: "scopes" must be a list of strings
  forward_auth {
    external_host = "https://x.example" # ERROR: "external_host" is no host
  }
  service_account "x" { # ERROR: unknown block "service_account"
  }
}

provider "tempo" {
  access_token_ttl = 900 # ERROR: "access_token_ttl" must be a duration
}
