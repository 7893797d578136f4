# Three guarded hosts, and so three providers: whatever access lets a job in, its
# token is good for all that the provider guards, and for nothing else.

# What is on main of acme/api goes to staging. GitLab's ref has no refs/heads/
# before it, so only ref_type tells the branch from a tag of that name.
provider "staging" {
  audience         = ["https://deploy.staging.example.com"]
  access_token_ttl = "10m"

  access "api_main" {
    from = [oauth_source.gitlab]
    require_claims = {
      project_id = local.projects.api
      ref        = "main"
      ref_type   = "branch"
    }
  }

  forward_auth {
    external_host = "deploy.staging.example.com"
    skip_paths    = ["/healthz"]
  }
}

# What is tagged as a version of it goes to production, by a job of the
# environment "production". That GitLab protects this one as well (Premium), and
# so asks who may deploy, is part of what m2md asks for.
provider "production" {
  audience         = ["https://deploy.example.com"]
  access_token_ttl = "10m"

  access "api_versions" {
    from = [oauth_source.gitlab]
    require_claims = {
      project_id            = local.projects.api
      ref                   = local.version
      ref_type              = "tag"
      environment           = "production"
      environment_protected = "true"
    }
  }

  forward_auth {
    external_host = "deploy.example.com"
    skip_paths    = ["/healthz"]
  }
}

# The package server takes versions of every project of the group.
provider "packages" {
  audience         = ["https://packages.example.com"]
  access_token_ttl = "5m"

  access "versions" {
    from = [oauth_source.gitlab]
    require_claims = {
      namespace_id = local.group
      ref          = local.version
      ref_type     = "tag"
    }
  }

  forward_auth {
    external_host = "packages.example.com"
  }
}

locals {
  # v1.2.3. Tags v* are protected in each project.
  version = pattern("v[0-9]+\\.[0-9]+\\.[0-9]+")
}
