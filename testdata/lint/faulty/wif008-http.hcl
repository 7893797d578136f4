# Keys and an issuer without TLS.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "ci" {
  issuer        = "http://ci.example.com" # WARNING: WIF008
  oidc_jwks_url = "http://ci.example.com/jwks"
  allow_http    = true # WARNING: WIF008
  audiences     = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.ci]
    require_claims = {
      project = "api"
    }
  }
}
