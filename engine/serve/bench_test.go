package serve_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func BenchmarkTokenForAnAppPassword(b *testing.B) {
	d := newDoor(b)
	d.Serve(b, d.spec())
	body := form("client_id", "loki", "client_secret", d.Password(b, "prometheus", nil))
	benchmark(b, d, func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	})
}

func BenchmarkIntrospection(b *testing.B) {
	d := newDoor(b)
	d.Serve(b, d.spec())
	password := d.Password(b, "prometheus", nil)
	body := query(d.tokenFor(b, "loki", password, "logs:read"), "client_id", "loki", "client_secret", password)
	benchmark(b, d, func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/oauth2/introspect", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	})
}

func BenchmarkForwardAuthRemembered(b *testing.B) {
	d := newDoor(b)
	d.Serve(b, d.guarded(b))
	token := "Bearer " + d.tokenFor(b, "loki", d.Password(b, "prometheus", nil), "")
	benchmark(b, d, func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, nginxLoki, nil)
		r.Header["Authorization"] = []string{token}
		r.Header["X-Original-Url"] = []string{"https://loki.example.com/loki/api/v1/push"}
		return r
	})
}

// benchmark measures the handler, and with it httptest's request and recorder.
func benchmark(b *testing.B, d *door, request func() *http.Request) {
	handler := d.handler()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request())
		if w.Code != http.StatusOK {
			b.Fatal(w.Body.String())
		}
	}
}
