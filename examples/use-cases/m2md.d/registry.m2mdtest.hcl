test "acme/api pushes images" {
  provider      = provider.images
  source        = oauth_source.github
  expect        = "allow"
  expect_access = "ci"
  expect_claims = { aud = "registry.example.com", sub = "github/repo:acme@1234/api@5678:ref:refs/heads/main" }
}

test "the repository on the company's own GitHub pushes images" {
  provider      = provider.images
  source        = oauth_source.github_enterprise
  claims        = { repository_id = "42" }
  expect        = "allow"
  expect_access = "enterprise"
}

test "what else there is on the company's own GitHub" {
  for_each = {
    "another repository" = { repository_id = "43" }
    "another branch"     = { repository_id = "42", ref = "refs/heads/topic" }
    "other audiences"    = { repository_id = "42", aud = "https://github.example.com/acme" }
  }
  provider = provider.images
  source   = oauth_source.github_enterprise
  claims   = each.value
  expect   = "deny"
}

test "who does not push images" {
  for_each = {
    "another repository"                 = { source = oauth_source.github, claims = { repository = "acme/web", repository_id = "6789", sub = "repo:acme@1234/web@6789:ref:refs/heads/main" } }
    "a fork"                             = { source = oauth_source.github, claims = { repository = "mallory/api", repository_id = "999", repository_owner = "mallory", repository_owner_id = "666", sub = "repo:mallory@666/api@999:ref:refs/heads/main" } }
    "a pull request"                     = { source = oauth_source.github, claims = { event_name = "pull_request_target" } }
    "another branch"                     = { source = oauth_source.github, claims = { ref = "refs/heads/topic", sub = "repo:acme@1234/api@5678:ref:refs/heads/topic" } }
    "a repository elsewhere, by that ID" = { source = oauth_source.github_enterprise, claims = {} }
  }
  provider  = provider.images
  source    = each.value.source
  claims    = each.value.claims
  expect    = "deny"
  denied_by = policy.may_push
}

test "people do not push images" {
  provider  = provider.images
  account   = service_account.on_call
  expect    = "deny"
  denied_by = policy.may_push
}
