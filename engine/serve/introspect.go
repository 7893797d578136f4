package serve

import (
	"net/http"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
)

// introspect serves the introspection endpoint (RFC 7662 §2).
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	s.aboutToken(w, r, "introspect", s.failIntrospect, func(live *engine.Engine, caller engine.Caller, q *oauth2.TokenQuery) error {
		told, err := live.Introspect(r.Context(), caller, q)
		if err == nil {
			oauth2.WriteIntrospection(w, told)
		}
		return err
	})
}

// aboutToken reads a request about a token and has it answered.
func (s *Server) aboutToken(w http.ResponseWriter, r *http.Request, door string,
	fail func(http.ResponseWriter, *http.Request, error, string),
	answer func(*engine.Engine, engine.Caller, *oauth2.TokenQuery) error,
) {
	requestID := s.RequestID()
	w.Header().Set("X-Request-Id", requestID)
	live := s.Live.Load()
	caller, _ := callerOf(live, r, requestID, door)
	q, err := readTokenQuery(w, r)
	if err != nil {
		allowOrigin(w, r, live, "")
		live.Reject(caller, err)
		fail(w, r, err, requestID)
		return
	}
	allowOrigin(w, r, live, q.Caller.Client.ID)
	if err := answer(live, caller, q); err != nil {
		fail(w, r, err, requestID)
	}
}

func readTokenQuery(w http.ResponseWriter, r *http.Request) (*oauth2.TokenQuery, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &oauth2.Error{Code: oauth2.InvalidRequest, Description: "This endpoint takes POST only.", Status: http.StatusMethodNotAllowed}
	}
	return oauth2.ParseTokenQuery(w, r)
}

// failIntrospect answers as RFC 7662 §2.3 says: a client that is not
// authenticated gets 401, wherever it put its credentials.
func (s *Server) failIntrospect(w http.ResponseWriter, r *http.Request, err error, requestID string) {
	public := s.publicError(r, err, requestID)
	writeRefusal(w, public.TokenStatus(true), public, requestID)
}
