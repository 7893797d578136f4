# What is guarded, and who gets in. Without an access that names it, nothing
# is accepted.
provider "files" {
  access_token_ttl = "15m"

  access "backup" {
    from = [service_account.backup]
  }

  access "ci" {
    from           = [verification_certificate.ci]
    require_claims = { repository_owner = "acme" }
    policies       = [policy.main_branch]
  }

  forward_auth {
    external_host = "files.localhost"
    skip_paths    = ["/ready"]
  }
}

policy "main_branch" {
  inputs = { branch = "main" }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    return jwt.ref === "refs/heads/" + inputs.branch;
  JS
}
