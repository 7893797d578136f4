service_account "a" {
  display_name = 3 # ERROR: "display_name" must be a string
  groups       = [null, ["x"], { a = "b" }, true] # ERROR: "groups" must be a list of strings # ERROR: "groups" must be a list of strings # ERROR: "groups" must be a list of strings # ERROR: "groups" must be a list of strings
  attributes   = ["x"] # ERROR: "attributes" must be an object
  app_passwords {
    max_age       = "90d" # ERROR: "max_age" must be a duration
    max_active    = "3"   # ERROR: "max_active" must be a whole number
    allowed_cidrs = []    # ERROR: "allowed_cidrs" is empty
  }
  app_passwords { # ERROR: "app_passwords" is declared twice
  }
  jwt { # ERROR: "source" is missing # ERROR: "require_claims" is missing
  }
  jwt {
    source         = service_account.b # ERROR: "source" takes no service_account
    require_claims = {}                # ERROR: "require_claims" is empty
  }
}

service_account "b" {
  attributes = {
    nothing = null           # ERROR: a member of "attributes" is null
    deep    = { x = [null] } # ERROR: a member of "attributes" is null
    pattern = pattern("x")   # ERROR: pattern() in a wrong place
    set     = toset(["x"])   # ERROR: a member of "attributes" is neither text, number, bool, list nor object
  }
  app_passwords {
    max_age    = "-1h" # ERROR: "max_age" is out of range
    max_active = 0     # ERROR: "max_active" is out of range
  }
}

service_account "c" {
  app_passwords {
    max_age    = 3600 # ERROR: "max_age" must be a duration
    max_active = 1.5  # ERROR: "max_active" must be a whole number
    allowed_cidrs = [
      "10.0.0.0/8",
      "10.0.0.1/8",           # ERROR: a member of "allowed_cidrs" has bits beyond its mask
      "10.0.0.1",             # ERROR: a member of "allowed_cidrs" is an address, not a network
      "unix",                 # ERROR: a member of "allowed_cidrs" is no network
      "::ffff:10.0.0.0/104",  # ERROR: a member of "allowed_cidrs" is a network of IPv4 in the form of IPv6
    ]
  }
  display_name = pattern("x") # ERROR: pattern() in a wrong place
  groups       = [pattern("x")] # ERROR: pattern() in a wrong place
  attribute    = {}             # ERROR: unknown attribute "attribute"
}
