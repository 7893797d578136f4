# What is guarded, and who gets in. Without an access that names it, nothing is
# accepted. What needs other rights is another provider.
provider [[.provider.HCL]] {
  audience         = [[ print "[" .audience.HCL "]" ]]
  access_token_ttl = "10m"
[[if .account]]
  access "prometheus" {
    from = [service_account.prometheus]
  }
[[else if .cluster]]
  # The pods of one service account. sub holds names, and whoever may delete and make
  # the account gets it again; the uid is given once.
  access "pods" {
    from = [oauth_source.cluster]
    require_claims = {
      sub             = [[.subject.HCL]]
      "kubernetes.io" = { serviceaccount = { uid = [[.uid.HCL]] } }
    }
  }
[[else if eq .case.Plain "gitlab"]]
  # [[.project.Plain]], by ID, on its branch. GitLab's ref has no refs/heads/ before it, so
  # only ref_type tells the branch from a tag of that name.
  access "branch" {
    from = [oauth_source.gitlab]
    require_claims = {
      project_id = [[.project_id.HCL]]
      ref        = [[.branch.HCL]]
      ref_type   = "branch"
    }
  }
[[else]]
  # [[.owner.Plain]]/[[.repo.Plain]], by ID, on its branch. Missing among the events on purpose:
  # pull_request_target, workflow_run and issue_comment, which strangers cause, and
  # whose tokens name the branch all the same.
  access "branch" {
    from = [oauth_source.github]
    require_claims = {
      repository_id = [[.repo_id.HCL]]
      ref           = [[.branch_ref.HCL]]
      event_name    = ["push", "workflow_dispatch"]
    }
  }
[[end]]
  # The proxy asks about each request to this host.
  forward_auth {
    external_host = [[.host.HCL]]
[[- if .restricted]]
    policies = [policy.methods]
[[- end]]
  }
}
[[- if .restricted]]

# Asked at every request, besides who it is.
policy "methods" {
  inputs      = { methods = [[ print "[" ]][[range $i, $m := .allowed]][[if $i]], [[end]][[$m.HCL]][[end]]] }
  script_file = "policies/methods.ts"
}
[[- end]]
