package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine/oauth2"
)

// token serves the token endpoint (RFC 6749 §3.2).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	requestID := s.RequestID()
	w.Header().Set("X-Request-Id", requestID)
	live := s.Live.Load()
	caller, _ := callerOf(live, r, requestID, "token")
	req, err := readTokenRequest(w, r)
	if err != nil {
		allowOrigin(w, r, live, "")
		live.Reject(caller, err)
		s.failToken(w, r, err, requestID)
		return
	}
	allowOrigin(w, r, live, req.Client.ID)
	token, err := live.Token(r.Context(), caller, req)
	if err != nil {
		s.failToken(w, r, err, requestID)
		return
	}
	oauth2.WriteToken(w, token)
}

func readTokenRequest(w http.ResponseWriter, r *http.Request) (*oauth2.Request, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &oauth2.Error{Code: oauth2.InvalidRequest, Description: "The token endpoint takes POST only.", Status: http.StatusMethodNotAllowed}
	}
	return oauth2.ParseRequest(w, r)
}

// retryAfter is in how many seconds a client may try again where an issuer's
// keys cannot be had.
const retryAfter = "5"

// failToken answers as RFC 6749 §5.2 says.
func (s *Server) failToken(w http.ResponseWriter, r *http.Request, err error, requestID string) {
	public := s.publicError(r, err, requestID)
	writeRefusal(w, public.TokenStatus(r.Header.Get("Authorization") != ""), public, requestID)
}

// writeRefusal writes a refusal of an endpoint for clients, with the headers
// that its status asks for.
func writeRefusal(w http.ResponseWriter, status int, public *oauth2.Error, requestID string) {
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="m2md", charset="UTF-8"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", retryAfter)
	}
	oauth2.WriteError(w, status, public, requestID)
}
