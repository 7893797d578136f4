# A secret by way of a local, and what looks like one where anything may stand.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

locals {
  secret = "hunter2hunter2"
}

oauth_source "ci" {
  issuer            = "https://ci.example.com"
  introspection_url = "https://ci.example.com/introspect"
  consumer_key      = "m2md"
  consumer_secret   = local.secret # WARNING: SEC001
  audiences         = ["https://auth.example.com"]
}

service_account "backup" {
  attributes = { note = ["glpat-12345678901234567890"] } # WARNING: SEC001
}

provider "files" {
  access "ci" {
    from = [oauth_source.ci]
    require_claims = {
      project = "api"
    }
  }
  access "backup" {
    from = [service_account.backup]
  }
}
