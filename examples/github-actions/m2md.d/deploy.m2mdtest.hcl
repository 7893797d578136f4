# What the configuration is meant to decide. m2md test runs it on tokens such as
# GitHub signs, of a push to main of acme/api, with the changes that stand here.
locals {
  web = {
    repository       = "acme/web"
    repository_id    = "6789"
    sub              = "repo:acme@1234/web@6789:ref:refs/heads/main"
    workflow_ref     = "acme/web/.github/workflows/deploy.yml@refs/heads/main"
    job_workflow_ref = "acme/web/.github/workflows/deploy.yml@refs/heads/main"
  }
  shared   = { job_workflow_ref = "acme/workflows/.github/workflows/shared-deploy.yml@refs/tags/v1" }
  reviewed = { environment = "production", sub = "repo:acme@1234/api@5678:environment:production" }
  fork = {
    repository            = "mallory/api"
    repository_id         = "999"
    repository_owner      = "mallory"
    repository_owner_id   = "666"
    repository_visibility = "public"
    sub                   = "repo:mallory@666/api@999:ref:refs/heads/main"
  }
}

test "who gets to staging" {
  for_each = {
    "a push to main of acme/api"               = { claims = {}, access = "api_main" }
    "a run on main by hand"                    = { claims = { event_name = "workflow_dispatch" }, access = "api_main" }
    "another repository, by the shared deploy" = { claims = merge(local.web, local.shared), access = "shared_workflow" }
  }
  provider      = provider.staging
  source        = oauth_source.github
  claims        = each.value.claims
  expect        = "allow"
  expect_access = each.value.access
  expect_claims = { aud = "https://deploy.staging.example.com" }
}

test "who does not get to staging" {
  for_each = {
    "a fork"                                   = { claims = local.fork, by = "require_claims" }
    "a fork, by the shared deploy"             = { claims = merge(local.fork, local.shared), by = "require_claims" }
    "another repository, by its own"           = { claims = local.web, by = "require_claims" }
    "the repository, made again"               = { claims = { repository_id = "7777" }, by = "require_claims" }
    "a pull request"                           = { claims = { event_name = "pull_request", ref = "refs/pull/7/merge", head_ref = "topic", base_ref = "main" }, by = "require_claims" }
    "what a stranger's pull request starts"    = { claims = { event_name = "pull_request_target" }, by = "require_claims" }
    "a branch"                                 = { claims = { ref = "refs/heads/main-2" }, by = "require_claims" }
    "the shared deploy, as a branch has it"    = { claims = merge(local.web, { job_workflow_ref = "acme/workflows/.github/workflows/shared-deploy.yml@refs/heads/main" }), by = "require_claims" }
    "the shared deploy, for a branch"          = { claims = merge(local.web, local.shared, { ref = "refs/heads/topic" }), by = "require_claims" }
    "the shared deploy, started by a stranger" = { claims = merge(local.web, local.shared, { event_name = "pull_request_target" }), by = "require_claims" }
    "the shared deploy of a fork"              = { claims = merge(local.web, { job_workflow_ref = "mallory/workflows/.github/workflows/shared-deploy.yml@refs/tags/v1" }), by = "require_claims" }
    "the audience that GitHub gives unasked"   = { claims = { aud = "https://github.com/acme" }, by = "audience" }
  }
  provider  = provider.staging
  source    = oauth_source.github
  claims    = each.value.claims
  expect    = "deny"
  denied_by = each.value.by
}

test "a token counts once" {
  provider     = provider.staging
  source       = oauth_source.github
  shown_before = [provider.staging]
  expect       = "deny"
  denied_by    = "replay"
}

test "the reviewed job gets to production" {
  for_each      = ["2026-06-15T12:00:00Z", "2026-12-19T23:59:59Z", "2027-01-03T00:00:00Z"]
  at            = each.value
  provider      = provider.production
  source        = oauth_source.github
  claims        = local.reviewed
  expect        = "allow"
  expect_access = "api_reviewed"
}

test "nothing changes in production from 20 December to 2 January" {
  for_each  = ["2026-12-20T00:00:00Z", "2026-12-24T12:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "2027-01-02T23:59:59Z"]
  at        = each.value
  provider  = provider.production
  source    = oauth_source.github
  claims    = local.reviewed
  expect    = "deny"
  denied_by = policy.change_freeze
}

test "who does not get to production" {
  for_each = {
    "a job without the environment"          = { environment = null }
    "a job of another environment"           = { environment = "staging" }
    "the environment, of a topic branch"     = { ref = "refs/heads/topic" }
    "the environment of another repository"  = { repository = "acme/web", repository_id = "6789" }
    "the environment, started by a stranger" = { event_name = "pull_request_target" }
  }
  at        = "2026-06-15T12:00:00Z"
  provider  = provider.production
  source    = oauth_source.github
  claims    = merge(local.reviewed, each.value)
  expect    = "deny"
  denied_by = "require_claims"
}

test "a token for staging is none for production" {
  provider = provider.production
  source   = oauth_source.github
  door     = "forward_auth"
  expect   = "deny"
  request {
    credential = "proof"
  }
}
