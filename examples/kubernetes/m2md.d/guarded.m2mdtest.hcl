# What the configuration is meant to decide. m2md test runs it on tokens such as
# clusters sign, of monitoring/prometheus, with the changes that stand here.
locals {
  prometheus = { "kubernetes.io" = { serviceaccount = { uid = "e6a8680e-d103-4cce-80ea-03acbbeacf7d" } } }
  grafana    = { sub = "system:serviceaccount:monitoring:grafana", "kubernetes.io" = { serviceaccount = { name = "grafana", uid = "11f0c1a5-3f0a-4d5e-8a43-6a0a1c2f9b77" } } }
  elsewhere  = { sub = "system:serviceaccount:default:prometheus", "kubernetes.io" = { namespace = "default" } }
}

test "Prometheus of cluster A is one account, however it logs in" {
  for_each = {
    "by the token of its pod" = { source = oauth_source.cluster_a, account = null, claims = local.prometheus }
    "by an app password"      = { source = null, account = service_account.prometheus, claims = null }
  }
  provider      = provider.exporters
  source        = each.value.source
  account       = each.value.account
  claims        = each.value.claims
  expect        = "allow"
  expect_claims = { sub = "prometheus", aud = "https://exporters.example.com" }
}

test "who does not read the exporters" {
  for_each = {
    "Prometheus of cluster B"      = { source = oauth_source.cluster_b, claims = local.prometheus }
    "the account, made again"      = { source = oauth_source.cluster_a, claims = { "kubernetes.io" = { serviceaccount = { uid = "11f0c1a5-3f0a-4d5e-8a43-6a0a1c2f9b77" } } } }
    "another account"              = { source = oauth_source.cluster_a, claims = local.grafana }
    "one of another namespace"     = { source = oauth_source.cluster_a, claims = local.elsewhere }
    "the token for the API server" = { source = oauth_source.cluster_a, claims = merge(local.prometheus, { aud = ["https://kubernetes.default.svc.cluster.local"] }) }
  }
  provider = provider.exporters
  source   = each.value.source
  claims   = each.value.claims
  expect   = "deny"
}

test "an app password that is a month old" {
  provider  = provider.exporters
  account   = service_account.prometheus
  age       = "721h"
  expect    = "deny"
  denied_by = "app_password"
}

test "both clusters write, each by its own name" {
  for_each = {
    cluster_a = oauth_source.cluster_a
    cluster_b = oauth_source.cluster_b
  }
  provider      = provider.mimir
  source        = each.value
  door          = "forward_auth"
  expect        = "allow"
  expect_access = "clusters"
  expect_claims = { sub = "${each.key}/system:serviceaccount:monitoring:prometheus" }
  request {
    method = "POST"
    path   = "/api/v1/push"
  }
}

test "none of them does anything else" {
  for_each = {
    "read"                    = { method = "GET", path = "/prometheus/api/v1/query" }
    "read what is written to" = { method = "GET", path = "/api/v1/push" }
    "delete"                  = { method = "POST", path = "/api/v1/push/../../config" }
    "write elsewhere"         = { method = "POST", path = "/prometheus/api/v1/query" }
  }
  provider  = provider.mimir
  source    = oauth_source.cluster_a
  door      = "forward_auth"
  expect    = "deny"
  denied_by = policy.write_only
  request {
    method = each.value.method
    path   = each.value.path
  }
}

test "a token that was made to last does not count" {
  for_each  = [oauth_source.cluster_a, oauth_source.cluster_b]
  provider  = provider.mimir
  source    = each.value
  claims    = { exp = "720h" }
  age       = "2h"
  expect    = "deny"
  denied_by = "times"
}

test "the token for the API server is none for m2md" {
  for_each  = [oauth_source.cluster_a, oauth_source.cluster_b]
  provider  = provider.mimir
  source    = each.value
  claims    = { aud = ["https://kubernetes.default.svc.cluster.local"] }
  expect    = "deny"
  denied_by = "audience"
}

test "another namespace does not write" {
  provider  = provider.mimir
  source    = oauth_source.cluster_b
  claims    = local.elsewhere
  expect    = "deny"
  denied_by = "require_claims"
}
