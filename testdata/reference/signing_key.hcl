server {
  external_url = "https://auth.example.com"
}

signing_key "main" { # made and kept by m2md
  algorithm    = "ES256"
  rotate_every = "720h"
}

signing_key "own" { # brought along
  private_key_file  = "/run/secrets/own.pem"
  also_publish_file = "/run/secrets/own-before.pem" # still verifies what it signed
}

signing_key "windows" {
  private_key_file = "/run/secrets/own.p12"
  password_file    = "/run/secrets/own.p12.password"
}

signing_key "from_env" {
  private_key  = env("OWN_KEY")
  also_publish = env("OWN_KEY_BEFORE")
}

signing_key "from_env_windows" {
  private_key_file = "/run/secrets/other.p12"
  password         = env("P12_PASSWORD")
}

service_account "ci" {}

provider "main" {
  signing_key = signing_key.main
  access "ci" { from = [service_account.ci] }
}

provider "own" {
  signing_key = signing_key.own
  access "ci" { from = [service_account.ci] }
}

provider "windows" {
  signing_key = signing_key.windows
  access "ci" { from = [service_account.ci] }
}

provider "from_env" {
  signing_key = signing_key.from_env
  access "ci" { from = [service_account.ci] }
}

provider "from_env_windows" {
  signing_key = signing_key.from_env_windows
  access "ci" { from = [service_account.ci] }
}
