# Opaque tokens, with the secret in a file.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

oauth_source "ci" {
  issuer               = "https://ci.example.com"
  introspection_url    = "https://ci.example.com/introspect"
  consumer_key         = "m2md"
  consumer_secret_file = "../material/secrets/ci.key"
  audiences            = ["https://auth.example.com"]
}

provider "files" {
  access "ci" {
    from = [oauth_source.ci]
    require_claims = {
      project = "api"
    }
  }
}
