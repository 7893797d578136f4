# What the configuration is meant to decide. m2md test runs it; the daemon does
# not read this file.

test "a job on main gets in" {
  provider      = provider.files
  certificate   = verification_certificate.ci
  claims        = { repository_owner = "acme", ref = "refs/heads/main" }
  expect        = "allow"
  expect_access = "ci"
  expect_claims = { sub = "ci/machine", aud = "files" }
}

test "jobs that do not" {
  for_each = {
    "on another branch"  = { ref = "refs/heads/topic", by = policy.main_branch }
    "on main-2"          = { ref = "refs/heads/main-2", by = policy.main_branch }
    "on a tag"           = { ref = "refs/tags/main", by = policy.main_branch }
    "that name none"     = { ref = null, by = policy.main_branch }
    "of somebody else's" = { owner = "mallory", ref = "refs/heads/main", by = "require_claims" }
    "for somebody else"  = { aud = "https://vault.example.com", ref = "refs/heads/main", by = "audience" }
    "of yesterday"       = { exp = "-24h", ref = "refs/heads/main", by = "times" }
  }
  provider    = provider.files
  certificate = verification_certificate.ci
  claims = {
    repository_owner = try(each.value.owner, "acme")
    ref              = each.value.ref
    aud              = try(each.value.aud, "http://127.0.0.1:9440")
    exp              = try(each.value.exp, "5m")
  }
  expect    = "deny"
  denied_by = each.value.by
}

test "the backup gets in" {
  provider      = provider.files
  account       = service_account.backup
  expect        = "allow"
  expect_access = "backup"
}

test "the backup reads with its app password" {
  provider = provider.files
  account  = service_account.backup
  door     = "forward_auth"
  expect   = "allow"
  request {
    path       = "/reports"
    credential = "proof"
  }
}

test "nobody reads without credentials" {
  provider = provider.files
  door     = "forward_auth"
  expect   = "deny"
  request {
    path       = "/reports"
    credential = "none"
  }
}

test "whoever asks may see that it is ready" {
  provider      = provider.files
  door          = "forward_auth"
  expect        = "allow"
  expect_access = "skip_paths"
  request {
    path       = "/ready"
    credential = "none"
  }
}
