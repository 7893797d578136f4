server {
  listen       = "unix://metrics.sock"   # ERROR: "listen" is no address to listen on
  external_url = "https://a.example/?x=" # ERROR: "external_url" holds a query
}

metrics {
  listen = "127.0.0.1:99999" # ERROR: "listen" is no address to listen on
}

oauth_source "a" {
  oidc_jwks_url = "ftp://a.example/jwks" # ERROR: "oidc_jwks_url" is no http or https URL
}

oauth_source "b" {
  oidc_jwks_url = "https://user:secret@a.example/jwks" # ERROR: "oidc_jwks_url" holds a user name
}

oauth_source "c" {
  oidc_well_known_url = "https://a.example/x#y" # ERROR: "oidc_well_known_url" holds a fragment
}

oauth_source "d" {
  oidc_well_known_url = "https:///x" # ERROR: "oidc_well_known_url" names no host
}

oauth_source "e" {
  oidc_well_known_url = "https://a.example:0/x" # ERROR: "oidc_well_known_url" has no usable port
}

oauth_source "f" {
  oidc_jwks_url = "/jwks" # ERROR: "oidc_jwks_url" is no http or https URL
}
