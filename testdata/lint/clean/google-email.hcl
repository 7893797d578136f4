# Its address beside it.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "google" {
  profile             = "google"
  issuer              = "https://accounts.google.com"
  oidc_well_known_url = "https://accounts.google.com/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "jobs" {
    from = [oauth_source.google]
    require_claims = {
      sub            = "112179062720391305885"
      email          = "ci@acme-prod.iam.gserviceaccount.com"
      email_verified = true
    }
  }
}
