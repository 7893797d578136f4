package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
)

// revoke serves the revocation endpoint (RFC 7009 §2).
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	s.aboutToken(w, r, "revoke", s.failRevoke, func(live *engine.Engine, caller engine.Caller, q *oauth2.TokenQuery) error {
		err := live.Revoke(r.Context(), caller, q)
		if err == nil {
			oauth2.WriteRevoked(w)
		}
		return err
	})
}

// failRevoke answers as RFC 7009 §2.2.1 says: as the token endpoint does, but
// where it is our fault, 503 has the client believe that the token is still
// valid, and come again.
func (s *Server) failRevoke(w http.ResponseWriter, r *http.Request, err error, requestID string) {
	public := s.publicError(r, err, requestID)
	status := public.TokenStatus(r.Header.Get("Authorization") != "")
	if public.Code == oauth2.ServerError {
		public = &oauth2.Error{Code: oauth2.ServerError, Description: "The token was not revoked. The operator of the server finds the reason under the request id."}
		status = http.StatusServiceUnavailable
	}
	writeRefusal(w, status, public, requestID)
}
