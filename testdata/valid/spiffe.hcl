# JWT-SVIDs: the trust domain is pinned, and iss may be anything or absent.

server {
  listen       = "127.0.0.1:9440"
  external_url = "https://auth.example.com"
}

oauth_source "spire" {
  profile      = "spiffe"
  trust_domain = "example.org"
  audiences    = ["https://auth.example.com"]
  # The key of RFC 7517, appendix A.1, as the bundle of a trust domain has it.
  oidc_jwks = jsonencode({ keys = [{
    kty = "EC", crv = "P-256", kid = "1", use = "jwt-svid",
    x   = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
  }] })
}

# With an issuer, both count.
oauth_source "spire_prod" {
  profile             = "spiffe"
  trust_domain        = "prod.example.org"
  issuer              = "https://oidc-discovery.prod.example.org"
  audiences           = ["https://auth.example.com"]
  oidc_well_known_url = "https://oidc-discovery.prod.example.org/.well-known/openid-configuration"
}

provider "api" {
  access "workloads" {
    from           = [oauth_source.spire, oauth_source.spire_prod]
    require_claims = { sub = pattern("spiffe://(prod\\.)?example\\.org/ns/api/.*") }
  }
}
