# Two ways for a machine to say who it is.

# A machine that m2md itself knows. It logs in with an app password:
#   m2md app-password create backup
service_account "backup" {
  display_name = "Nightly backup"
  groups       = ["storage"]
}

# A platform that signs JWTs for its jobs. Its certificate is enough: m2md
# never has the private key.
verification_certificate "ci" {
  certificate_file = "certs/ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["http://127.0.0.1:9440"]
}
