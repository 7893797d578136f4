service_account "prometheus" {
}

provider "loki" {
  signing_key = signing_key.mian # ERROR: signing_key.mian is not declared
  access "all" {
    from = [
      service_account.prometheus,
      service_account.promtheus,        # ERROR: service_account.promtheus is not declared
      oauth_source.prometheus,          # ERROR: oauth_source.prometheus is not declared
      verification_certificate.partner, # ERROR: verification_certificate.partner is not declared
      provider.loki,
      provider.none,                    # ERROR: provider.none is not declared
    ]
    policies = [policy.none] # ERROR: policy.none is not declared
  }
  forward_auth {
    external_host = "loki.example.com"
    policies      = [policy.never] # ERROR: policy.never is not declared
  }
}

server {
  trusted_proxies = ["127.0.0.1/32"]
}
