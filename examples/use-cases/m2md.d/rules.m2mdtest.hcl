locals {
  mine = { repository = "my-user/my-repo", repository_owner = "my-user", sub = "repo:my-user/my-repo:ref:refs/heads/main" }
}

test "my repository writes rules" {
  provider      = provider.loki
  source        = oauth_source.github
  claims        = local.mine
  door          = "forward_auth"
  expect        = "allow"
  expect_access = "rules"
  request {
    method = "POST"
    path   = "/loki/api/v1/rules/my-namespace"
  }
}

test "a fork cannot write rules" {
  provider  = provider.loki
  source    = oauth_source.github
  claims    = { repository = "someone/my-repo", repository_owner = "someone", sub = "repo:someone/my-repo:ref:refs/heads/main" }
  expect    = "deny"
  denied_by = policy.only_repo
}

test "a repository of that name on another GitHub cannot write rules" {
  provider  = provider.loki
  source    = oauth_source.github_enterprise
  claims    = local.mine
  expect    = "deny"
  denied_by = policy.only_repo
}

test "people do not write rules" {
  provider  = provider.loki
  account   = service_account.on_call
  expect    = "deny"
  denied_by = policy.only_repo
}

test "a token for metrics is none for Loki" {
  provider = provider.loki
  source   = oauth_source.cluster_a
  expect   = "deny"
}
