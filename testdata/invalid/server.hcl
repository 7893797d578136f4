server {
  listen          = "9440"                      # ERROR: "listen" is no address to listen on
  external_url    = "https://auth.example.com/" # ERROR: "external_url" ends with a slash
  trusted_proxies = [
    "10.0.0.0/8",
    "10.1.2.3",   # ERROR: a member of "trusted_proxies" is an address, not a network
    "10.1.2.3/8", # ERROR: a member of "trusted_proxies" has bits beyond its mask
    "proxy",      # ERROR: a member of "trusted_proxies" is no network
    8,            # ERROR: "trusted_proxies" must be a list of strings
  ]
  issuer_mode = "host" # ERROR: "issuer_mode" has no such value
  extern_url  = "x"      # ERROR: unknown attribute "extern_url"
  tls = "on"             # ERROR: "tls" is a block, not an attribute
  tls { # ERROR: "private_key_file" or "private_key" is missing
    certificate_file = "no-such.crt" # ERROR: file "no-such.crt" does not exist
    certificate      = "x"           # ERROR: "certificate_file" and "certificate" exclude each other
  }
  tls { # ERROR: "tls" is declared twice
    certificate_file = "tls.crt"
    private_key_file = "tls.key"
  }
}

server { # ERROR: "server" is declared twice
}

server "main" { # ERROR: too many labels for "server"
}

metrics { # ERROR: "listen" is missing
}

metrics { # ERROR: "metrics" is declared twice
  listen = "unix://metrics.sock"
}

storage {
  engine = "etcd" # ERROR: "etcd" is not supported yet
  path   = ""     # ERROR: "path" is empty
}
