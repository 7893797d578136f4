# A person at Entra ID by the name to log in.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "entra" {
  profile             = "azure"
  issuer              = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
  oidc_well_known_url = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0/.well-known/openid-configuration"
  audiences           = ["api://m2md"]
}

provider "files" {
  access "bo" {
    from = [oauth_source.entra]
    require_claims = {
      upn = "bo@acme.example" # WARNING: WIF003
    }
  }
}
