# m2md behind a proxy on the same machine, which has the certificate of
# [[.external_host.Plain]]. With a proxy elsewhere, listen where it can reach m2md, with a
# tls block, and name its address in trusted_proxies: what others say of a request
# does not count.
server {
  listen          = "127.0.0.1:9440"
  external_url    = [[.external_url.HCL]] # the issuer's base, and the audience of what machines show
  trusted_proxies = ["127.0.0.1/32"]
}

# /metrics, /-/healthy and /-/ready, for this machine only. A change of either
# listen needs a restart; everything else counts as soon as it is saved.
metrics {
  listen = "127.0.0.1:9441"
}
