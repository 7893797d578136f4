# What is required of claims, and can never be.

locals {
  protected = { ref_protected = true }
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  require_claims = {
    repository_owner_id = 1234         # ERROR: "repository_owner_id" of GitHub Actions is a string
    repository_id       = ["1", 2]     # ERROR: "repository_id" of GitHub Actions is a string
    repositry           = "acme/api"   # WARNING: no token of GitHub Actions is known to have "repositry"
    repo_property_team  = "sre"        # a custom property
    ref                 = pattern("refs/heads/.*")
    environment         = "prod"
  }
}

oauth_source "gitlab" {
  profile        = "gitlab"
  issuer         = "https://gitlab.com"
  audiences      = ["m2md"]
  oidc_jwks_url  = "https://gitlab.com/oauth/discovery/keys"
  require_claims = local.protected # ERROR: "ref_protected" of GitLab CI is a string
}

oauth_source "gitlab_own" {
  profile        = "gitlab"
  issuer         = "https://gitlab.example"
  audiences      = ["m2md"]
  oidc_jwks_url  = "https://gitlab.example/oauth/discovery/keys"
  require_claims = { project_id = "20" }
}

oauth_source "buildkite" {
  profile       = "buildkite"
  issuer        = "https://agent.buildkite.com"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://agent.buildkite.com/.well-known/jwks"
}

oauth_source "cluster" {
  profile       = "kubernetes"
  issuer        = "https://kubernetes.default.svc"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://cluster.example/openid/v1/jwks"
}

oauth_source "entra" {
  profile       = "azure"
  issuer        = "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"
  audiences     = ["m2md"]
  oidc_jwks_url = "https://login.microsoftonline.com/common/discovery/keys"
}

service_account "deployer" {
  jwt {
    source = oauth_source.gitlab_own # WARNING: oauth_source.gitlab_own never gets in by service_account "deployer"
    require_claims = {
      project_id    = "21"
      ref_protected = false # ERROR: "ref_protected" of GitLab CI is a string
    }
  }
}

provider "loki" {
  access "builds" {
    from           = [oauth_source.buildkite]
    require_claims = { organization_id = "a", build_number = "175" } # ERROR: "build_number" of Buildkite is a number
  }
  access "both" {
    from = [oauth_source.gitlab_own, oauth_source.buildkite]
    require_claims = {
      job_id        = ["302", 175]       # for the one, and for nobody
      project_id    = ["20", "2"]        # WARNING: no token of Buildkite is known to have "project_id"
      ref_protected = pattern("t|true")  # WARNING: no token of Buildkite is known to have "ref_protected"
    }
  }
  access "pods" {
    from = [oauth_source.cluster]
    require_claims = {
      "kubernetes.io" = {
        namespace      = 5             # ERROR: "kubernetes.io"."namespace" of Kubernetes service accounts is a string
        serviceaccount = "prometheus"  # ERROR: "kubernetes.io"."serviceaccount" of Kubernetes service accounts is an object
        pod            = { nam = "x" } # WARNING: no token of Kubernetes service accounts is known to have "kubernetes.io"."pod"."nam"
      }
      namespace = "monitoring" # WARNING: no token of Kubernetes service accounts is known to have "namespace"
    }
  }
  access "custom" {
    from           = [oauth_source.entra]
    require_claims = { "extn.team" = true, roles = "Machine" }
  }
  access "another" {
    from           = [oauth_source.gitlab_own] # WARNING: oauth_source.gitlab_own never gets in by access "another"
    require_claims = { project_id = ["21", "22"] }
  }
}
