# What is wrong with policies and mappings, as far as it can be seen before
# they run.
server {
  trusted_proxies = ["127.0.0.1/32"]
}

service_account "ci" {
}

oauth_source "github" {
  profile   = "github-actions"
  issuer    = "https://token.actions.githubusercontent.com"
  audiences = ["https://auth.example.com"]
  # The key of RFC 7517, appendix A.1.
  oidc_jwks = jsonencode({ keys = [{
    kty = "EC", crv = "P-256", kid = "1",
    x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
  }] })
}

policy "misspelt" {
  inputs = { repository = "acme/api" }
  script = <<-JS
    const ctx = request.context;
    const {user} = request;
    return request.contxt !== null          // # ERROR: request has no member "contxt"
      && user.nmae === "ci"                 // # ERROR: request.user has no member "nmae"
      && inputs.repositry === "x"           // # ERROR: inputs has no member "repositry"
      && ctx.get("oauth_jwt").sub === "x"   // # ERROR: request.context has no member "get"
      && regexMatch(user.name, "(")         // # ERROR: invalid pattern
      && ipInNetwork(request.client_ip, ["10.0.0.1/8"]) // # ERROR: invalid network
      && glob(user.name);                   // # ERROR: glob takes (text, pattern)
  JS
}

policy "asks" {
  script = <<-JS
    const label = "asked";
    return callPolicy("askd")  // # ERROR: policy.askd is not declared
      && callPolicy("asked");  // # ERROR: policy "asked" asks itself
  JS
}

policy "asked" {
  script = <<-JS
    return callPolicy("asks");
  JS
}

policy "forgotten" { # WARNING: policy "forgotten" decides nothing
  script = "return true;"
}

policy "over" {
  shadow_until = "2020-01-01T00:00:00Z" # NOTE: the shadow of policy "over" is over
  script       = "return true;"
}

policy "soon" {
  shadow_until = "9999-01-01T00:00:00Z" # WARNING: policy "soon" is in shadow for more than 90 days
  script       = "return false;"
}

mapping "claims" {
  script = <<-JS
    message("x"); // # ERROR: message is for policies
    return {repository: request.context.oauth_jwt?.repository, user: request.usr}; // # ERROR: request has no member "usr"
  JS
}

mapping "forgotten" { # WARNING: mapping "forgotten" maps nothing
  script = "return {};"
}

provider "loki" {
  mappings = [mapping.claims, mapping.claim] # ERROR: mapping.claim is not declared
  access "shared" {
    from     = [oauth_source.github] # ERROR: access "shared" lets every tenant of oauth_source.github in
    policies = [policy.soon]
  }
  access "any" {
    from        = [service_account.ci]
    policies    = [policy.soon, policy.soon] # ERROR: no policy counts yet, and one must say yes
    policy_mode = "any"
  }
  access "all" {
    from     = [service_account.ci]
    policies = [policy.misspelt, policy.asks, policy.over]
  }
  forward_auth {
    external_host  = "loki.example.com"
    policy_headers = ["User-Agent", "Authorization"] # ERROR: policies cannot see the header "Authorization" # NOTE: "policy_headers" has no effect
  }
}
