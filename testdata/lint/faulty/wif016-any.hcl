# A reusable workflow at any ref.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "github" {
  profile             = "github-actions"
  issuer              = "https://token.actions.githubusercontent.com"
  oidc_well_known_url = "https://token.actions.githubusercontent.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.github]
    require_claims = {
      repository_owner_id = "1234"
      job_workflow_ref    = pattern("acme/workflows/[.]github/workflows/deploy[.]yml@.*") # WARNING: WIF016
    }
  }
}
