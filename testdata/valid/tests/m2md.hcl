server {
  listen          = "127.0.0.1:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

provider "loki" {
  scopes = ["a"]
  access "ci" {
    from     = [oauth_source.github]
    policies = [policy.p]
  }
  forward_auth {
    external_host  = "loki.example.com"
    skip_paths     = ["/ready"]
    policy_headers = ["X-Team"]
  }
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

service_account "ci" {
}

policy "p" {
  script = "return false;"
}

test "what is said: anything (in text)" {
  provider        = provider.loki
  source          = oauth_source.github
  claims          = { environment = null, exp = "-5m", extra = { a = [1, true, null] } }
  age             = "1h"
  via             = provider.loki
  shown_before    = [provider.loki]
  scopes          = ["a"]
  door            = "forward_auth"
  at              = "2026-12-24T10:00:00Z"
  expect          = "deny"
  denied_by       = policy.p
  expect_error    = "unauthorized_client"
  expect_messages = ["not"]
  request {
    method     = "POST"
    path       = "/x"
    host       = "loki.example.com"
    client_ip  = "2001:db8::1"
    headers    = { "X-Team" = "sre" }
    credential = "proof"
  }
}

test "an open path" {
  provider      = provider.loki
  door          = "forward_auth"
  expect        = "allow"
  expect_access = "skip_paths"
  request {
    path       = "/ready"
    credential = "none"
  }
}

test "rows by name" {
  for_each = {
    "a fork"   = { ref = "refs/heads/x", expect = "deny", by = policy.p, source = oauth_source.github }
    "the same" = { ref = "refs/heads/y", expect = "deny", by = "audience", source = oauth_source.github }
    "main"     = { ref = "refs/heads/main", expect = "allow", by = null, source = oauth_source.github }
  }
  provider      = provider.loki
  source        = each.value.source
  claims        = { ref = each.value.ref }
  expect        = each.value.expect
  denied_by     = each.value.by
  expect_claims = each.value.by == null ? { sub = pattern("github/.*") } : null
}
