package serve_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
)

func TestOnlyPagesOfAllowedOriginsMayAsk(t *testing.T) {
	d := newDoor(t)
	spec := d.spec()
	spec.Providers[0].AllowedOrigins = []string{"https://app.example"}
	spec.Providers[1].AllowedOrigins = []string{"https://other.example"}
	d.Serve(t, spec)
	password := d.Password(t, "prometheus", nil)
	for _, tt := range []struct {
		name, method, origin, clientID string
		allowed                        bool
	}{
		{"a preflight", http.MethodOptions, "https://app.example", "", true},
		{"a preflight for another provider", http.MethodOptions, "https://other.example", "", true},
		{"a preflight of a stranger", http.MethodOptions, "https://evil.example", "", false},
		{"a preflight of a suffix", http.MethodOptions, "https://app.example.evil.example", "", false},
		{"a preflight of null", http.MethodOptions, "null", "", false},
		{"a request", http.MethodPost, "https://app.example", "loki", true},
		{"a request of another provider's page", http.MethodPost, "https://other.example", "loki", false},
		{"a request of a stranger", http.MethodPost, "https://evil.example", "loki", false},
		{"a request of no page", http.MethodPost, "", "loki", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var body io.Reader
			if tt.method == http.MethodPost {
				body = strings.NewReader(form("client_id", tt.clientID, "client_secret", password))
			}
			req, err := http.NewRequest(tt.method, d.URL+"/oauth2/token", body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.origin != "" {
				req.Header.Set("Origin", tt.origin)
			}
			got := send(t, req)
			want := ""
			if tt.allowed {
				want = tt.origin
			}
			if allowed := got.header.Get("Access-Control-Allow-Origin"); allowed != want {
				t.Errorf("Access-Control-Allow-Origin is %q, want %q", allowed, want)
			}
			if got.header.Get("Access-Control-Allow-Credentials") != "" || tt.origin != "" && got.header.Get("Vary") != "Origin" {
				t.Errorf("the header is %v", got.header)
			}
			status := http.StatusOK
			switch {
			case tt.method == http.MethodOptions && tt.allowed:
				status = http.StatusNoContent
			case tt.method == http.MethodOptions:
				status = http.StatusMethodNotAllowed
			}
			if got.status != status {
				t.Errorf("the status is %d", got.status)
			}
		})
	}
}

func TestTheDocumentsOfEachIssuerAreWhereItSays(t *testing.T) {
	d := newDoor(t)
	spec := d.spec()
	spec.Providers[0].IssuerMode = "authentik"
	spec.Providers[1].IssuerMode, spec.Providers[2].IssuerMode = "global", "global"
	d.Serve(t, spec)
	get := func(path string) answer {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, d.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return send(t, req)
	}
	for _, tt := range []struct{ issuer, provider string }{
		{d.URL + "/application/o/loki/", "loki"}, {d.URL, "odd"}, {d.URL, "plus"}, {d.URL, ""},
	} {
		paths := []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}
		if tt.provider != "" {
			paths = nil
			for _, name := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
				paths = append(paths, "/providers/"+tt.provider+name, "/application/o/"+tt.provider+name, name+"/providers/"+tt.provider, name+"/application/o/"+tt.provider, name+"/application/o/"+tt.provider+"/")
			}
		}
		for _, path := range paths {
			got := get(path)
			if got.status != http.StatusOK || got.text("issuer") != tt.issuer {
				t.Errorf("%s: %d, issuer %q, want %q", path, got.status, got.text("issuer"), tt.issuer)
				continue
			}
			keys := get(strings.TrimPrefix(got.text("jwks_uri"), d.URL))
			if list, _ := keys.json["keys"].([]any); keys.status != http.StatusOK || len(list) != 1 {
				t.Errorf("%s: %d %s", got.text("jwks_uri"), keys.status, keys.body)
			}
		}
	}
	plain := d.spec()
	plain.Providers = []engine.Provider{plain.Providers[0]}
	d.Serve(t, plain)
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks"} {
		if got := get(path); got.status != http.StatusNotFound {
			t.Errorf("without a shared issuer %s is %d", path, got.status)
		}
	}
}
