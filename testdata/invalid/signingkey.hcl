signing_key "main" {
  algorithm    = "HS256" # ERROR: "algorithm" has no such value
  rotate_every = "1s"    # ERROR: "rotate_every" is out of range
}

signing_key "days" {
  rotate_every = "30d" # ERROR: "rotate_every" must be a duration
}

signing_key "literal" {
  private_key = "-----BEGIN PRIVATE KEY-----" # WARNING: "private_key" stands in the file as it is
}

signing_key "both" {
  private_key      = env("M2MD_TEST_UNSET") # ERROR: environment variable "M2MD_TEST_UNSET" is not set
  private_key_file = "/"                    # ERROR: "private_key" and "private_key_file" exclude each other # ERROR: file "/" is not a regular file
}

signing_key "secrets" {
  private_key_file  = "/dev/null"       # ERROR: file "/dev/null" is not a regular file
  password          = "changeit"        # WARNING: "password" stands in the file as it is
  password_file     = "missing.txt"     # ERROR: "password" and "password_file" exclude each other # ERROR: file "missing.txt" does not exist
  also_publish      = ""                # ERROR: "also_publish" is empty
  also_publish_file = "missing.pem"     # ERROR: "also_publish" and "also_publish_file" exclude each other # ERROR: file "missing.pem" does not exist
}
