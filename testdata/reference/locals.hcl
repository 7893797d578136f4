server {
  external_url = "https://auth.example.com"
}

locals {
  organization = "1234"
  branches     = ["main", "release"]
}
