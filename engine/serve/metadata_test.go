package serve_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// document gets a document of provider loki, with header names and values.
func (d *door) document(t *testing.T, path string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return send(t, req)
}

func TestADocumentThatDidNotChangeIsNotSentAgain(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	for _, path := range []string{"/providers/loki/jwks", "/application/o/loki/jwks/", "/providers/loki/.well-known/openid-configuration"} {
		first := d.document(t, path)
		tag := first.header.Get("Etag")
		if first.status != http.StatusOK || !strings.HasPrefix(tag, `"`) || len(tag) < 18 {
			t.Fatalf("%s: status %d, ETag %s", path, first.status, tag)
		}
		for condition, want := range map[string]int{
			tag: 304, "W/" + tag: 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, tag[:len(tag)-2] + `"`: 200, "garbage": 200,
		} {
			got := d.document(t, path, "If-None-Match", condition)
			if got.status != want || got.header.Get("Etag") != tag || got.header.Get("Cache-Control") != first.header.Get("Cache-Control") {
				t.Errorf("%s, If-None-Match %s: status %d, ETag %s, %s; want %d", path, condition, got.status, got.header.Get("Etag"), got.header.Get("Cache-Control"), want)
			}
			if want == 304 && got.body != "" || want == 200 && got.body != first.body {
				t.Errorf("%s, If-None-Match %s: the body is %q", path, condition, got.body)
			}
		}
	}
	before := d.document(t, "/providers/loki/jwks")
	spec := d.spec()
	spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("other", 5)}}
	d.Serve(t, spec)
	if got := d.document(t, "/providers/loki/jwks", "If-None-Match", before.header.Get("Etag")); got.status != http.StatusOK || got.body == before.body {
		t.Errorf("after another key: status %d", got.status)
	}
}

// Whoever keeps the keys for as long as they may knows the next one before it signs.
func TestKeysMayBeKeptForLessThanTheNextOneIsPublished(t *testing.T) {
	d := newDoor(t)
	for every, want := range map[time.Duration]string{
		0:                "public, max-age=300",
		720 * time.Hour:  "public, max-age=300",
		20 * time.Minute: "public, max-age=300",
		8 * time.Minute:  "public, max-age=120",
		10 * time.Minute: "public, max-age=150",
	} {
		spec := d.spec()
		spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5), RotateEvery: every}}
		d.Serve(t, spec)
		if got := d.document(t, "/providers/loki/jwks").header.Get("Cache-Control"); got != want {
			t.Errorf("a rotation every %s: %s, want %s", every, got, want)
		}
		if got := d.document(t, "/providers/loki/.well-known/openid-configuration").header.Get("Cache-Control"); got != "public, max-age=300" {
			t.Errorf("the discovery document: %s", got)
		}
	}
}
