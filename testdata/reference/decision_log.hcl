server {
  external_url = "https://auth.example.com"
}

decision_log {
  output       = "file"
  path         = "/var/log/m2md/decisions.jsonl"
  max_size     = 100 # MB, then a new file begins
  keep         = 30  # files
  keep_for     = "720h"
  sample_allow = 0.1  # every denial, and a tenth of what was allowed
  record_input = true # what `explain` and `plan --replay` run again
  omit_claims  = ["user_email"]
}
