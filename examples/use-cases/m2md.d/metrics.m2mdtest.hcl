test "each cluster's Prometheus writes" {
  for_each = {
    cluster_a = oauth_source.cluster_a
    cluster_b = oauth_source.cluster_b
  }
  provider      = provider.metrics
  source        = each.value
  door          = "forward_auth"
  expect        = "allow"
  expect_access = "clusters"
  expect_claims = { sub = "${each.key}/system:serviceaccount:monitoring:prometheus" }
  request {
    method = "POST"
    path   = "/api/v1/write"
  }
}

test "who does not write" {
  for_each = {
    "another account"   = "system:serviceaccount:monitoring:grafana"
    "another namespace" = "system:serviceaccount:default:prometheus"
  }
  provider  = provider.metrics
  source    = oauth_source.cluster_a
  claims    = { sub = each.value }
  expect    = "deny"
  denied_by = policy.is_prometheus
}

test "people do not write" {
  provider  = provider.metrics
  account   = service_account.on_call
  expect    = "deny"
  denied_by = policy.is_prometheus
}

test "what Prometheus does not do there" {
  for_each = {
    "reads"          = { method = "GET", path = "/api/v1/write" }
    "writes by PUT"  = { method = "PUT", path = "/api/v1/write" }
    "deletes series" = { method = "POST", path = "/api/v1/admin/tsdb/delete_series" }
  }
  provider  = provider.metrics
  source    = oauth_source.cluster_a
  door      = "forward_auth"
  expect    = "deny"
  denied_by = policy.only_writes
  request {
    method = each.value.method
    path   = each.value.path
  }
}
