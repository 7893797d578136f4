# No client could know the port.
server { # ERROR: "external_url" is missing
  listen = "127.0.0.1:0"
}
