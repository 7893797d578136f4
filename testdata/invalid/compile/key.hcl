signing_key "unreadable" {
  private_key_file = "../../valid/product/certs/partner.pem" # ERROR: the private key cannot be read
}

signing_key "unfit" {
  algorithm        = "RS256"
  private_key_file = "../../valid/product/own.pem" # ERROR: the private key does not fit
}

signing_key "curve" {
  algorithm        = "ES384"
  private_key_file = "../../valid/product/own.pem" # ERROR: the private key does not fit
}

signing_key "fine" {
  private_key_file = "../../valid/product/own.pem"
}

service_account "ci" {
}

provider "loki" { # ERROR: provider "loki" does not say which key signs
  access "ci" {
    from = [service_account.ci]
  }
}

# That its key is unreadable was told there.
provider "logs" {
  signing_key = signing_key.unreadable
  access "ci" {
    from = [service_account.ci]
  }
}
