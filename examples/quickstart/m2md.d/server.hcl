# Where m2md listens, and under which URL others reach it. The URL is the
# issuer's base: m2md never takes it from a request.
server {
  listen       = "127.0.0.1:9440"
  external_url = "http://127.0.0.1:9440"

  # nginx runs on this machine. Only from here do X-Original-* headers count.
  trusted_proxies = ["127.0.0.1/32"]
}

metrics {
  listen = "127.0.0.1:9441"
}
