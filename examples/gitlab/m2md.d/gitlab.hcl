# gitlab.com signs the tokens of all its projects with the same keys: a good
# signature says only that a token is GitLab's.
oauth_source "gitlab" {
  profile             = "gitlab"
  issuer              = "https://gitlab.com"
  oidc_well_known_url = "https://gitlab.com/.well-known/openid-configuration"

  # What .gitlab-ci.yml says under id_tokens, and nothing that others want.
  audiences = ["https://auth.example.com"]

  # GitLab's tokens are valid as long as the job may run, an hour or more. Here
  # they count while the job is young: it must come in its first steps.
  max_token_age = "10m"

  require_claims = {
    # Every job that may do anything here is that of a branch or tag which is
    # protected. A string, as GitLab signs it.
    ref_protected = "true"

    # Who may push, run a pipeline by hand or plan one. Missing on purpose:
    # merge_request_event, which is caused by who may open a merge request; and
    # trigger, by who holds a trigger token.
    pipeline_source = ["push", "web", "schedule"]
  }
}

# IDs, not paths: a path can be given up and taken by somebody else. They are
# strings, as GitLab signs them.
locals {
  # glab api groups/acme | jq .id
  # That of the group itself: a subgroup has another.
  group = "72"

  # glab api projects/acme%2Fapi | jq .id
  projects = {
    api = "20"
  }
}
