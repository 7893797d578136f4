# A cluster signs a token for each pod that asks for one.
oauth_source "cluster" {
  profile = "kubernetes"
  issuer  = [[.signer.HCL]]
  [[(index .keys_from 0).Plain]] = [[(index .keys_from 1).HCL]]

  # What the pod's volume says. Never the issuer, which is the audience of the
  # tokens that every pod has for the API server.
  audiences = [[ print "[" .external_url.HCL "]" ]]

  # The kubelet renews a pod's token well before it is an hour old. One that
  # somebody made to last does not count.
  max_token_age = "1h"
}
