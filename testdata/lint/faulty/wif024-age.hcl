# Tokens of a cluster, however long somebody made them last.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "cluster" { # WARNING: WIF024
  profile             = "kubernetes"
  issuer              = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A"
  oidc_well_known_url = "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A/.well-known/openid-configuration"
  audiences           = ["https://auth.example.com"]
}

provider "files" {
  access "monitoring" {
    from = [oauth_source.cluster]
    require_claims = {
      "kubernetes.io" = { namespace = "monitoring" }
    }
  }
}
