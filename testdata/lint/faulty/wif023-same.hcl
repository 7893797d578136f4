# Two sources under one name.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "ci" {
  issuer         = "https://ci.example.com"
  oidc_jwks_file = "../material/jwks/signing.json"
  audiences      = ["https://auth.example.com"]
}

verification_certificate "ci_old" {
  issuer           = "https://ci.example.com" # WARNING: WIF023
  certificate_file = "../material/certs/ci.pem"
  audiences        = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.ci, verification_certificate.ci_old]
    require_claims = {
      project = "api"
    }
  }
}
