package engine

import "errors"

// permitsActor refuses an actor whom the identity's token does not name, where
// it says who may act (RFC 8693 §4.4): then somebody must, and every member of
// may_act must be a claim of the actor's token. own is the issuer of an actor
// that showed an app password.
//
// A may_act without iss means the issuer of the token that holds it. As issuers
// of different sources can have the same iss, one that names the token's own
// must be the same source's, too.
func (i *identity) permitsActor(actor *identity, own string) error {
	value, limited := i.claims["may_act"]
	if !limited {
		return nil
	}
	allowed, ok := value.(map[string]any)
	if _, named := allowed["sub"].(string); !ok || !named {
		return errors.New(`the claim "may_act" is not an object with a "sub"`)
	}
	if actor == nil {
		return errors.New(`the claim "may_act" says who may act, and nobody does`)
	}
	shown := actor.claims
	if shown == nil {
		shown = Claims{"iss": own, "sub": actor.subject}
	}
	for name, want := range allowed {
		if !equalValue(want, shown[name]) {
			return errors.New(`the actor is not the one whom the claim "may_act" names`)
		}
	}
	mine, _ := i.claims.text("iss")
	named, err := Claims(allowed).text("iss")
	if err != nil || named == "" {
		named = mine
	}
	if theirs, _ := shown.text("iss"); theirs != named || named == mine && i.source != actor.source {
		return errors.New(`the actor is of another issuer than the one whom the claim "may_act" names`)
	}
	return nil
}
