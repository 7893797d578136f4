signing_key "main" {
}

signing_key "main" { # ERROR: The signing key "main" is declared twice
}

service_account "ci" {
  groups = ["a|b", "c", "d\te"] # ERROR: A group's name holds a character that none may have # ERROR: A group's name holds a character that none may have
}

service_account "ci" { # ERROR: The service account "ci" is declared twice
}

policy "p" {
  script = "return true;"
}

policy "p" { # ERROR: The policy "p" is declared twice
  script = "return false;"
}

oauth_source "one" {
  issuer        = "https://one.example"
  oidc_jwks_url = "https://one.example/jwks"
  audiences     = ["m2md"]
}

oauth_source "one" { # ERROR: The source "one" is declared twice
  issuer        = "https://two.example"
  oidc_jwks_url = "https://two.example/jwks"
  audiences     = ["m2md"]
}

# Sources and certificates share one namespace.
verification_certificate "one" { # ERROR: The source "one" is declared twice
  certificate_file = "../../valid/product/certs/partner.pem"
  issuer           = "https://three.example"
  audiences        = ["m2md"]
}

provider "loki" {
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
  access "ci" { # ERROR: The access "ci" is declared twice
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.example.com"
  }
}

provider "loki" { # ERROR: The provider "loki" is declared twice
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}

provider "logs" {
  signing_key = signing_key.main
  client_id   = "loki" # ERROR: The client_id is taken
  access "ci" {
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.example.com" # ERROR: The external_host is taken
  }
}

provider "third" {
  client_id   = "fourth"
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}

provider "fourth" { # ERROR: The client_id is taken
  signing_key = signing_key.main
  access "ci" {
    from = [service_account.ci]
  }
}
