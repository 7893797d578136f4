# A pipeline of an organization.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "buildkite" {
  profile             = "buildkite"
  issuer              = "https://agent.buildkite.com"
  oidc_well_known_url = "https://agent.buildkite.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.buildkite]
    require_claims = {
      organization_id = "f892efa9-103e-4d28-97a1-3b8616a0994d"
      pipeline_slug   = "api"
      build_branch    = "main"
    }
  }
}
