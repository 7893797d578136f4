package enginetest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Issuer publishes keys over HTTP on a free local port, as an OpenID provider
// does: a discovery document and a JWK set. It answers well until it is told
// otherwise, and is safe for concurrent use.
type Issuer struct {
	URL string // its iss

	server *httptest.Server
	gone   chan struct{} // closed at the end of the test: lets hanging requests go

	mu      sync.Mutex
	keys    []*Key
	broken  http.HandlerFunc // answers in the place of both documents; nil: all is well
	fetches int              // of the JWK set
}

// NewIssuer starts an issuer that ends with the test.
func NewIssuer(t testing.TB, keys ...*Key) *Issuer {
	i := &Issuer{keys: keys, gone: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks", i.serve(i.keySet))
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serve(i.discovery))
	i.server = httptest.NewServer(mux)
	i.URL = i.server.URL
	t.Cleanup(func() {
		close(i.gone)
		i.server.Close()
	})
	return i
}

// serve answers with a document, unless the issuer is broken.
func (i *Issuer) serve(document func() []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		broken, body := i.broken, document()
		i.mu.Unlock()
		if broken != nil {
			broken(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) //nolint:errcheck // a client that went away is no fault of ours
	}
}

// keySet is the JWK set. i.mu is held.
func (i *Issuer) keySet() []byte {
	i.fetches++
	return JWKS(i.keys...)
}

// discovery is the discovery document (OpenID Connect Discovery §3), as far as
// it is about keys.
func (i *Issuer) discovery() []byte {
	return encode(map[string]any{"issuer": i.URL, "jwks_uri": i.JWKSURL()})
}

// JWKSURL is where the keys are.
func (i *Issuer) JWKSURL() string { return i.URL + "/jwks" }

// WellKnownURL is where the discovery document is.
func (i *Issuer) WellKnownURL() string { return i.URL + "/.well-known/openid-configuration" }

// Publish puts other keys in the place of those published so far.
func (i *Issuer) Publish(keys ...*Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

// Break lets answer in the place of both documents; nil mends them.
func (i *Issuer) Break(answer http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.broken = answer
}

// Hang answers nothing until the client gives up or the test ends.
func (i *Issuer) Hang() {
	i.Break(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-i.gone:
		}
	})
}

// Stop closes the issuer's port. A second call does nothing.
func (i *Issuer) Stop() { i.server.Close() }

// Fetches is how often the JWK set was asked for.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}
