# 3. Alerting rules of Loki come from a repository: its workflow writes them.
provider "loki" {
  audience         = ["https://loki.example.com"]
  access_token_ttl = "10m"

  access "rules" {
    from     = [oauth_source.github, oauth_source.github_enterprise, service_account.on_call]
    policies = [policy.only_repo]
  }

  forward_auth {
    external_host = "loki.example.com"
  }
}

# Change these two.
policy "only_repo" {
  inputs = {
    github_user = "my-user"
    github_repo = "my-repo"
  }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    if (!jwt) return false;
    if (jwt.iss !== "https://token.actions.githubusercontent.com") return false;
    // m2md:ignore POL012 as the article has it; repository_id is never given twice
    if (jwt.repository !== inputs.github_user + "/" + inputs.github_repo) return false;
    return true;
  JS
}
