locals {
  a    = local.b # ERROR: locals use each other in a circle
  b    = local.c
  c    = local.a
  self = [local.self] # ERROR: locals use each other in a circle
  uses = local.a
  fine = "x"
}

locals {
  fine    = "y"           # ERROR: local "fine" is declared twice
  other   = local.fin     # ERROR: unknown local "fin"
  whole   = local         # ERROR: local without a name
  source  = oauth_source.x # ERROR: unknown name "oauth_source"
  bare    = word          # ERROR: unknown name "word"
  called  = uper("x")     # ERROR: call to unknown function
  depends = local.other
  nested { # ERROR: block in locals
  }
}

service_account "a" {
  display_name = local.depends
  groups       = [local.fine, local.nope] # ERROR: unknown local "nope"
}
