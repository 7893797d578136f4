test " a space" { # ERROR: name in a wrong form
}

test "" { # ERROR: name in a wrong form
}

test "nothing is said" { # ERROR: "provider" is missing # ERROR: "expect" is missing # ERROR: "source", "certificate" or "account" is missing
}

test "two who show something" {
  provider = provider.loki
  source   = oauth_source.github
  account  = service_account.ci # ERROR: "source" and "account" exclude each other
  expect   = "deny"
}

test "words" {
  provider     = policy.loki          # ERROR: "provider" takes no policy
  source       = "oauth_source.github" # ERROR: "source" takes references
  expect       = "refuse"             # ERROR: "expect" has no such value
  door         = "proxy"              # ERROR: "door" has no such value
  denied_by    = "polices"            # ERROR: "denied_by" has no such value
  expect_error = "forbidden"          # ERROR: "expect_error" has no such value
  expects      = "allow"              # ERROR: unknown attribute "expects"
}

test "forms" {
  provider        = provider.loki
  account         = service_account.ci
  at              = "yesterday" # ERROR: "at" is not a time
  age             = "-1h"       # ERROR: "age" is out of range
  claims          = "x"         # ERROR: "claims" must be an object
  denied_by       = provider.x  # ERROR: "denied_by" takes no provider
  expect_claims   = { sub = null } # ERROR: a member of "expect_claims" is null
  expect_messages = []          # ERROR: "expect_messages" is empty
  expect          = "deny"
  request {
    client_ip  = "localhost" # ERROR: "client_ip" is not an address
    credential = "password"  # ERROR: "credential" has no such value
    headers    = { a = 1 }   # ERROR: a member of "headers" must be a string
    verb       = "GET"       # ERROR: unknown attribute "verb"
  }
}

test "what is computed" {
  provider = provider.loki
  source   = oauth_source.github
  claims   = { ref = each.key } # ERROR: "each" without a table
  scopes   = [env("SCOPE", "x")] # ERROR: "scopes" comes from env() or file()
  expect   = "deny"
}

test "a table of nothing" {
  for_each = [] # ERROR: "for_each" has a number of cases out of range
  provider = provider.loki
  source   = oauth_source.github
  expect   = "deny"
}

test "a table that is none" {
  for_each = "x" # ERROR: "for_each" must be a list or an object
  provider = provider.loki
  source   = oauth_source.github
  expect   = "deny"
}

test "rows" {
  for_each = {
    one = { source = provider.loki } # ERROR: "source" takes no provider
    two = { source = oauth_source.github }
  }
  provider = provider.loki
  source   = each.value.source
  expect   = "deny"
}

test "rows without what is asked for" {
  for_each = [{}]
  provider = provider.loki
  source   = oauth_source.github
  expect   = each.value.expect # ERROR: unsupported attribute
}
