package serve

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
)

// Deps are what the doors need. All must be set.
type Deps struct {
	Live      *engine.Live
	Log       *slog.Logger
	RequestID func() string
	Draining  func() bool // true from the moment on that no new requests should come
}

// Server is the doors for clients and proxies.
type Server struct {
	Deps
	mux *http.ServeMux
}

// New mounts the doors. It is the only place where paths are wired.
func New(deps Deps) *Server {
	s := &Server{Deps: deps, mux: http.NewServeMux()}
	for name, door := range map[string]http.HandlerFunc{"token": s.token, "introspect": s.introspect, "revoke": s.revoke} {
		for _, path := range []string{"/oauth2/" + name, "/application/o/" + name + "/{$}"} {
			s.mux.HandleFunc(path, door)
			s.mux.HandleFunc("OPTIONS "+path, s.preflight(door))
		}
	}
	// Each document is at every form of the path: appended to the issuer
	// (OpenID Connect Discovery §4.1) and inserted before its path (RFC 8414
	// §3.1), under both names.
	for _, name := range []string{"openid-configuration", "oauth-authorization-server"} {
		s.mux.HandleFunc("GET /.well-known/"+name, s.discovery)
		for _, base := range []string{"/providers/{provider}", "/application/o/{provider}"} {
			s.mux.HandleFunc("GET "+base+"/.well-known/"+name, s.discovery)
			s.mux.HandleFunc("GET /.well-known/"+name+base, s.discovery)
		}
		s.mux.HandleFunc("GET /.well-known/"+name+"/application/o/{provider}/{$}", s.discovery)
	}
	s.mux.HandleFunc("GET /jwks", s.jwks)
	s.mux.HandleFunc("GET /providers/{provider}/jwks", s.jwks)
	s.mux.HandleFunc("GET /application/o/{provider}/jwks/{$}", s.jwks)
	for name, read := range dialects {
		s.mux.HandleFunc("/auth/"+name+"/provider/{provider}", s.forwardAuth(read))
		s.mux.HandleFunc("/auth/"+name+"/host", s.forwardAuth(read))
		s.mux.HandleFunc("/outpost.goauthentik.io/auth/"+name, s.forwardAuth(read))
	}
	MountHealth(s.mux, deps.Live, deps.Draining)
	return s
}

// ServeHTTP answers a request. Before the first generation nothing but health
// is served.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Live.Load() == nil && !strings.HasPrefix(r.URL.Path, "/-/") {
		http.Error(w, "m2md is starting", http.StatusServiceUnavailable)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// callerOf tells the engine who calls, as far as the door can believe it, and
// whether what the peer says of others counts.
func callerOf(e *engine.Engine, r *http.Request, requestID, door string) (c engine.Caller, trusted bool) {
	peer := peerOf(r)
	client := peer
	trusted = e.TrustsPeer(peer)
	if forwarded := r.Header["X-Forwarded-For"]; trusted && len(forwarded) > 0 {
		client = clientOf(e, peer, forwarded)
	}
	return engine.Caller{RequestID: requestID, HTTP: engine.PolicyHTTP{Door: door, ClientIP: client}, Header: r.Header}, trusted
}

// peerOf is the address of the other end of the connection; the zero address
// for a unix socket.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// clientOf reads X-Forwarded-For from its end, where the nearest proxy wrote,
// up to the first address that is no trusted proxy's. What cannot be read ends
// the search at the last address that could.
func clientOf(e *engine.Engine, peer netip.Addr, header []string) netip.Addr {
	hops := strings.Split(strings.Join(header, ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer
		}
		peer = addr.Unmap().WithZone("")
		if !e.TrustsPeer(peer) {
			return peer
		}
	}
	return peer
}

// publicError is the one place where an error becomes what the client may
// read. An *oauth2.Error was written for the client; any other error is ours,
// so the operator gets the detail and the client gets server_error.
func (s *Server) publicError(r *http.Request, err error, requestID string) *oauth2.Error {
	var public *oauth2.Error
	if errors.As(err, &public) {
		return public
	}
	s.Log.ErrorContext(r.Context(), "request failed", "request_id", requestID, "path", r.URL.Path, "err", err)
	return &oauth2.Error{Code: oauth2.ServerError, Description: "The server could not decide. Its operator finds the reason under the request id."}
}
