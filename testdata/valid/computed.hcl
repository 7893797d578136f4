# Values that are computed: locals in any order, functions, env() with a default.

locals {
  base   = "https://${local.domain}"
  domain = env("M2MD_FIXTURE_DOMAIN", "auth.example.com")
  teams  = ["sre", "data"]
  owner = {
    repository_owner_id = "1234"
    repository          = pattern("my-user/(api|web)")
  }
}

server {
  listen       = "unix:///run/m2md/http.sock"
  external_url = local.base
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = [local.base]
}

service_account "reports" {
  groups     = [for team in local.teams : "team-${team}"]
  attributes = { teams = local.teams, level = 1 + 2 }
}

policy "price" {
  script = <<-JS
    const price = `$${request.user.name}`;
    return price !== "100%";
  JS
}

provider "api" {
  scopes           = ["read", "write"]
  access_token_ttl = "1h"

  access "ci" {
    from           = [oauth_source.github]
    require_claims = local.owner
    policies       = [policy.price]
    policy_mode    = "any"
  }
  access "reports" {
    from = [service_account.reports]
  }
}
