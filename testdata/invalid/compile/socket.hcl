# A unix socket has no URL.
server { # ERROR: "external_url" is missing
  listen = "unix:///run/m2md/http.sock"
}
