server {
  listen = "127.0.0.1:1"
  listen = "127.0.0.1:2" # ERROR: attribute redefined
}

metrics {
  listen = # ERROR: invalid expression
}
