signing_key "main" {
  algorithm    = "HS256" # ERROR: "algorithm" has no such value
  rotate_every = "720h"  # ERROR: "rotate_every" is not supported yet
}

signing_key "literal" {
  private_key = "-----BEGIN PRIVATE KEY-----" # WARNING: "private_key" stands in the file as it is
}

signing_key "both" {
  private_key      = env("M2MD_TEST_UNSET") # ERROR: environment variable "M2MD_TEST_UNSET" is not set
  private_key_file = "/"                    # ERROR: "private_key" and "private_key_file" exclude each other # ERROR: file "/" is not a regular file
}
