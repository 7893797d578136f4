signing_key "main" {
}

signing_key "main" { # ERROR: the signing key "main" is declared twice
}

service_account "ci" {
  groups = ["a|b", "c", "d\te"] # ERROR: a group's name holds a character that none may have # ERROR: a group's name holds a character that none may have
}

service_account "ci" { # ERROR: the service account "ci" is declared twice
}

policy "p" { # WARNING: policy "p" decides nothing
  script = "return true;"
}

policy "p" { # ERROR: the policy "p" is declared twice
  script = "return false;"
}

oauth_source "one" {
  issuer        = "https://one.example"
  oidc_jwks_url = "https://one.example/jwks"
  audiences     = ["m2md"]
}

oauth_source "one" { # ERROR: the source "one" is declared twice
  issuer        = "https://two.example"
  oidc_jwks_url = "https://two.example/jwks"
  audiences     = ["m2md"]
}

# Sources and certificates share one namespace.
verification_certificate "one" { # ERROR: the source "one" is declared twice
  certificate_file = "../../valid/product/certs/partner.pem"
  issuer           = "https://three.example"
  audiences        = ["m2md"]
}

provider "loki" {
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
  access "ci" { # ERROR: the access "ci" is declared twice
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.example.com"
  }
}

provider "loki" { # ERROR: the provider "loki" is declared twice
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}

provider "logs" {
  signing_key = signing_key.main
  client_id   = "loki" # ERROR: the client_id is taken
  access "ci" {
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.example.com" # ERROR: the external_host is taken
  }
}

provider "third" {
  client_id   = "fourth"
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}

provider "fourth" { # ERROR: the client_id is taken
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}

server {
  trusted_proxies = ["127.0.0.1/32"]
}
