package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine"
)

// metadataMaxAge is how long others may keep the documents: not longer than
// a key is published before it signs.
const metadataMaxAge = "public, max-age=300"

// discovery serves the metadata of a provider (OpenID Connect Discovery §4, RFC 8414 §3).
func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	s.document(w, r, "application/json", func(m engine.Metadata) []byte { return m.Discovery })
}

// jwks serves the keys of a provider (RFC 7517 §8.5).
func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	s.document(w, r, "application/jwk-set+json", func(m engine.Metadata) []byte { return m.JWKS })
}

func (s *Server) document(w http.ResponseWriter, r *http.Request, kind string, choose func(engine.Metadata) []byte) {
	metadata, found := s.Live.Load().Metadata(r.PathValue("provider"))
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Access-Control-Allow-Origin", "*") // they are public, and pages verify tokens, too
	w.Header().Set("Cache-Control", metadataMaxAge)
	w.Write(choose(metadata)) //nolint:errcheck // a client that went away is no fault of ours
}
