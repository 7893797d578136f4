server {
  listen       = "127.0.0.1:9440"
  external_url = "https://auth.example.com"
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

service_account "backup" {
}

policy "p" {
  script = "return request.context.oauth_jwt.ref === \"x\";"
}

provider "files" {
  access "ci" {
    from     = [oauth_source.github, service_account.backup]
    policies = [policy.p]
  }
}

test "names" {
  provider     = provider.file           # ERROR: provider.file is not declared
  source       = oauth_source.guthub     # ERROR: oauth_source.guthub is not declared
  via          = provider.fils           # ERROR: provider.fils is not declared
  shown_before = [provider.x]            # ERROR: provider.x is not declared
  expect       = "deny"
  denied_by    = policy.q                # ERROR: policy.q is not declared
}

test "names" { # ERROR: the test "names" is declared twice
  provider = provider.files
  account  = service_account.backup
  claims   = { ref = "x" } # ERROR: an app password has no claims
  expect   = "deny"
}

test "claims" {
  provider = provider.files
  source   = oauth_source.github
  claims   = { repositry = "x", repository_id = 5678 } # WARNING: no token of GitHub Actions is known to have "repositry" # WARNING: "repository_id" of GitHub Actions is a string
  expect   = "deny"
}

test "the door" {
  provider = provider.files
  source   = oauth_source.github
  door     = "forward_auth" # ERROR: provider "files" guards nothing
  expect   = "deny"
}

test "the request" {
  provider = provider.files
  source   = oauth_source.github
  expect   = "deny"
  request {
    path = "/x" # ERROR: "path" is of a guarded request
  }
}

test "nobody" { # ERROR: "source", "certificate" or "account" is missing
  provider = provider.files
  door     = "token"
  expect   = "deny"
}

test "what is expected" {
  provider      = provider.files
  source        = oauth_source.github
  expect        = "deny"
  expect_access = "c1" # ERROR: provider "files" has no such access # ERROR: "expect_access" does not go with expect = "deny"
}

test "what is expected otherwise" {
  provider     = provider.files
  source       = oauth_source.github
  expect       = "allow"
  denied_by    = "audience"        # ERROR: "denied_by" does not go with expect = "allow"
  expect_error = "invalid_client"  # ERROR: "expect_error" does not go with expect = "allow"
}
