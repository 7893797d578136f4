# Served, but somebody should look.
server {
  listen       = "127.0.0.1:9440"
  external_url = "https://auth.example.com"
}

verification_certificate "expired" {
  issuer           = "https://expired.example"
  audiences        = ["m2md"]
  certificate_file = "expired.pem" # WARNING: a certificate is outside its validity
}

oauth_source "mixed" {
  issuer         = "https://mixed.example"
  audiences      = ["m2md"]
  oidc_jwks_file = "jwks.json" # WARNING: key 2 of the set is not used # WARNING: key 3 of the set is not used
}

service_account "ci" {
}

provider "idle" { # WARNING: nobody gets into provider "idle"
}

provider "loki" {
  access "machines" {
    from           = [oauth_source.mixed, service_account.ci]
    require_claims = { team = "sre" } # WARNING: service_account.ci never gets in by this access
  }
}
