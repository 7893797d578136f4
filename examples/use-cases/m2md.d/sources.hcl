# Who vouches for machines: a CI platform, one that the company runs itself, and
# two clusters.
oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

oauth_source "github_enterprise" {
  profile       = "github-actions"
  issuer        = "https://github.example.com/_services/token"
  oidc_jwks_url = "https://github.example.com/_services/token/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

# Each cluster has a name (--service-account-issuer) and keys of its own:
#   kubectl --context cluster-a get --raw /openid/v1/jwks >jwks/cluster-a.json
oauth_source "cluster_a" {
  profile        = "kubernetes"
  issuer         = "https://cluster-a.example.com"
  oidc_jwks_file = "jwks/cluster-a.json"
  max_token_age  = "1h"
  audiences      = ["https://auth.example.com"]
}

oauth_source "cluster_b" {
  profile        = "kubernetes"
  issuer         = "https://cluster-b.example.com"
  oidc_jwks_file = "jwks/cluster-b.json"
  max_token_age  = "1h"
  audiences      = ["https://auth.example.com"]
}

# Who is on call, when nothing else works.
service_account "on_call" {
  display_name = "On call"
}
