# Two clusters that call themselves by the same name, as every cluster does that
# was not told another. Their keys tell them apart: a token is of the cluster
# whose key verifies it, whatever it says itself.
locals {
  in_cluster = "https://kubernetes.default.svc.cluster.local"

  # What pods ask their tokens for. Never the issuer, which is the audience of the
  # tokens that every pod has for the API server of its cluster.
  audience = "https://auth.example.com"
}

# Its API server cannot be reached from here, so its keys stand in a file:
#   kubectl --context cluster-a get --raw /openid/v1/jwks >jwks/cluster-a.json
oauth_source "cluster_a" {
  profile        = "kubernetes"
  issuer         = local.in_cluster
  oidc_jwks_file = "jwks/cluster-a.json"
  audiences      = [local.audience]

  # The kubelet renews a pod's token well before it is an hour old. One that
  # somebody made to last (kubectl create token --duration 720h) does not count.
  max_token_age = "1h"
}

# This one publishes its keys, as manifests/cluster-b lets it; they are fetched and
# kept fresh. The certificate of its API server is of its own CA.
oauth_source "cluster_b" {
  profile = "kubernetes"
  # m2md:ignore WIF019 clusters that were made with this name keep it; see above
  issuer              = local.in_cluster
  oidc_well_known_url = "https://api.cluster-b.example.com:6443/.well-known/openid-configuration"
  ca_file             = "ca/cluster-b.pem"
  audiences           = [local.audience]
  max_token_age       = "1h"
}
