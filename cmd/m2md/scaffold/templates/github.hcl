# GitHub signs the tokens of every repository with the same keys: a good signature
# says only that a token is GitHub's.
oauth_source "github" {
  profile             = "github-actions"
  issuer              = [[.signer.HCL]]
  oidc_well_known_url = [[hcl (print .signer.Plain "/.well-known/openid-configuration")]]

  # What the workflow asks its token for. Never GitHub's default, [[.default_audience.Plain]].
  audiences = [[ print "[" .external_url.HCL "]" ]]

  # [[.owner.Plain]], by ID: a name can be given up and taken by somebody else. A string, as
  # GitHub signs it. Whoever else's job it is ends here.
  require_claims = { repository_owner_id = [[.owner_id.HCL]] }

  # A job can ask for a new token whenever it needs one, so each counts once.
  replay = "once"
}
