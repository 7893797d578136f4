# The tenant of all personal accounts.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "entra" {
  profile             = "azure"
  issuer              = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" # WARNING: WIF009
  oidc_well_known_url = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0/.well-known/openid-configuration"
  audiences           = ["api://m2md"]
}

provider "files" {
  access "app" {
    from = [oauth_source.entra]
    require_claims = {
      tid = "9188040d-6c67-4c5b-b112-36a304b66dad"
      oid = "690222be-ff1a-4d56-abd1-7e4f7d38e474"
    }
  }
}
