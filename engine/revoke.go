package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// Revoke ends a token for the client that it was issued to (RFC 7009). Once it
// returns without an error, the token is valid nowhere: it was revoked, and
// that is kept, or it was not valid. A client that is not let in, and one that
// shows somebody else's token, is refused with a *Refusal. Any other error is
// m2md's own failure, and the token is as valid as it was.
func (e *Engine) Revoke(ctx context.Context, caller Caller, q *oauth2.TokenQuery) error {
	a := e.begin(caller)
	id, err := e.admitCaller(ctx, a, &q.Caller)
	if err == nil {
		err = e.revoke(ctx, a, id, strings.TrimSpace(q.Token))
	}
	e.conclude(a, err)
	if _, invalid := errors.AsType[*nothingToRevoke](err); invalid {
		return nil
	}
	return err
}

// entryName names an identity so that it is no operator's name.
func (i *identity) entryName() string {
	if i.account != nil {
		return i.account.origin().String()
	}
	return i.subject
}

// nothingToRevoke is a token that is not valid. RFC 7009 §2.2 has it answered
// as a revoked one, as the client is rid of it either way.
type nothingToRevoke struct{ *Refusal }

// Unwrap gives what the decision log is to say.
func (n *nothingToRevoke) Unwrap() error { return n.Refusal }

func nothing(format string, args ...any) error {
	return &nothingToRevoke{badToken("nothing to revoke: "+format, args...)}
}

func (e *Engine) revoke(ctx context.Context, a *attempt, id *identity, raw string) error {
	token, err := e.deps.Verified.parse(raw)
	if err != nil {
		return nothing("%s", err)
	}
	if e.issuedOther(token) {
		return refuse(oauth2.UnsupportedTokenType, "Only access tokens can be revoked.", "the token was issued here, but is no access token")
	}
	issuer, own, err := e.verifiedOwn(token)
	switch {
	case err != nil:
		return nothing("%s", err)
	case !a.Time.Before(own.expiry):
		return nothing("it expired at %s", stamp(own.expiry))
	}
	a.TokenID = own.id
	if issuer != a.provider || !issuer.issuedTo(id, token.claims) {
		return notIssuedTo(a.provider, issuer)
	}
	_, err = e.deps.Revocations.revoke(ctx, Revocation{Kind: KindToken, Name: own.id, Until: own.expiry, By: id.entryName()}, maxRevokedTokensOfOne)
	return err
}

// verifiedOwn is a token that a provider issued, whatever has become of its
// holder: what is declared anew must not revive a token that was revoked.
func (e *Engine) verifiedOwn(token *jws) (*provider, *ownToken, error) {
	issuer, err := e.issuerOf(token)
	if err != nil {
		return nil, nil, err
	}
	own, err := issuer.verifyOwn(token)
	return issuer, own, err
}

// issuedOther says whether m2md issued a JWT that is no access token, such as an
// ID token.
func (e *Engine) issuedOther(token *jws) bool {
	if mediaType(token.header.Type) == accessTokenType {
		return false
	}
	for _, p := range e.providers { // a kid is one key's, whoever has it
		if _, has := p.verifies[token.header.KeyID]; has && token.claims["iss"] == any(p.issuer) {
			return p.signed(token)
		}
	}
	return false
}

// notIssuedTo refuses a client that shows a token of somebody else (RFC 7009
// §2.1): to say 200 would have it believe that the token is gone. RFC 6749 §5.2
// has no code for it. As everywhere here, unauthorized_client is for somebody
// who is known, and may not; invalid_grant, which names such a case, is about
// grants and refresh tokens.
func notIssuedTo(asking, issuer *provider) *Refusal {
	return refuse(oauth2.UnauthorizedClient, "The token was issued to another client.", "the token, of provider %s, was not issued to the client, which asks at provider %s", issuer.label, asking.label)
}

// issuedTo says whether claims of the provider's token are of one that was
// issued to an identity: about it, or for it to act on somebody's behalf.
func (p *provider) issuedTo(id *identity, claims Claims) bool {
	actors, err := actorsOf(claims)
	if err != nil {
		return false
	}
	if len(actors) > 0 && actors[0] == id.subject {
		return true
	}
	return claims["sub"] == any(p.subject(id)) && (p.subjects == subjectIdentity || claims[sourceClaim] == any(tellSource(id)))
}
