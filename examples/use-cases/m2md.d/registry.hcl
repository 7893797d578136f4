# 1. Images that CI builds go to a registry, without a login and without a
# password: one repository may push, from its main branch.
provider "images" {
  audience         = ["registry.example.com"]
  access_token_ttl = "10m"

  access "ci" {
    from     = [oauth_source.github, oauth_source.github_enterprise, service_account.on_call]
    policies = [policy.may_push]
  }

  # A repository on the company's own GitHub may, too. Claims say enough of it.
  access "enterprise" {
    from           = [oauth_source.github_enterprise]
    require_claims = { repository_id = "42", ref = "refs/heads/main" }
  }
}

policy "may_push" {
  inputs = {
    issuer        = "https://token.actions.githubusercontent.com"
    repository_id = "5678" # gh api repos/acme/api --jq .id
  }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    if (!jwt) return false;
    if (jwt.iss !== inputs.issuer) return false;
    if (jwt.repository_id !== inputs.repository_id) return false;
    if (jwt.event_name !== "push") return false;
    return jwt.ref === "refs/heads/main";
  JS
}
