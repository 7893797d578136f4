package serve

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
)

// original is the guarded request, as the proxy tells of it. What it does not
// tell is "".
type original struct{ method, host, path string }

// dialects are how proxies tell of the guarded request: each reads the headers
// of that proxy alone, because those of another would be the client's own
// words. A dialect returns what is wrong with them, or "".
var dialects = map[string]func(http.Header) (original, string){
	"nginx":   readNginx,
	"traefik": readTraefik,
}

// readNginx reads what examples/nginx has nginx set: the whole URL,
// and the method. The host must be one alone: for "GET http://host?/ready"
// nginx sets a URL whose first slash stands in the query, and goes on to "/".
func readNginx(h http.Header) (original, string) {
	if repeated(h, "X-Original-Url", "X-Original-Method") {
		return original{}, "X-Original-URL or X-Original-Method is there more than once"
	}
	raw := h.Get("X-Original-Url")
	if raw == "" {
		return original{method: h.Get("X-Original-Method")}, ""
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	host, uri, hasPath := strings.Cut(rest, "/")
	if scheme != "http" && scheme != "https" || !hasPath || host == "" || strings.ContainsAny(host, "?#@\\") {
		return original{}, "X-Original-URL is not a URL with a scheme, a host and a path"
	}
	return original{h.Get("X-Original-Method"), host, pathOf("/" + uri)}, ""
}

// readTraefik reads what Traefik's ForwardAuth sets.
func readTraefik(h http.Header) (original, string) {
	if repeated(h, "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Method") {
		return original{}, "X-Forwarded-Host, -Uri or -Method is there more than once"
	}
	return original{h.Get("X-Forwarded-Method"), h.Get("X-Forwarded-Host"), pathOf(h.Get("X-Forwarded-Uri"))}, ""
}

func repeated(h http.Header, names ...string) bool {
	for _, name := range names {
		if len(h[name]) > 1 {
			return true
		}
	}
	return false
}

// pathOf cuts the query off a request URI. Nothing is decoded: whether the
// path could mean another one is for the engine to say.
func pathOf(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	return path
}

// forwardAuth serves a proxy that asks whether a request may pass.
func (s *Server) forwardAuth(read func(http.Header) (original, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requestID := s.RequestID()
		live := s.Live.Load()
		caller, trusted := callerOf(live, r, requestID, "forward_auth")
		req := engine.GuardRequest{Provider: r.PathValue("provider")}
		req.Credential, req.Malformed = readAuthorization(r.Header["Authorization"])
		if trusted {
			told, malformed := read(r.Header)
			caller.HTTP.Method, caller.HTTP.Host, caller.HTTP.Path = told.method, told.host, told.path
			req.Host = told.host
			if malformed != "" {
				req.Malformed = malformed
			}
		} else if req.Provider == "" {
			req.Malformed = "the peer is none of trusted_proxies, so the host that it tells does not count"
		}
		admission, err := live.Guard(r.Context(), caller, req)
		if err != nil {
			s.failForwardAuth(w, r, err, requestID)
			return
		}
		header := w.Header()
		for _, one := range admission.Headers {
			header[one.Name] = one.Value
		}
		w.WriteHeader(http.StatusOK)
	}
}

// readAuthorization reads a credential of RFC 6750 §2.1 or RFC 7617. Another
// scheme, or what cannot be read, is no credential.
func readAuthorization(values []string) (c engine.Credential, malformed string) {
	if len(values) == 0 {
		return c, ""
	}
	if len(values) > 1 {
		return c, "there is more than one Authorization header"
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	rest = strings.Trim(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		c.Bearer = rest
	case strings.EqualFold(scheme, "Basic"):
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return c, ""
		}
		c.Username, c.Password, _ = strings.Cut(string(plain), ":")
	}
	return c, ""
}

// failForwardAuth answers 401 to who is not recognised and 403 to who may not.
// Whatever else it says reaches the client as a 500 behind nginx.
func (s *Server) failForwardAuth(w http.ResponseWriter, r *http.Request, err error, requestID string) {
	public := s.publicError(r, err, requestID)
	w.Header().Set("X-Request-Id", requestID)
	switch tooMany := public.Status == http.StatusTooManyRequests; {
	case public.Code == oauth2.InvalidToken, public.Code == oauth2.InvalidClient, tooMany:
		bearer := `Bearer realm="m2md"`
		if r.Header.Get("Authorization") != "" { // RFC 6750 §3.1: no error where there was no credential
			bearer += `, error="invalid_token"`
		}
		w.Header()["Www-Authenticate"] = []string{bearer, `Basic realm="m2md", charset="UTF-8"`}
		oauth2.WriteError(w, http.StatusUnauthorized, public, requestID)
	case public.Code == oauth2.UnauthorizedClient:
		oauth2.WriteError(w, http.StatusForbidden, public, requestID)
	case public.Code == oauth2.TemporarilyUnavailable:
		w.Header().Set("Retry-After", retryAfter)
		oauth2.WriteError(w, http.StatusServiceUnavailable, public, requestID)
	default:
		oauth2.WriteError(w, http.StatusInternalServerError, public, requestID)
	}
}
