test "a token for somebody else is none for m2md" {
  for_each = {
    github            = { provider = provider.images, source = oauth_source.github, claims = { aud = "https://github.com/acme" } }
    github_enterprise = { provider = provider.images, source = oauth_source.github_enterprise, claims = { aud = "https://github.com/acme" } }
    cluster_a         = { provider = provider.metrics, source = oauth_source.cluster_a, claims = { aud = ["https://cluster-a.example.com"] } }
    cluster_b         = { provider = provider.metrics, source = oauth_source.cluster_b, claims = { aud = ["https://cluster-b.example.com"] } }
  }
  provider  = each.value.provider
  source    = each.value.source
  claims    = each.value.claims
  expect    = "deny"
  denied_by = "audience"
}

test "a cluster's token that was made to last does not count" {
  for_each  = [oauth_source.cluster_a, oauth_source.cluster_b]
  provider  = provider.metrics
  source    = each.value
  claims    = { exp = "720h" }
  age       = "2h"
  expect    = "deny"
  denied_by = "times"
}
