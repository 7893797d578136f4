# Key files that everybody can read.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

signing_key "main" {
  private_key_file = "../material/secrets/readable.key" # WARNING: SEC002
}

oauth_source "ci" {
  issuer               = "https://ci.example.com"
  introspection_url    = "https://ci.example.com/introspect"
  consumer_key         = "m2md"
  consumer_secret_file = "../material/secrets/readable-ci.key" # WARNING: SEC002
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
