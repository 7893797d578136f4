# A platform with a certificate, and one with a public key in its set.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

verification_certificate "ci" {
  certificate_file = "../material/certs/ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["https://auth.example.com"]
  max_token_age    = "1h"
}

oauth_source "builds" {
  issuer         = "https://builds.example.com"
  oidc_jwks_file = "../material/jwks/signing.json"
  audiences      = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [verification_certificate.ci, oauth_source.builds]
    require_claims = {
      project = "acme/files"
      event   = ["push", "schedule"]
      ref     = pattern("refs/heads/(main|release-.+)")
    }
  }
}
