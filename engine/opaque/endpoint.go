package opaque

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/m2md/m2md/engine/fetch"
)

// MaxToken bounds the length of an opaque token in bytes. A longer one is
// inactive without being asked about.
const MaxToken = 4 << 10

// endpoint is a way in which an issuer tells of its tokens.
type endpoint interface {
	// sends says whether the token may be sent in this way.
	sends(token string) bool
	request(token string) fetch.Request
	// judge says whether an answer with status 200 speaks of an active token:
	// its error wraps ErrInactive, or is nil.
	judge(claims map[string]any) error
	// refusal is what a status other than 200 means where that is known; nil
	// elsewhere. What does not wrap ErrInactive is unavailability.
	refusal(status int) error
}

// endpoint gives the config's, asked at the given URL.
func (c Config) endpoint(at fetch.URL) endpoint {
	if c.ProfileURL != "" {
		return &profile{at}
	}
	return &introspection{at, basic(c.ClientID, c.ClientSecret)}
}

// introspection is an endpoint of RFC 7662.
type introspection struct {
	at            fetch.URL
	authorization string
}

// basic is HTTP Basic of a client, both parts form-encoded first (RFC 6749
// §2.3.1 and appendix B).
func basic(id, secret string) string {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// sends allows what an access token may hold (RFC 6749 §A.12).
func (*introspection) sends(token string) bool {
	return token != "" && len(token) <= MaxToken && !strings.ContainsFunc(token, notVisible)
}

func notVisible(r rune) bool { return r < '!' || r > '~' }

// request is that of RFC 7662 §2.1.
func (i *introspection) request(token string) fetch.Request {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	return fetch.Request{Method: http.MethodPost, URL: i.at, Body: []byte(form.Encode()), Header: http.Header{
		"Accept":        {"application/json"},
		"Authorization": {i.authorization},
		"Content-Type":  {"application/x-www-form-urlencoded"},
	}}
}

// judge wants the boolean true: a word or a number is another thing.
func (*introspection) judge(claims map[string]any) error {
	if claims["active"] != true {
		return fmt.Errorf("%w: the issuer does not say that it is", ErrInactive)
	}
	return nil
}

func (*introspection) refusal(status int) error {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return fmt.Errorf("the issuer refuses consumer_key/consumer_secret: status %d", status)
	}
	return nil
}

// profile is an endpoint that answers the token's bearer with claims, as that
// of OpenID Connect Core 1.0 §5.3.
type profile struct{ at fetch.URL }

// sends allows what RFC 6750 §2.1 takes in a header: b64token.
func (*profile) sends(token string) bool {
	body := strings.TrimRight(token, "=")
	return body != "" && len(token) <= MaxToken && !strings.ContainsFunc(body, notB64Token)
}

func notB64Token(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~+/", r)
}

func (p *profile) request(token string) fetch.Request {
	return fetch.Request{URL: p.at, Header: http.Header{
		"Accept":        {"application/json"},
		"Authorization": {"Bearer " + token},
	}}
}

// judge asks nothing: to whom the issuer tells a profile, the token is active.
func (*profile) judge(map[string]any) error { return nil }

func (*profile) refusal(status int) error {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return fmt.Errorf("%w: the issuer refuses it with status %d", ErrInactive, status)
	}
	return nil
}
