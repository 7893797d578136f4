server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/8"]
}

service_account "backup" {}

verification_certificate "partner" {
  certificate_file = "/run/secrets/partner.pem"
  issuer           = "https://ci.partner.example"
  audiences        = ["https://auth.example.com"]
  replay           = "once"
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}

policy "only_main" {
  script = <<-JS
    if (request.context.oauth_jwt.ref === "refs/heads/main") return true;
    message("only main may deploy");
    return false;
  JS
}

provider "deploy" {
  scopes          = ["write"]
  policy_messages = true
  access "ci" {
    from           = [oauth_source.github]
    require_claims = { repository_owner_id = "1234" }
    policies       = [policy.only_main]
  }
  access "partner" { from = [verification_certificate.partner] }
}

provider "files" {
  access "deployed" { from = [provider.deploy] }
  access "backup" { from = [service_account.backup] }
  forward_auth {
    external_host = "files.example.com"
    accept        = ["input_jwt"]
  }
}

test "main may deploy, and gets what it asks for" {
  provider      = provider.deploy
  source        = oauth_source.github
  claims        = { repository_owner_id = "1234", ref = "refs/heads/main" }
  scopes        = ["write"]
  expect        = "allow"
  expect_access = "ci"
  expect_claims = { aud = "deploy", scope = "write" }
}

test "others may not" {
  for_each = {
    "another branch"   = { ref = "refs/heads/topic", denied_by = policy.only_main }
    "another owner"    = { repository_owner_id = "9", denied_by = "require_claims" }
    "an expired token" = { exp = "-1m", denied_by = "times" }
  }
  provider = provider.deploy
  source   = oauth_source.github
  claims = {
    repository_owner_id = lookup(each.value, "repository_owner_id", "1234")
    ref                 = lookup(each.value, "ref", "refs/heads/main")
    exp                 = lookup(each.value, "exp", "5m")
  }
  expect    = "deny"
  denied_by = each.value.denied_by
}

test "the policy says why" {
  provider        = provider.deploy
  source          = oauth_source.github
  claims          = { repository_owner_id = "1234", ref = "refs/heads/topic" }
  expect          = "deny"
  expect_messages = ["only main may deploy"]
}

test "a token of the partner counts once" {
  provider     = provider.deploy
  certificate  = verification_certificate.partner
  age          = "1m"
  shown_before = [provider.deploy]
  expect       = "deny"
  denied_by    = "replay"
  expect_error = "invalid_client"
}

test "who may deploy reads files" {
  provider = provider.files
  source   = oauth_source.github
  claims   = { repository_owner_id = "1234", ref = "refs/heads/main" }
  via      = provider.deploy
  expect   = "allow"
}

test "the backup reads, at any time" {
  provider = provider.files
  account  = service_account.backup
  door     = "forward_auth"
  at       = "2027-03-01T03:00:00Z"
  request {
    method     = "GET"
    path       = "/reports"
    host       = "files.example.com"
    client_ip  = "10.1.2.3"
    credential = "proof"
    headers    = { "User-Agent" = "backup/2.1" }
  }
  expect = "allow"
}
