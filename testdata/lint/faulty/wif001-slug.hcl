# A pipeline of that slug may be any organization's.

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
    from           = [oauth_source.buildkite]
    require_claims = { pipeline_slug = "deploy" } # WARNING: WIF001 # WARNING: WIF003
  }
}
