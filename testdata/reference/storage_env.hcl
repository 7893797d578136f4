server {
  external_url = "https://auth.example.com"
}

storage {
  key_encryption_key          = env("M2MD_KEK")
  previous_key_encryption_key = env("M2MD_KEK_OLD")
}
