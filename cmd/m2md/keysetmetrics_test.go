package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/serve"
)

// sources are oauth_source blocks of one issuer, each with its own address.
func sources(i *enginetest.Issuer, addresses ...string) string {
	var text strings.Builder
	for n, address := range addresses {
		fmt.Fprintf(&text, "oauth_source \"s%d\" {\n  issuer = \"%s/%d\"\n  oidc_jwks_url = %q\n  allow_http = true\n  audiences = [\"m2md\"]\n}\n", n, i.URL, n, address)
	}
	return text.String()
}

func TestTheMetricsTellHowTheKeySetsAre(t *testing.T) {
	issuer := enginetest.NewIssuer(t, enginetest.NewKey(t, "a", "ES256"), enginetest.NewKey(t, "b", "EdDSA"))
	address := issuer.JWKSURL()
	r := newRig(t, map[string]string{"a.hcl": listeners + letsIn + sources(issuer, address+"?sentinel=1", address+"?sentinel=2", "http://issuer.invalid/jwks")})
	d, findings, err := r.open()
	if err != nil {
		t.Fatalf("starting: %v\n%s", err, findings)
	}
	r.run(d)
	series := func(name, url string) string { return fmt.Sprintf(`m2md_jwks_%s{url=%q}`, name, url) }
	eventually(t, "fetched", func() bool {
		return r.metric(series("keys", address)) == "2" && r.metric(series("keys", address+" (2)")) == "2" && r.metric(series("stale", "http://issuer.invalid/jwks")) == "1"
	})
	r.checkMetrics(map[string]string{
		series("stale", address):                                          "0",
		series("stale", address+" (2)"):                                   "0",
		series("skipped_keys", address):                                   "0",
		series("keys", "http://issuer.invalid/jwks"):                      "0",
		series("fetched_timestamp_seconds", "http://issuer.invalid/jwks"): "",
		series("expires_timestamp_seconds", "http://issuer.invalid/jwks"): "",
	})
	fetched, err1 := strconv.ParseFloat(r.metric(series("fetched_timestamp_seconds", address)), 64)
	expires, err2 := strconv.ParseFloat(r.metric(series("expires_timestamp_seconds", address)), 64)
	if err1 != nil || err2 != nil || fetched < float64(time.Now().Add(-patience*4).Unix()) || expires-fetched < (24*time.Hour).Seconds() {
		t.Errorf("fetched %f, expires %f, %v, %v", fetched, expires, err1, err2)
	}
	if _, body := r.observed("/metrics"); strings.Contains(body, "sentinel") {
		t.Error("the metrics show a query")
	}

	r.write("a.hcl", listeners+letsIn) // without any source
	r.reload(true)
	if code, body := r.observed("/metrics"); code != http.StatusOK || strings.Contains(body, "m2md_jwks_keys{") {
		t.Errorf("after all sources are gone: %d\n%s", code, body)
	}
}

func TestStatusSaysHowAKeySetIs(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 21, hour, 0, 0, 0, time.UTC) }
	fetched := serve.KeySetStatus{URL: "https://ci.example/jwks", Keys: 2, FetchedAt: at(1), UsedUntil: at(20)}
	change := func(f func(*serve.KeySetStatus)) serve.KeySetStatus {
		set := fetched
		f(&set)
		return set
	}
	tests := []struct {
		name string
		set  serve.KeySetStatus
		want string
	}{
		{"fetched", fetched, "2, fetched 2026-11-21 01:00:00Z"},
		{"some keys skipped", change(func(s *serve.KeySetStatus) { s.Skipped = 1 }), "2, 1 skipped, fetched 2026-11-21 01:00:00Z"},
		{"restored", change(func(s *serve.KeySetStatus) { s.Restored, s.Stale, s.StaleSince = true, true, at(2) }),
			"2, fetched 2026-11-21 01:00:00Z by an earlier process, STALE since 2026-11-21 02:00:00Z and used until 2026-11-21 20:00:00Z"},
		{"its issuer down", change(func(s *serve.KeySetStatus) { s.Stale, s.StaleSince, s.Error = true, at(3), "it hangs" }),
			"2, fetched 2026-11-21 01:00:00Z, STALE since 2026-11-21 03:00:00Z and used until 2026-11-21 20:00:00Z, last fetch failed: it hangs"},
		{"too old", change(func(s *serve.KeySetStatus) { s.Stale, s.UsedUntil, s.Error = true, at(4), "it hangs" }),
			"2, fetched 2026-11-21 01:00:00Z, TOO OLD since 2026-11-21 04:00:00Z and not used, last fetch failed: it hangs"},
		{"never fetched", serve.KeySetStatus{URL: fetched.URL, Stale: true, Error: "it hangs"}, "0, last fetch failed: it hangs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := keySetLine(tt.set, at(4)); got != "https://ci.example/jwks: "+tt.want {
				t.Errorf("it says %q, want %q", got, tt.want)
			}
		})
	}
}
