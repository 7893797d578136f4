storage {
  engine                           = "etcd"                                         # ERROR: "etcd" is not supported yet
  key_encryption_key               = "0123456789abcdef0123456789abcdef0123456789ab" # WARNING: "key_encryption_key" stands in the file as it is
  key_encryption_key_file          = "missing.key"                                  # ERROR: "key_encryption_key" and "key_encryption_key_file" exclude each other # ERROR: file "missing.key" does not exist
  previous_key_encryption_key      = env("M2MD_TEST_UNSET")                         # ERROR: environment variable "M2MD_TEST_UNSET" is not set
  previous_key_encryption_key_file = 3                                              # ERROR: "previous_key_encryption_key" and "previous_key_encryption_key_file" exclude each other # ERROR: "previous_key_encryption_key_file" must be a file name
}
