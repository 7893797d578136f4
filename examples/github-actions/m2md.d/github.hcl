# GitHub Actions. GitHub signs the tokens of every repository in the world with
# the same keys: a good signature says only that a token is GitHub's.
oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"

  # Never GitHub's default, https://github.com/OWNER: tokens with that go to
  # everybody for whom a job asks no audience.
  audiences = ["https://auth.example.com"]

  # Whoever is not of the organization ends here, whatever an access forgets.
  require_claims = { repository_owner_id = local.organization }

  # A job can ask for a new token whenever it needs one, so each counts once.
  replay = "once"
}

# IDs, not names: a name can be given up and taken by somebody else. They are
# strings, as GitHub signs them.
locals {
  # gh api orgs/acme --jq .id
  organization = "1234"

  # gh api repos/acme/api --jq .id
  repositories = {
    api = "5678"
  }

  # Events of people who may push. Missing on purpose: pull_request_target,
  # workflow_run and issue_comment, which strangers cause, and whose tokens say
  # ref = "refs/heads/main" all the same.
  trusted_events = ["push", "workflow_dispatch"]
}
