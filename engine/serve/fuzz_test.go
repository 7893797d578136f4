package serve_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
)

// FuzzForwardAuthHeaders holds skip_paths against Go's own reading of URLs:
// without a credential the door lets in nothing whose path, decoded and
// cleaned by somebody else's rules, is not an open one.
func FuzzForwardAuthHeaders(f *testing.F) {
	f.Add("https://loki.example.com/ready", "", "GET", true)
	f.Add("https://loki.example.com/static/../admin", "Bearer x", "GET", true)
	f.Add("https://loki.example.com?/ready", "Basic eDp5", "POST", true)
	f.Add("/static/%2e%2e/admin", "", "GET", false)
	f.Add("/static/..;/x\\", "Basic !", "", false)
	f.Add("//ready#/static/", "", "", false)
	d := newDoor(f)
	d.Serve(f, d.guarded(f))
	handler := d.handler()
	f.Fuzz(func(t *testing.T, told, authorization, method string, nginx bool) {
		r := httptest.NewRequest(http.MethodGet, traefikLoki, nil)
		r.RemoteAddr = "127.0.0.1:1234"
		r.Header["X-Forwarded-Uri"], r.Header["X-Forwarded-Method"], r.Header["X-Forwarded-Host"] = []string{told}, []string{method}, []string{"loki.example.com"}
		if nginx {
			r = httptest.NewRequest(http.MethodGet, nginxLoki, nil)
			r.RemoteAddr = "127.0.0.1:1234"
			r.Header["X-Original-Url"], r.Header["X-Original-Method"] = []string{told}, []string{method}
		}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			return
		case http.StatusOK:
		default:
			t.Fatalf("status %d", w.Code)
		}
		if nginx {
			_, told, _ = strings.Cut(told, "://")
			told = told[max(0, strings.IndexAny(told, `/?#\`)):]
		}
		u, err := url.Parse("https://loki.example.com" + told)
		if err != nil {
			t.Fatalf("%q, which is no URL, is let in", told)
		}
		if clean := path.Clean(u.Path); clean != "/ready" && clean != "/static" && !strings.HasPrefix(clean, "/static/") {
			t.Errorf("%q, which is %q, is let in", told, clean)
		}
		for _, name := range identityHeaders {
			if values := w.Header()[name]; len(values) != 1 || values[0] != "" {
				t.Errorf("%s = %q", name, values)
			}
		}
	})
}

// FuzzIntrospection wants that no text is an active token but the very one that
// was issued, and that no other can be revoked in its place.
func FuzzIntrospection(f *testing.F) {
	d := newDoor(f)
	d.Serve(f, d.aboutTokens(f))
	password := d.Password(f, "grafana", nil)
	issued := d.tokenFor(f, "loki", password, "")
	head, rest, _ := strings.Cut(issued, ".")
	for _, seed := range []string{issued, issued + "=", "." + issued, head + ".." + rest, head + "." + head + "." + head, issued[:len(issued)-1], ""} {
		f.Add(seed)
	}
	handler := d.handler()
	ask := func(path, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(query(token, "client_id", "loki", "client_secret", password)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, token string) {
		if strings.TrimSpace(token) == issued {
			return
		}
		if w := ask("/oauth2/introspect", token); w.Body.String() != inactive && (token != "" || w.Code != http.StatusBadRequest) {
			t.Errorf("%q is answered with %d %s", token, w.Code, w.Body)
		}
		ask("/oauth2/revoke", token)
		if n := d.Deps.Revocations.Count()[engine.KindToken]; n != 0 {
			t.Errorf("%q was revoked", token)
		}
	})
}

// A reload lets no request fall: each is answered by one generation or the next.
func TestForwardAuthUnderConcurrentReloads(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.guarded(t))
	token := "Bearer " + d.tokenFor(t, "loki", d.Password(t, "prometheus", nil), "")
	handler := d.handler()
	done := make(chan int)
	for range 4 {
		go func() {
			refused := 0
			for range 200 {
				r := httptest.NewRequest(http.MethodGet, nginxLoki, nil)
				r.Header.Set("Authorization", token)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					refused++
				}
			}
			done <- refused
		}()
	}
	for range 20 {
		d.Serve(t, d.guarded(t))
	}
	for range 4 {
		if refused := <-done; refused > 0 {
			t.Errorf("%d requests were refused while reloading", refused)
		}
	}
	if generation := d.Audit.Last(t).Generation; generation == 0 {
		t.Error("a decision has no generation")
	}
}
