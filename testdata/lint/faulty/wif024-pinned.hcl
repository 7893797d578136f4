# Keys that were pinned long ago.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "ci" {
  issuer         = "https://ci.example.com"
  oidc_jwks_file = "../material/jwks/old.json" # WARNING: WIF024
  audiences      = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.ci]
    require_claims = {
      project = "api"
    }
  }
}
