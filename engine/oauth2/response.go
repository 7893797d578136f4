package oauth2

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Token is what a token request was granted.
type Token struct {
	AccessToken string
	IDToken     string // OpenID Connect Core §3.1.3.3; "" for none
	ExpiresIn   int64  // seconds
	Scopes      []string
	// ScopeAsked says that the client asked for scopes, so that it must be
	// told what it got (RFC 6749 §5.1).
	ScopeAsked bool
	// IssuedType is issued_token_type (RFC 8693 §2.2.1), a URI; "" where nothing
	// was exchanged.
	IssuedType string
}

// WriteToken writes the answer of RFC 6749 §5.1. It is appended by hand: a
// token and its scopes need no escaping in JSON, and it is written once per
// request on the busiest path.
func WriteToken(w http.ResponseWriter, t *Token) {
	body := make([]byte, 0, len(t.AccessToken)+128)
	body = append(body, `{"access_token":"`...)
	body = append(body, t.AccessToken...)
	body = append(body, `","token_type":"Bearer","expires_in":`...)
	body = strconv.AppendInt(body, t.ExpiresIn, 10)
	if t.ScopeAsked || len(t.Scopes) > 0 {
		body = append(body, `,"scope":"`...)
		body = append(body, strings.Join(t.Scopes, " ")...)
		body = append(body, '"')
	}
	if t.IDToken != "" {
		body = append(body, `,"id_token":"`...)
		body = append(body, t.IDToken...)
		body = append(body, '"')
	}
	if t.IssuedType != "" {
		body = append(body, `,"issued_token_type":"`...)
		body = append(body, t.IssuedType...)
		body = append(body, '"')
	}
	body = append(body, "}\n"...)
	writeJSON(w, http.StatusOK, body)
}

// WriteError writes the body of RFC 6749 §5.2, and the request id under which
// the operator finds the whole reason.
func WriteError(w http.ResponseWriter, status int, e *Error, requestID string) {
	body, err := json.Marshal(struct {
		Error       Code   `json:"error"`
		Description string `json:"error_description"`
		RequestID   string `json:"request_id"`
	}{e.Code, e.Description, requestID})
	if err != nil {
		panic(err) // three strings always encode
	}
	writeJSON(w, status, append(body, '\n'))
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // a client that went away is no fault of ours
}
