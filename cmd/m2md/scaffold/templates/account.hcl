[[- if .cluster -]]
# Prometheus, as one account: whoever shows a token of its service account gets in
# as prometheus.
service_account "prometheus" {
  display_name = "Prometheus"
  groups       = ["metrics"]

  # sub holds names, and whoever may delete and make the service account gets it
  # again; the uid is given once.
  jwt {
    source = oauth_source.cluster
    require_claims = {
      sub             = [[.subject.HCL]]
      "kubernetes.io" = { serviceaccount = { uid = [[.uid.HCL]] } }
    }
  }
}
[[- else -]]
# A machine that m2md itself knows. Its app passwords stand in m2md's storage, as
# hashes, and never here:
#   m2md app-password create prometheus
service_account "prometheus" {
  display_name = "Prometheus"
  groups       = ["metrics"]

  # Two at a time, so that one takes over from the other without a gap:
  #   m2md app-password rotate --account prometheus --overlap 24h
  app_passwords {
    max_age    = "2160h"
    max_active = 2
  }
}
[[- end]]
