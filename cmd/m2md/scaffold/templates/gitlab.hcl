# GitLab signs the tokens of all its projects with the same keys: a good signature
# says only that a token is GitLab's.
oauth_source "gitlab" {
  profile             = "gitlab"
  issuer              = [[.signer.HCL]]
  oidc_well_known_url = [[hcl (print .signer.Plain "/.well-known/openid-configuration")]]

  # What the job says under id_tokens, and nothing that others want.
  audiences = [[ print "[" .external_url.HCL "]" ]]

  # GitLab's tokens are valid as long as the job may run. Here they count while the
  # job is young: it must come in its first steps.
  max_token_age = "10m"

  require_claims = {
    # Of a branch that is protected. A string, as GitLab signs it.
    ref_protected = "true"

    # Who may push, run a pipeline by hand or plan one. Missing on purpose: what
    # whoever may open a merge request causes, or who holds a trigger token.
    pipeline_source = ["push", "web", "schedule"]
  }
}
