# A policy that decides nothing until somebody else retires, and one that does again.

server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["127.0.0.1/32"]
}

service_account "backup" {
}

policy "office_hours" {
  shadow_until = "2999-01-01T00:00:00Z" # WARNING: CFG011
  script       = "return request.time.slice(11, 13) < '18'"
}

policy "read_only" {
  shadow_until = "2020-01-01T00:00:00Z" # NOTE: CFG011
  script       = "return request.http.method === 'GET'"
}

provider "files" {
  access "backup" {
    from     = [service_account.backup]
    policies = [policy.office_hours, policy.read_only]
  }
}
