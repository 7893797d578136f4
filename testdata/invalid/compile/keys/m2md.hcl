storage {
  # 32 digits are 16 bytes.
  key_encryption_key_file          = "short.key" # ERROR: the key encryption key cannot be used
  previous_key_encryption_key_file = "m2md.hcl"
}

signing_key "hasty" {
  rotate_every = "10s" # WARNING: the signing key rotates very often
}

signing_key "brought" {
  private_key_file = "../../../valid/product/own.pem"
  rotate_every     = "720h" # ERROR: a key that is brought along does not rotate by itself
}

signing_key "locked" {
  private_key_file = "../../../valid/product/own.pem" # ERROR: the private key cannot be read
  password_file    = "short.key"
}

signing_key "opened" {
  password_file = "short.key" # ERROR: the password opens nothing
}

signing_key "beside" {
  private_key_file  = "../../../valid/product/own.pem"
  also_publish_file = "short.key" # ERROR: the keys to publish cannot be read
}

signing_key "previous" {
  private_key_file  = "../../../valid/product/own.pem"
  also_publish_file = "../../../valid/product/certs/partner.pem"
}

service_account "ci" {
}

provider "loki" {
  signing_key      = signing_key.hasty
  access_token_ttl = "24h" # ERROR: too many signing keys would be published at once
  access "ci" {
    from = [service_account.ci]
  }
}

provider "logs" {
  signing_key = signing_key.brought
  access "ci" {
    from = [service_account.ci]
  }
}
