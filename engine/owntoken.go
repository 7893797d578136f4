package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ownToken is an access token that m2md issued, verified, with whom it was
// issued to.
type ownToken struct {
	identity
	id     string // jti
	issued time.Time
	scope  string
}

// readOwn verifies an access token that m2md issued for a provider (RFC 9068
// §4). It says nothing of what the files make of its holder now.
func (e *Engine) readOwn(p *provider, token *jws, now time.Time) (*ownToken, error) {
	own, err := p.verifyOwn(token)
	if err != nil {
		return nil, err
	}
	if _, err := token.claims.checkTimes(now, timeRules{}); err != nil {
		return nil, err
	}
	if err := token.claims.checkAudience(p.audience); err != nil {
		return nil, err
	}
	holder, err := e.holderOf(p, token.claims)
	if err != nil {
		return nil, err
	}
	holder.expiry = own.expiry
	own.identity = *holder
	return own, e.checkRevoked(p, holder, own.id, own.issued)
}

// verifyOwn checks what never changes of an access token that the provider
// issued, and leaves open whose it is. Nothing lives longer than MaxLifetime,
// because a revocation does not.
func (p *provider) verifyOwn(token *jws) (*ownToken, error) {
	if kind := mediaType(token.header.Type); kind != accessTokenType {
		return nil, fmt.Errorf("the token is no access token: its typ is %q", shorten(kind, 40))
	}
	if !p.signed(token) {
		return nil, fmt.Errorf("no key of provider %s verifies the token", p.label)
	}
	if token.claims["iss"] != any(p.issuer) || token.claims["client_id"] != any(p.clientID) {
		return nil, fmt.Errorf("the token was issued for another provider than %s", p.label)
	}
	issued, errIssued := token.claims.numericDate("iat")
	expiry, errExpiry := token.claims.numericDate("exp")
	switch {
	case errIssued != nil || errExpiry != nil || issued.IsZero() || expiry.IsZero():
		return nil, errors.New(`the claim "iat" or "exp" is missing, or no date`)
	case expiry.After(issued.Add(time.Duration(MaxLifetime))):
		return nil, fmt.Errorf("it lives longer than %s, the longest that m2md gives", time.Duration(MaxLifetime))
	}
	id, _ := token.claims.text("jti")
	if id == "" || len(id) > maxTokenID || strings.ContainsFunc(id, isControl) {
		return nil, errors.New(`the claim "jti" is missing, or none that m2md makes`)
	}
	scope, _ := token.claims.text("scope")
	return &ownToken{identity: identity{expiry: expiry}, id: id, issued: issued, scope: scope}, nil
}

// maxTokenID bounds a jti in bytes. Those of m2md have 22.
const maxTokenID = 255

// signed says whether one of the provider's keys made the signature.
func (p *provider) signed(token *jws) bool {
	key, found := p.verifies[token.header.KeyID]
	return found && key.Allows(token.header.Algorithm) && token.signedBy(key)
}

// mediaType is a typ without what RFC 7515 §4.1.9 lets it leave out, and as it
// is compared.
func mediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// maxActors bounds how many act one for the other.
const maxActors = 8

// errActors is what a token that m2md issued never is.
var errActors = errors.New(`the claim "act" is not a chain of at most 8 subjects`)

// actorsOf reads the chain of actors, the current one first (RFC 8693 §4.1).
func actorsOf(claims map[string]any) (actors []string, err error) {
	for act, acting := claims["act"]; acting; {
		members, ok := act.(map[string]any)
		sub, named := members["sub"].(string)
		if !ok || !named || len(actors) == maxActors {
			return nil, errActors
		}
		actors = append(actors, sub)
		act, acting = members["act"]
	}
	return actors, nil
}
