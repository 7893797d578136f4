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
	id    string // jti
	scope string
}

// readOwn verifies an access token that m2md issued for a provider (RFC 9068
// §4). It says nothing of what the files make of its holder now.
func (e *Engine) readOwn(p *provider, token *jws, now time.Time) (*ownToken, error) {
	if kind := mediaType(token.header.Type); kind != accessTokenType {
		return nil, fmt.Errorf("the token is no access token: its typ is %q", shorten(kind, 40))
	}
	key, found := p.verifies[token.header.KeyID]
	if !found || !key.public.Allows(token.header.Algorithm) || !token.signedBy(key.public) {
		return nil, fmt.Errorf("no key of provider %s verifies the token", p.label)
	}
	expiry, err := token.claims.checkTimes(now, timeRules{})
	if err != nil {
		return nil, err
	}
	if token.claims["iss"] != any(p.issuer) || token.claims["client_id"] != any(p.clientID) {
		return nil, fmt.Errorf("the token was issued for another provider than %s", p.label)
	}
	if err := token.claims.checkAudience(p.audience); err != nil {
		return nil, err
	}
	holder, err := e.holderOf(token.claims)
	if err != nil {
		return nil, err
	}
	holder.expiry = expiry
	id, _ := token.claims.text("jti")
	scope, _ := token.claims.text("scope")
	return &ownToken{identity: *holder, id: id, scope: scope}, nil
}

// mediaType is a typ without what RFC 7515 §4.1.9 lets it leave out, and as it
// is compared.
func mediaType(typ string) string { return strings.TrimPrefix(strings.ToLower(typ), "application/") }

// holderOf is whom a token of m2md was issued to, and who acts on its behalf,
// if the files still know them.
func (e *Engine) holderOf(claims Claims) (*identity, error) {
	subject, err := claims.subject()
	if err != nil {
		return nil, err
	}
	actors, err := actorsOf(claims)
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{subject}, actors...) {
		if from, _, declared := e.originOf(name); !declared {
			return nil, fmt.Errorf("the token was issued to %q, whose %s is no longer declared", shorten(name, 200), from.label)
		}
	}
	from, account, _ := e.originOf(subject)
	return &identity{subject: subject, origin: from, account: account, actors: actors}, nil
}

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
