package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// Introspect tells a resource server of a token (RFC 7662). A caller that is
// not let in by the provider that its client_id names is refused with a
// *Refusal. Of a token that is not valid now, or is for another audience than
// that provider's, it is told nothing but that, and the decision log has the
// reason.
func (e *Engine) Introspect(ctx context.Context, caller Caller, q *oauth2.TokenQuery) (*oauth2.Introspection, error) {
	a := e.begin(caller)
	if _, err := e.admitCaller(ctx, a, &q.Caller); err != nil {
		e.conclude(a, err)
		return nil, err
	}
	claims, err := e.lookUp(a, q.Token)
	e.conclude(a, err)
	return &oauth2.Introspection{Claims: claims}, nil
}

// admitCaller lets in who asks about a token, by the same proofs and accesses
// as at the token endpoint.
func (e *Engine) admitCaller(ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error) {
	p, err := e.client(req)
	if err != nil {
		return nil, err
	}
	switch {
	case p != nil:
		a.aims(p)
	case req.ShowsCredentials():
		return nil, refuse(oauth2.InvalidRequest, "The parameter client_id is missing.", "no client_id was given")
	default:
		return nil, refuse(oauth2.InvalidClient, "The client must authenticate.", "the request holds no client_id and no proof")
	}
	shown, err := p.proofOf(req)
	if err != nil {
		return nil, err
	}
	id, err := e.admit(ctx, a, shown)
	if err != nil {
		return nil, err
	}
	return id, e.spend(ctx, a, id)
}

// lookUp returns the claims, as JSON, of a token that is valid now and is for
// the audience of the provider that asks, whichever provider issued it.
func (e *Engine) lookUp(a *attempt, raw string) ([]byte, error) {
	raw = strings.TrimSpace(raw)
	token, err := e.deps.Verified.parse(raw)
	if err != nil {
		return nil, badToken("not active: %s", err)
	}
	issuer, err := e.issuerOf(token)
	if err != nil {
		return nil, badToken("not active: %s", err)
	}
	own, err := e.readOwn(issuer, token, a.Time)
	if err != nil {
		return nil, badToken("not active: token of provider %s: %s", issuer.label, err)
	}
	e.deps.Verified.remember(raw, token, issuer.verifies[token.header.KeyID])
	if err := token.claims.checkAudience(a.provider.audience); err != nil {
		return nil, badToken("not active for provider %s: %s", a.provider.label, err)
	}
	a.TokenID = own.id
	if !issuer.reach[own.origin] {
		return nil, badToken("not active: no access of provider %s names %s any more", issuer.label, own.origin)
	}
	return toldClaims(raw, token.claims)
}

// toldClaims are the claims of a token as they stand in it, or anew where some
// would be taken for ours.
func toldClaims(raw string, claims Claims) ([]byte, error) {
	for _, name := range oauth2.TakenClaims {
		if _, taken := claims[name]; taken {
			claims = maps.Clone(claims) // they are shared
			maps.DeleteFunc(claims, func(name string, _ any) bool { return slices.Contains(oauth2.TakenClaims[:], name) })
			return mustEncode(claims), nil
		}
	}
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	return segmentEncoding.DecodeString(payload)
}

// issuerOf is the provider that a token says it was issued for. Nothing of the
// token is verified yet.
func (e *Engine) issuerOf(token *jws) (*provider, error) {
	clientID, err := token.claims.text("client_id")
	if err != nil {
		return nil, err
	}
	issuer, found := e.clients[clientID]
	if !found {
		return nil, fmt.Errorf("no provider has the client_id %s", nameOrSecret(clientID))
	}
	return issuer, nil
}
