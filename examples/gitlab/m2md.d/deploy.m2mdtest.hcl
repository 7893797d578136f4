# What the configuration is meant to decide. m2md test runs it on tokens such as
# GitLab signs, with the changes that stand here.
locals {
  production = { environment = "production", environment_protected = "true" }
  main       = { project_id = "20", namespace_id = "72", ref = "main", ref_type = "branch", ref_protected = "true", pipeline_source = "push" }
  tagged     = { project_id = "20", namespace_id = "72", ref = "v1.2.3", ref_type = "tag", ref_protected = "true", pipeline_source = "push" }
}

test "who gets in" {
  for_each = {
    "main to staging"           = { provider = provider.staging, claims = local.main, access = "api_main" }
    "a version to production"   = { provider = provider.production, claims = merge(local.tagged, { environment = "production", environment_protected = "true" }), access = "api_versions" }
    "a version to packages"     = { provider = provider.packages, claims = local.tagged, access = "versions" }
    "another project's version" = { provider = provider.packages, claims = merge(local.tagged, { project_id = "21" }), access = "versions" }
  }
  provider      = each.value.provider
  source        = oauth_source.gitlab
  claims        = each.value.claims
  expect        = "allow"
  expect_access = each.value.access
}

test "who does not" {
  for_each = {
    "a branch that is not protected"     = { provider = provider.staging, claims = merge(local.main, { ref = "topic", ref_protected = "false" }) }
    "another protected branch"           = { provider = provider.staging, claims = merge(local.main, { ref = "release" }) }
    "main, while it is not protected"    = { provider = provider.staging, claims = merge(local.main, { ref_protected = "false" }) }
    "a merge request"                    = { provider = provider.staging, claims = merge(local.main, { pipeline_source = "merge_request_event" }) }
    "a tag by the name of main"          = { provider = provider.staging, claims = merge(local.main, { ref_type = "tag" }) }
    "another project"                    = { provider = provider.staging, claims = merge(local.main, { project_id = "21" }) }
    "a version without the environment"  = { provider = provider.production, claims = local.tagged }
    "an environment that is unprotected" = { provider = provider.production, claims = merge(local.tagged, { environment = "production", environment_protected = "false" }) }
    "the environment, from main"         = { provider = provider.production, claims = merge(local.main, { environment = "production", environment_protected = "true" }) }
    "a version, for another environment" = { provider = provider.production, claims = merge(local.tagged, local.production, { environment = "staging" }) }
    "another project's version"          = { provider = provider.production, claims = merge(local.tagged, local.production, { project_id = "21" }) }
    "a tag that is no version"           = { provider = provider.production, claims = merge(local.tagged, local.production, { ref = "v1.2.3-rc1" }) }
    "a branch by the name of a version"  = { provider = provider.production, claims = merge(local.tagged, local.production, { ref_type = "branch" }) }
    "a branch like a version"            = { provider = provider.packages, claims = merge(local.tagged, { ref_type = "branch" }) }
    "a version of a fork"                = { provider = provider.packages, claims = merge(local.tagged, { namespace_id = "88" }) }
    "what is no version"                 = { provider = provider.packages, claims = merge(local.tagged, { ref = "v1.2.3-rc1" }) }
  }
  provider  = each.value.provider
  source    = oauth_source.gitlab
  claims    = each.value.claims
  expect    = "deny"
  denied_by = "require_claims"
}

test "a job that runs for long comes too late" {
  provider  = provider.staging
  source    = oauth_source.gitlab
  claims    = local.main
  age       = "11m"
  expect    = "deny"
  denied_by = "times"
}

test "the audience that is GitLab itself" {
  provider  = provider.staging
  source    = oauth_source.gitlab
  claims    = merge(local.main, { aud = "https://gitlab.com" })
  expect    = "deny"
  denied_by = "audience"
}
