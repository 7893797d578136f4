# Machines outside of any cluster, whose metrics one Prometheus may read, however
# it logs in.
provider "exporters" {
  audience         = ["https://exporters.example.com"]
  access_token_ttl = "15m"

  access "prometheus" {
    from = [service_account.prometheus]
  }

  forward_auth {
    external_host = "exporters.example.com"
  }
}

# Where the metrics of both clusters go. Each is who it is by itself, such as
# cluster_b/system:serviceaccount:monitoring:prometheus: Mimir keeps them apart by
# X-M2md-Subject. Whoever may make pods in the namespace may write as one of it;
# each cluster decides that for itself, and no other namespace can.
provider "mimir" {
  audience         = ["https://mimir.example.com"]
  access_token_ttl = "15m"

  access "clusters" {
    from = [oauth_source.cluster_a, oauth_source.cluster_b]
    require_claims = {
      "kubernetes.io" = { namespace = "monitoring" }
    }
  }

  forward_auth {
    external_host = "mimir.example.com"
    policies      = [policy.write_only]
  }
}

# Clusters bring metrics, and read none of each other's.
policy "write_only" {
  script = <<-JS
    return request.http.method === "POST" && request.http.path === "/api/v1/push";
  JS
}
