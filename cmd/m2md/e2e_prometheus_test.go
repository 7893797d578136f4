//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
)

// scrapedMetrics is the use case of Prometheus in one cluster that reads
// metrics of another, as authentik's users have it: a source for the cluster,
// its keys pasted, and a policy on the service account.
const scrapedMetrics = `
service_account "prometheus" {}

oauth_source "cluster_a" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "../cluster-a.json"
  audiences      = ["m2md"]
}

policy "prometheus_only" {
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

provider "metrics" {
  access "account" {
    from = [service_account.prometheus]
  }
  access "cluster" {
    from     = [oauth_source.cluster_a]
    policies = [policy.prometheus_only]
  }
  forward_auth {
    external_host = "metrics.localhost"
  }
}
`

// TestE2EPrometheusScrapesThroughNginx lets Prometheus get its tokens by its
// own oauth2 block. The JWT stands in client_secret_file: Prometheus knows no
// client_assertion.
func TestE2EPrometheusScrapesThroughNginx(t *testing.T) {
	program := needs(t, "prometheus")
	s := newSite(t, scrapedMetrics)
	key := enginetest.NewKey(t, "cluster-a-1", "RS256")
	writeFile(t, filepath.Join(s.dir, "cluster-a.json"), string(enginetest.JWKS(key)))
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "scraped_by{subject=%q} 1\n", r.Header.Get("X-M2md-Subject"))
	}))
	t.Cleanup(target.Close)
	nginx := startNginx(t, s, "metrics", target.Listener.Addr().String())
	s.serve()

	claims := func(account string) map[string]any {
		return enginetest.With(enginetest.KubernetesClaims(time.Now(), "m2md"), map[string]any{"sub": "system:serviceaccount:monitoring:" + account})
	}
	dir := t.TempDir()
	jobs := []scrapeJob{
		{name: "app_password", secret: s.password("prometheus"), subject: "prometheus"},
		{name: "jwt", secret: key.Mint(claims("prometheus")), subject: "cluster_a/system:serviceaccount:monitoring:prometheus"},
		{
			name: "jwt_with_params", secret: key.Mint(claims("prometheus")),
			params:  "{grant_type: client_credentials, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'}",
			subject: "cluster_a/system:serviceaccount:monitoring:prometheus",
		},
		{name: "wrong_password", secret: s.password("prometheus") + "x"},
		{name: "wrong_service_account", secret: key.Mint(claims("grafana"))},
	}
	config := "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
	for _, job := range jobs {
		config += job.write(t, dir, s.url, nginx)
	}
	writeFile(t, filepath.Join(dir, "prometheus.yml"), config)
	address := freeAddress(t)
	p := start(t, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	p.awaitStart(t, func() bool { return statusOfURL("http://"+address+"/-/ready") == http.StatusOK })

	for _, job := range jobs {
		t.Run(job.name, func(t *testing.T) {
			if job.subject == "" {
				eventually(t, "refused: "+job.name, func() bool { return query(t, address, "up", job.name) == "0" })
				return
			}
			eventually(t, "up: "+job.name, func() bool { return query(t, address, "up", job.name) == "1" })
			eventually(t, "told to the target: "+job.subject, func() bool {
				return query(t, address, fmt.Sprintf("scraped_by{subject=%q}", job.subject), job.name) == "1"
			})
		})
	}
	if up := query(t, address, "max(max_over_time(up{job=~'wrong.*'}[1h]))", ""); up != "0" {
		t.Errorf("the highest that up was for a wrong credential is %s", up)
	}
}

// scrapeJob is a job of Prometheus that logs in as it can.
type scrapeJob struct {
	name, secret, params string
	subject              string // as whom it scrapes; "" for one that must not
}

// write writes the job's secret, and returns its part of the configuration.
func (j scrapeJob) write(t *testing.T, dir, tokenBase, target string) string {
	file := filepath.Join(dir, j.name)
	writeFile(t, file, j.secret)
	job := fmt.Sprintf(`- job_name: %s
  oauth2:
    client_id: metrics
    client_secret_file: %s
    token_url: %s/oauth2/token
`, j.name, file, tokenBase)
	if j.params != "" {
		job += "    endpoint_params: " + j.params + "\n"
	}
	return job + fmt.Sprintf("  static_configs: [{targets: ['%s']}]\n", target)
}

// query asks Prometheus for the one value of an expression in a job; "" where
// there is none yet.
func query(t *testing.T, address, expression, job string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/api/v1/query", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.URL.RawQuery = url.Values{"query": {expression}}.Encode()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(body, &found); err != nil {
		t.Fatalf("asking Prometheus: %s in %s", err, body)
	}
	for _, sample := range found.Data.Result {
		if sample.Metric["job"] == job {
			return fmt.Sprint(sample.Value[1])
		}
	}
	return ""
}
