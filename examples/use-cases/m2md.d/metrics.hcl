# 2. Prometheus of each cluster writes to one place, as the service account that
# it is in its cluster.
provider "metrics" {
  audience         = ["https://metrics.example.com"]
  access_token_ttl = "15m"

  access "clusters" {
    from     = [oauth_source.cluster_a, oauth_source.cluster_b, service_account.on_call]
    policies = [policy.is_prometheus]
  }

  forward_auth {
    external_host = "metrics.example.com"
    policies      = [policy.only_writes]
  }
}

# Change these to the namespace and the service account of your Prometheus.
policy "is_prometheus" {
  inputs = {
    namespace       = "monitoring"
    service_account = "prometheus"
  }
  script = <<-JS
    const jwt = request.context.oauth_jwt;
    if (!jwt) return false;
    return jwt.sub === "system:serviceaccount:" + inputs.namespace + ":" + inputs.service_account;
  JS
}

policy "only_writes" {
  script = <<-JS
    if (request.http.method !== "POST") return false;
    return request.http.path === "/api/v1/write";
  JS
}
