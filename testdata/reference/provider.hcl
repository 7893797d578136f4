server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/8"]
}

signing_key "main" {}

service_account "prometheus" {}

oauth_source "gitlab" {
  profile       = "gitlab"
  issuer        = "https://gitlab.example.com"
  oidc_jwks_url = "https://gitlab.example.com/oauth/discovery/keys"
  audiences     = ["https://auth.example.com"]
}

policy "protected" {
  script = <<-JS
    return request.context.oauth_jwt !== null && request.context.oauth_jwt.ref_protected === "true";
  JS
}

policy "reads" {
  script = <<-JS
    return ["GET", "HEAD"].includes(request.http.method);
  JS
}

mapping "project" {
  script = <<-JS
    return { project: request.context.oauth_jwt.project_path };
  JS
}

provider "loki" {
  client_id        = "loki"
  audience         = ["loki", "https://logs.example.com"]
  scopes           = ["openid", "write"]
  access_token_ttl = "10m"
  signing_key      = signing_key.main
  mappings         = [mapping.project]
  claims           = { tenant = "ci" }
  issuer_mode      = "m2md"
  sub              = "identity"
  not_after_input  = true
  allowed_origins  = ["https://console.example.com"]
  policy_messages  = true

  access "ci" {
    from           = [oauth_source.gitlab]
    require_claims = { namespace_id = "72", ref = pattern("main|release-.+") }
    policies       = [policy.protected]
    policy_mode    = "all"
  }

  forward_auth {
    external_host  = "logs.example.com"
    skip_paths     = ["/ready", "/static/*"]
    accept         = ["input_jwt"]
    policies       = [policy.reads]
    policy_mode    = "all"
    policy_headers = ["User-Agent"]
  }
}

provider "moved" { # clients that were made for authentik
  compat = "authentik"
  access "all_of_gitlab" {
    from              = [oauth_source.gitlab, service_account.prometheus]
    allow_any_subject = true
  }
}
