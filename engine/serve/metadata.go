package serve

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/m2md/m2md/engine"
)

// discoveryCaching is how long others may keep the metadata of a provider. That
// of its keys is the engine's to say: shorter than a key is published before it
// signs.
const discoveryCaching = 5 * time.Minute

// discovery serves the metadata of a provider (OpenID Connect Discovery §4, RFC 8414 §3).
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	s.document(w, r, "application/json", func(m engine.Metadata) ([]byte, time.Duration) { return m.Discovery, discoveryCaching })
}

// jwks serves the keys of a provider (RFC 7517 §8.5).
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	s.document(w, r, "application/jwk-set+json", func(m engine.Metadata) ([]byte, time.Duration) { return m.JWKS, m.Caching })
}

func (s *Server) document(w http.ResponseWriter, r *http.Request, kind string, choose func(engine.Metadata) (document []byte, caching time.Duration)) {
	metadata, found := s.Live.Load().Metadata(r.PathValue("provider"))
	if !found {
		http.NotFound(w, r)
		return
	}
	document, caching := choose(metadata)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Access-Control-Allow-Origin", "*") // they are public, and pages verify tokens, too
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(caching/time.Second)))
	w.Header().Set("Etag", entityTag(document))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(document)) // which answers If-None-Match (RFC 9110 §13.1.2)
}

// entityTag is a strong validator of a document (RFC 9110 §8.8.3).
func entityTag(document []byte) string {
	sum := sha256.Sum256(document)
	return fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:12]))
}
