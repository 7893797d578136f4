# Prometheus of cluster A, by a name that stays when it moves to another cluster,
# or to none. In its cluster it shows the token of its pod; elsewhere, and while
# it moves, an app password:
#   m2md app-password create prometheus
service_account "prometheus" {
  display_name = "Prometheus of cluster A"
  groups       = ["metrics"]

  app_passwords {
    max_age    = "720h"
    max_active = 2
  }

  # sub holds names, and whoever may delete and make the service account gets it
  # again; the uid is given once.
  #   kubectl --context cluster-a -n monitoring get serviceaccount prometheus -o jsonpath={.metadata.uid}
  jwt {
    source = oauth_source.cluster_a
    require_claims = {
      sub = "system:serviceaccount:monitoring:prometheus"
      "kubernetes.io" = {
        serviceaccount = { uid = "e6a8680e-d103-4cce-80ea-03acbbeacf7d" }
      }
    }
  }
}
