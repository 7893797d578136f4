package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// issue is the last step of the pipeline: it signs an access token as RFC 9068
// §2.2 wants it.
func (e *Engine) issue(a *attempt, id *identity) (*oauth2.Token, error) {
	now := a.Time.Unix()
	expiry := now + a.provider.lifetime.Seconds()
	if !a.notAfter.IsZero() {
		expiry = min(expiry, a.notAfter.Unix())
	}
	if expiry <= now {
		return nil, refuse(oauth2.InvalidRequest, "The token that was shown ends too soon.", "less than a second is left of the token that was shown")
	}
	tokenID, err := e.newTokenID()
	if err != nil {
		return nil, err
	}
	granted := a.allowed(a.provider.grant(a.scopes))
	if id.via == a.provider {
		granted = within(granted, id.claims)
	}
	a.traceGrant(granted, now, expiry)
	p := a.provider
	token, err := p.signer.sign(e.deps.Random, p.signer.header, p.payload(a, id, tokenID, now, expiry, granted))
	if err != nil {
		return nil, err
	}
	idToken, err := e.issueIDToken(a, id, now, expiry, granted)
	if err != nil {
		return nil, err
	}
	a.TokenID = tokenID
	return &oauth2.Token{
		AccessToken: token,
		IDToken:     idToken,
		ExpiresIn:   expiry - now,
		Scopes:      granted,
		ScopeAsked:  len(a.scopes) > 0,
	}, nil
}

// scopeOpenID asks for an ID token beside the access token.
const scopeOpenID = "openid"

// issueIDToken signs an ID token (OpenID Connect Core §2) for a client that
// insists on one; "" where the scope openid was not granted. It has the added
// claims of the access token, as with authentik. Its typ keeps it from being
// taken for one.
func (e *Engine) issueIDToken(a *attempt, id *identity, now, expiry int64, granted []string) (string, error) {
	p := a.provider
	if !slices.Contains(granted, scopeOpenID) {
		return "", nil
	}
	return p.signer.sign(e.deps.Random, p.signer.idHeader, withMembers(mustEncode(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expiry   int64  `json:"exp"`
	}{p.issuer, p.subject(id), p.clientID, now, expiry}), a.claims()))
}

// within drops the scopes that a token of the same provider did not have:
// whoever was given the lesser token must not make the greater of it.
func within(granted []string, held Claims) []string {
	text, _ := held.text("scope")
	have := strings.Fields(text)
	return slices.DeleteFunc(granted, func(scope string) bool { return !slices.Contains(have, scope) })
}

// newTokenID draws a jti: 128 bits, base64url.
func (e *Engine) newTokenID() (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(e.deps.Random, id[:]); err != nil {
		return "", fmt.Errorf("drawing a token id: %w", err)
	}
	return segmentEncoding.EncodeToString(id[:]), nil
}

// grant intersects what is asked with what the provider declares, in the order
// asked and each once (RFC 6749 §3.3).
func (p *provider) grant(asked []string) []string {
	var granted []string
	seen := map[string]bool{}
	for _, scope := range asked {
		if p.scopes[scope] && !seen[scope] {
			granted, seen[scope] = append(granted, scope), true
		}
	}
	return granted
}

// payload is the claims of an access token, appended to what all tokens of the
// provider begin with: a reflecting encoder would cost more than the hash of
// the signature.
func (p *provider) payload(a *attempt, id *identity, tokenID string, now, expiry int64, scopes []string) []byte {
	begin := p.preamble
	if len(a.audience) != len(p.audience) || a.added != nil {
		begin = preamble(p.issuer, p.clientID, a.audience, a.claims())
	}
	body := make([]byte, len(begin), len(begin)+len(id.subject)+192)
	copy(body, begin)
	body = append(body, `,"sub":`...)
	body = append(body, quoteJSON(p.subject(id))...)
	if p.subjects != subjectIdentity {
		body = append(append(body, `,"`+sourceClaim+`":`...), quoteJSON(tellSource(id))...)
	}
	body = append(body, `,"iat":`...)
	body = strconv.AppendInt(body, now, 10)
	body = append(body, `,"exp":`...)
	body = strconv.AppendInt(body, expiry, 10)
	body = append(body, `,"jti":"`...)
	body = append(body, tokenID...)
	body = append(body, '"')
	if len(scopes) > 0 {
		body = append(body, `,"scope":`...)
		body = append(body, quoteJSON(strings.Join(scopes, " "))...)
	}
	for _, actor := range id.actors {
		body = append(append(body, `,"act":{"sub":`...), quoteJSON(actor)...)
	}
	return append(body, strings.Repeat("}", 1+len(id.actors))...)
}

// preamble is the part of the payload that is the same for every token, with
// the claims that are added, as JSON: its closing brace is missing.
func preamble(issuer, clientID string, audience []string, added []byte) []byte {
	var aud any = audience
	if len(audience) == 1 {
		aud = audience[0] // RFC 7519 §4.1.3, and what the simplest verifiers expect
	}
	body := mustEncode(struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
		ClientID string `json:"client_id"`
	}{issuer, aud, clientID})
	body = withMembers(body, added)
	return body[:len(body)-1]
}

// withMembers adds the members of a JSON object to those of another that has
// some, none of the same name.
func withMembers(object, added []byte) []byte {
	if len(added) <= len("{}") || added[0] != '{' {
		return object
	}
	return append(append(object[:len(object)-1], ','), added[1:]...)
}

// claims are those that are added to a token, as JSON.
func (a *attempt) claims() []byte {
	if a.added != nil || len(a.provider.claims) == 0 {
		return a.added
	}
	return mustEncode(a.provider.claims)
}

func quoteJSON(s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return quoted
}
