package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine"
)

// allowOrigin lets a page read the answer, where the provider allows its origin
// (https://fetch.spec.whatwg.org/#http-cors-protocol); clientID "" stands for
// any provider. No cookie ever counts here, so none is allowed to be sent.
func allowOrigin(w http.ResponseWriter, r *http.Request, live *engine.Engine, clientID string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	w.Header().Set("Vary", "Origin")
	if !live.AllowsOrigin(origin, clientID) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "X-Request-Id")
	return true
}

// preflight answers a browser that asks whether a page may ask at a door. Where
// none may, OPTIONS is a method like any other.
func (s *Server) preflight(door http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !allowOrigin(w, r, s.Live.Load(), "") {
			door(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Methods", http.MethodPost)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	}
}
