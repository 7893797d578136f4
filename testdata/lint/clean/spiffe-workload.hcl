# Workloads of a trust domain.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "mesh" {
  profile             = "spiffe"
  trust_domain        = "example.org"
  oidc_well_known_url = "https://oidc-discovery.example.org/.well-known/openid-configuration"
  issuer              = "https://oidc-discovery.example.org"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "api" {
    from = [oauth_source.mesh]
    require_claims = {
      sub = pattern("spiffe://example[.]org/ns/prod/.*")
    }
  }
}
