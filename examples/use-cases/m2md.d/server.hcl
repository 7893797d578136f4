# m2md behind a proxy on the same machine, which has the certificate of
# auth.example.com. The URL is the issuer's base, and the audience that machines
# ask their tokens for.
server {
  listen          = "127.0.0.1:9440"
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

metrics {
  listen = "127.0.0.1:9441"
}
