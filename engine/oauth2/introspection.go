package oauth2

import "net/http"

// TokenQuery is a request about a token: to introspect it (RFC 7662 §2.1) or to
// revoke it (RFC 7009 §2.1). The token_type_hint of both is not among it: a
// server has to find the token whatever the hint says, and here all tokens are
// of one kind.
type TokenQuery struct {
	// Caller is who asks: the parts of a Request by which a client
	// authenticates. The others are zero.
	Caller Request
	Token  string
}

// ParseTokenQuery reads a request about a token. Its errors are *Error.
func ParseTokenQuery(w http.ResponseWriter, r *http.Request) (*TokenQuery, error) {
	form, err := parseForm(w, r)
	if err != nil {
		return nil, err
	}
	caller, err := readClient(r, form)
	if err == nil {
		err = caller.checkClient()
	}
	if err != nil {
		return nil, err
	}
	q := &TokenQuery{Caller: *caller, Token: form.Get("token")}
	if q.Token == "" {
		return nil, invalid("The parameter token is missing.")
	}
	return q, nil
}

// Introspection is what is told of a token (RFC 7662 §2.2). The zero value is of
// one that is not active, of which nothing else is told.
type Introspection struct {
	// Claims are those of the token, a JSON object with some members, and none
	// of TakenClaims.
	Claims []byte
}

// TakenClaims are the members of an answer that no claim takes the place of.
var TakenClaims = [...]string{"active", "token_type"}

// WriteIntrospection writes the answer of RFC 7662 §2.2: the claims of the token
// have the names that it gives them already.
func WriteIntrospection(w http.ResponseWriter, told *Introspection) {
	if told.Claims == nil {
		writeJSON(w, http.StatusOK, []byte(`{"active":false}`+"\n"))
		return
	}
	const active = `{"active":true,"token_type":"Bearer",`
	body := make([]byte, 0, len(active)+len(told.Claims)+1)
	body = append(append(body, active...), told.Claims[1:]...)
	writeJSON(w, http.StatusOK, append(body, '\n'))
}

// WriteRevoked writes the answer of RFC 7009 §2.2, which has no body.
func WriteRevoked(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(http.StatusOK)
}
