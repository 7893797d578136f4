# What claims cannot say, a policy does: lint does not guess what.

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

policy "teams" {
  inputs = { repositories = ["5678", "5679"] }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    // What stands here is of another language.
    return jwt !== null && inputs.repositories.includes(jwt.repository_id);
  JS
}

provider "files" {
  access "ci" {
    from           = [oauth_source.github]
    require_claims = { ref = "refs/heads/main" }
    policies       = [policy.teams]
  }
}
