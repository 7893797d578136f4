decision_log {
  output       = "file"
  path         = "decisions.jsonl" # ERROR: "path" is no absolute path
  max_size     = 0                 # ERROR: "max_size" is out of range
  keep_for     = "1m"              # ERROR: "keep_for" is out of range
  syslog       = "udp://log:514"   # ERROR: "syslog" is over UDP
  sample_allow = 2                 # ERROR: "sample_allow" is no share
}

server {
  max_connections = 8 # ERROR: "max_connections" is out of range
}

signing_key "k" {
  algorithm { # ERROR: "algorithm" is an attribute, not a block
  }
}

test "a word that there is not" {
  provider  = provider.p
  account   = service_account.a
  claims    = { a = policy } # ERROR: takes references
  denied_by = 3              # ERROR: "denied_by" takes a policy or a word
  expect    = "deny"
}
