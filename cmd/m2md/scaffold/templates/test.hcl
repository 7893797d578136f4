# What the configuration is meant to decide. m2md test runs it; the daemon does not
# read this file. Each case changes the token that a job usually has.
[[- if and .account (not .cluster)]]

test "Prometheus gets in" {
  provider      = provider.[[.provider.Plain]]
  account       = service_account.prometheus
  expect        = "allow"
  expect_access = "prometheus"
  expect_claims = { sub = "prometheus", aud = [[.audience.HCL]] }
}

test "an app password that is too old" {
  provider  = provider.[[.provider.Plain]]
  account   = service_account.prometheus
  age       = "2161h"
  expect    = "deny"
  denied_by = "app_password"
}
[[- else if .cluster]]
locals {
  ours = {
    sub = [[.subject.HCL]]
    "kubernetes.io" = {
      namespace      = [[.namespace.HCL]]
      serviceaccount = { name = [[.service_account.HCL]], uid = [[.uid.HCL]] }
    }
  }
  other_uid = "00000000-0000-4000-8000-000000000000"
}

test "[[if .account]]Prometheus gets[[else]]the pods get[[end]] in" {
  provider      = provider.[[.provider.Plain]]
  source        = oauth_source.cluster
  claims        = local.ours
  expect        = "allow"
  expect_access = [[if .account]]"prometheus"[[else]]"pods"[[end]]
  expect_claims = { aud = [[.audience.HCL]], sub = [[if .account]]"prometheus"[[else]][[hcl (print "cluster/" .subject.Plain)]][[end]] }
}

test "who does not" {
  for_each = {
    "the account, made again" = { "kubernetes.io" = { serviceaccount = { uid = local.other_uid } } }
    "another account"         = { sub = [[hcl (print .subject.Plain "-2")]] }
  }
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.cluster
  claims    = merge(local.ours, each.value)
  expect    = "deny"
  denied_by = [[if .account]]"access"[[else]]"require_claims"[[end]]
}

test "the token for the API server" {
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.cluster
  claims    = merge(local.ours, { aud = [[ print "[" .default_audience.HCL "]" ]] })
  expect    = "deny"
  denied_by = "audience"
}

test "a token that was made to last" {
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.cluster
  claims    = merge(local.ours, { exp = "720h" })
  age       = "2h"
  expect    = "deny"
  denied_by = "times"
}
[[- else if eq .case.Plain "gitlab"]]
locals {
  ours = {
    sub                = [[.subject.HCL]]
    project_path       = [[.project.HCL]]
    project_id         = [[.project_id.HCL]]
    ref                = [[.branch.HCL]]
    ref_type           = "branch"
    ref_path           = [[.branch_ref.HCL]]
    ref_protected      = "true"
    pipeline_source    = "push"
  }
}

test "a job of the branch gets in" {
  provider      = provider.[[.provider.Plain]]
  source        = oauth_source.gitlab
  claims        = local.ours
  expect        = "allow"
  expect_access = "branch"
  expect_claims = { aud = [[.audience.HCL]], sub = [[hcl (print "gitlab/" .subject.Plain)]] }
}

test "who does not" {
  for_each = {
    "a fork, or another project"       = { project_id = [[hcl (print .project_id.Plain "0")]] }
    "another protected branch"         = { ref = [[hcl (print .branch.Plain "-2")]] }
    "the branch, while not protected"  = { ref_protected = "false" }
    "a tag by the name of the branch"  = { ref_type = "tag" }
    "a merge request"                  = { pipeline_source = "merge_request_event" }
    "who holds a trigger token"        = { pipeline_source = "trigger" }
  }
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.gitlab
  claims    = merge(local.ours, each.value)
  expect    = "deny"
  denied_by = "require_claims"
}

test "a job that comes too late" {
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.gitlab
  claims    = local.ours
  age       = "11m"
  expect    = "deny"
  denied_by = "times"
}

test "a token for somebody else" {
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.gitlab
  claims    = merge(local.ours, { aud = [[.default_audience.HCL]] })
  expect    = "deny"
  denied_by = "audience"
}
[[- else]]
locals {
  ours = {
    sub                 = [[.subject.HCL]]
    repository          = [[hcl (print .owner.Plain "/" .repo.Plain)]]
    repository_id       = [[.repo_id.HCL]]
    repository_owner    = [[.owner.HCL]]
    repository_owner_id = [[.owner_id.HCL]]
    ref                 = [[.branch_ref.HCL]]
    event_name          = "push"
  }
}

test "a job of the branch gets in" {
  for_each = {
    "after a push" = { event_name = "push" }
    "by hand"      = { event_name = "workflow_dispatch" }
  }
  provider      = provider.[[.provider.Plain]]
  source        = oauth_source.github
  claims        = merge(local.ours, each.value)
  expect        = "allow"
  expect_access = "branch"
  expect_claims = { aud = [[.audience.HCL]], sub = [[hcl (print "github/" .subject.Plain)]] }
}

test "who does not" {
  for_each = {
    "a fork"                                = { repository_owner_id = [[hcl (print .owner_id.Plain "0")]], repository_id = [[hcl (print .repo_id.Plain "0")]] }
    "whoever took the owner's name"         = { repository_owner_id = [[hcl (print .owner_id.Plain "0")]] }
    "the repository, made again"            = { repository_id = [[hcl (print .repo_id.Plain "0")]] }
    "another branch"                        = { ref = [[hcl (print .branch_ref.Plain "-2")]] }
    "a tag by the name of the branch"       = { ref = [[hcl (print "refs/tags/" .branch.Plain)]], ref_type = "tag" }
    "a pull request"                        = { event_name = "pull_request", ref = "refs/pull/7/merge" }
    "what a stranger's pull request starts" = { event_name = "pull_request_target" }
  }
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.github
  claims    = merge(local.ours, each.value)
  expect    = "deny"
  denied_by = "require_claims"
}

test "a token counts once" {
  provider     = provider.[[.provider.Plain]]
  source       = oauth_source.github
  claims       = local.ours
  shown_before = [provider.[[.provider.Plain]]]
  expect       = "deny"
  denied_by    = "replay"
}

test "the audience that GitHub gives unasked" {
  provider  = provider.[[.provider.Plain]]
  source    = oauth_source.github
  claims    = merge(local.ours, { aud = [[.default_audience.HCL]] })
  expect    = "deny"
  denied_by = "audience"
}
[[- end]]
[[- if .restricted]]

test "what they may do" {
  for_each = [[ print "[" ]][[range $i, $m := .allowed]][[if $i]], [[end]][[$m.HCL]][[end]]]
  provider = provider.[[.provider.Plain]]
[[- if .source.Plain]]
  source = oauth_source.[[.source.Plain]]
  claims = local.ours
[[- else]]
  account = service_account.prometheus
[[- end]]
  door   = "forward_auth"
  expect = "allow"
  request {
    method = each.value
    path   = "/"
  }
}

test "what they may not do" {
  provider = provider.[[.provider.Plain]]
[[- if .source.Plain]]
  source = oauth_source.[[.source.Plain]]
  claims = local.ours
[[- else]]
  account = service_account.prometheus
[[- end]]
  door      = "forward_auth"
  expect    = "deny"
  denied_by = policy.methods
  request {
    method = [[.refused.HCL]]
    path   = "/"
  }
}
[[- end]]

test "nobody gets in with nothing" {
  provider = provider.[[.provider.Plain]]
  door     = "forward_auth"
  expect   = "deny"
  request {
    path       = "/"
    credential = "none"
  }
}
