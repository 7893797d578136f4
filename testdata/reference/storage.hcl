server {
  external_url = "https://auth.example.com"
}

storage {
  engine                           = "bolt"
  path                             = "/var/lib/m2md/m2md.db"
  key_encryption_key_file          = "/run/secrets/kek"     # signing keys are encrypted with it
  previous_key_encryption_key_file = "/run/secrets/kek.old" # until the next start has encrypted them anew
}
