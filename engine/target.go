package engine

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// target finds the provider that a request is for, and the audience of what is
// issued: the provider that client_id names, narrowed to the targets of the
// request (RFC 8707 §2). Where the grant lets targets choose, they may name
// another provider's audience, or stand without a client_id.
func (e *Engine) target(req *oauth2.Request, targetsChoose bool) (*provider, []string, error) {
	named, err := e.client(req)
	if err != nil {
		return nil, nil, err
	}
	if named == nil && (len(req.Targets) == 0 || !targetsChoose) {
		return nil, nil, refuse(oauth2.InvalidRequest, "The parameter client_id is missing.", "no client_id was given")
	}
	if named != nil {
		if audience, ok := named.narrow(req.Targets); ok {
			return named, audience, nil
		}
	}
	if targetsChoose {
		return e.chosenBy(req.Targets)
	}
	return nil, nil, refuse(oauth2.InvalidTarget, sayNoTarget, "provider %s has not all of the targets in its audience", named.label)
}

// client finds the provider that a client_id or else an assertion names, nil
// where there is none. What HTTP Basic carried is tried as the standard decodes
// it first, and then as it was sent.
func (e *Engine) client(req *oauth2.Request) (*provider, error) {
	if req.Client.ID == "" && req.GrantType == oauth2.JWTBearer {
		return e.clientOfAssertion(cmp.Or(req.Assertion, req.Grant)), nil
	}
	if req.Client.ID == "" {
		return e.clientOfAssertion(req.Assertion), nil
	}
	for _, id := range []string{req.Client.ID, req.Raw.ID} {
		if provider, found := e.clients[id]; found {
			return provider, nil
		}
	}
	return nil, refuse(oauth2.InvalidClient, sayNoClient, "no provider has the client_id %s", nameOrSecret(req.Client.ID))
}

// clientOfAssertion finds the provider that a client says it is in the sub of
// its assertion, be it to authenticate or as a grant for itself (RFC 7523 §3,
// RFC 7521 §6.1, §6.2); client_id is optional beside it (§4.1, §4.2), and Authlib,
// zitadel/oidc and x/oauth2/jwt send none. Nothing of the assertion is verified
// yet: as a client_id, it says only what is asked for.
func (e *Engine) clientOfAssertion(assertion string) *provider {
	token, err := e.deps.Verified.parse(strings.TrimSpace(assertion))
	if err != nil {
		return nil
	}
	sub, err := token.claims.text("sub")
	if err != nil {
		return nil
	}
	return e.clients[sub]
}

// chosenBy finds the one provider that all targets are for.
func (e *Engine) chosenBy(targets []string) (*provider, []string, error) {
	var chosen *provider
	var audience []string
	for _, p := range e.providers {
		narrowed, ok := p.narrow(targets)
		if !ok {
			continue
		}
		if chosen != nil {
			return nil, nil, refuse(oauth2.InvalidTarget, "The targets fit several providers; the client_id names the one that is meant.",
				"the targets fit provider %s and provider %s", min(chosen.label, p.label), max(chosen.label, p.label))
		}
		chosen, audience = p, narrowed
	}
	if chosen == nil {
		return nil, nil, refuse(oauth2.InvalidTarget, sayNoTarget, "no provider has all of the targets in its audience: %s", shorten(strings.Join(targets, " "), 200))
	}
	return chosen, audience, nil
}

// narrow is the part of the provider's audience that the targets name, in its
// order; all of it where they name the provider, or nothing. It fails where a
// target is neither the client_id nor in the audience.
func (p *provider) narrow(targets []string) (audience []string, ok bool) {
	whole := len(targets) == 0
	for _, target := range targets {
		inside := slices.Contains(p.audience, target)
		if !inside && target != p.clientID {
			return nil, false
		}
		whole = whole || !inside
	}
	if whole {
		return p.audience, true
	}
	for _, one := range p.audience {
		if slices.Contains(targets, one) {
			audience = append(audience, one)
		}
	}
	return audience, true
}

// nameOrSecret quotes a name that a stranger gave, unless it may be a secret
// in the wrong place, as by `curl -u "$APP_PASSWORD:"`.
func nameOrSecret(s string) string {
	if strings.Contains(s, appPasswordPrefix) || strings.Count(s, ".") > 1 || len(s) > 64 {
		return "that was given (it looks like a secret, and is not shown)"
	}
	return strconv.Quote(shorten(s, 64))
}
