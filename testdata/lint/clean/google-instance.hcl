# One instance.

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
  access "builder" {
    from = [oauth_source.google]
    require_claims = {
      google = { compute_engine = { project_id = "acme-prod", instance_id = "4570452845155348778" } }
    }
  }
}
