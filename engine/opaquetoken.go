package engine

import (
	"context"
	"errors"
	"time"

	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/engine/opaque"
)

// authenticateOpaque says whose opaque token it is: the one source's that the
// provider takes them of. What that source answers are the claims.
func (e *Engine) authenticateOpaque(ctx context.Context, a *attempt, token string) (*identity, error) {
	p, t := a.provider, a.provider.opaque
	if t == nil {
		return nil, badProof("provider %s takes no opaque tokens", p.label)
	}
	answer, err := t.opaque.Claims(ctx, token)
	switch {
	case errors.Is(err, opaque.ErrUnavailable):
		return nil, refuse(oauth2.TemporarilyUnavailable, sayNoIssuer, "asking %s: %s", t.origin, err)
	case err != nil:
		return nil, badProof("opaque token of %s: %s", t.origin, err)
	}
	a.saw(answer.Claims, true)
	a.traceAnswer(t, answer.Claims, e.deps.Now())
	id, err := t.identifyOpaque(answer.Claims, e.deps.Now())
	if err != nil {
		return nil, badClaims("opaque token of %s: %s", t.origin, err)
	}
	return id, nil
}

// identifyOpaque checks what must hold of every opaque token. Its issuer is the
// one that answered, so that iss may be absent; and an issuer that is asked
// about each token need not set it an end.
func (t *trust) identifyOpaque(answer Claims, now time.Time) (*identity, error) {
	issuer, err := answer.text("iss")
	if err != nil {
		return nil, err
	}
	if issuer != "" && t.issuer != "" && issuer != t.issuer {
		return nil, errors.New(`the "iss" of the answer is another than the issuer of the source`)
	}
	rules := t.times
	rules.endless = true
	expiry, err := answer.checkTimes(now, rules)
	if err != nil {
		return nil, err
	}
	holder, err := answer.holder(t.holder)
	if err != nil {
		return nil, err
	}
	return t.owner(answer, holder, expiry)
}
