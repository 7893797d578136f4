package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// issue is the last step of the pipeline: it signs an access token as RFC 9068
// §2.2 wants it.
func (e *Engine) issue(a *attempt, id *identity) (*oauth2.Token, error) {
	tokenID, err := e.newTokenID()
	if err != nil {
		return nil, err
	}
	p := a.provider
	granted := p.grant(a.scopes)
	token, err := p.signer.sign(e.deps.Random, p.payload(id.subject, tokenID, a.Time.Unix(), granted))
	if err != nil {
		return nil, err
	}
	a.TokenID = tokenID
	return &oauth2.Token{
		AccessToken: token,
		ExpiresIn:   p.lifetime.Seconds(),
		Scopes:      granted,
		ScopeAsked:  len(a.scopes) > 0,
	}, nil
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
func (p *provider) payload(subject, tokenID string, now int64, scopes []string) []byte {
	body := make([]byte, len(p.preamble), len(p.preamble)+len(subject)+192)
	copy(body, p.preamble)
	body = append(body, `,"sub":`...)
	body = append(body, quoteJSON(subject)...)
	body = append(body, `,"iat":`...)
	body = strconv.AppendInt(body, now, 10)
	body = append(body, `,"exp":`...)
	body = strconv.AppendInt(body, now+p.lifetime.Seconds(), 10)
	body = append(body, `,"jti":"`...)
	body = append(body, tokenID...)
	body = append(body, '"')
	if len(scopes) > 0 {
		body = append(body, `,"scope":`...)
		body = append(body, quoteJSON(strings.Join(scopes, " "))...)
	}
	return append(body, '}')
}

// preamble is the part of the payload that is the same for every token: its
// closing brace is missing.
func preamble(issuer, clientID string, audience []string) []byte {
	var aud any = audience
	if len(audience) == 1 {
		aud = audience[0] // RFC 7519 §4.1.3, and what the simplest verifiers expect
	}
	body, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
		ClientID string `json:"client_id"`
	}{issuer, aud, clientID})
	if err != nil {
		panic(err) // strings always encode
	}
	return body[:len(body)-1]
}

func quoteJSON(s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return quoted
}
