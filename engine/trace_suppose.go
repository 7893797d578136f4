package engine

import "context"

// saw notes the claims that a decision is made on. They are verified once
// somebody who is trusted was found to have signed them.
func (a *attempt) saw(claims Claims, verified bool) {
	a.Input.Claims, a.Input.Verified = claims, verified
}

// sawActor notes that what was seen so far is of who acts, not of the subject.
func (a *attempt) sawActor() {
	a.Input.Actor, a.Input.Claims, a.Input.Verified = a.Input.Claims, nil, false
}

// supposeSigned tells what would come of claims, had a source signed them. It
// decides nothing, and is for traces only.
func (e *Engine) supposeSigned(ctx context.Context, a *attempt, candidates []*trust, claims Claims) {
	if !a.tracing() {
		return
	}
	for _, t := range candidates {
		a.supposing(func(then *attempt) {
			then.traceIdentity(t, claims, e.deps.Now())
			admitted := e.supposeAdmitted(ctx, then, t, claims)
			_, err := t.identify(claims, e.deps.Now())
			trace := a.caller.Trace
			trace.letsIn = trace.letsIn || trace.offline && admitted && err == nil
		})
	}
}

// supposeIdentified tells what would come of claims, did they keep all rules of
// their source.
func (e *Engine) supposeIdentified(ctx context.Context, a *attempt, t *trust, claims Claims) {
	if a.tracing() {
		a.supposing(func(then *attempt) { e.supposeAdmitted(ctx, then, t, claims) })
	}
}

// supposeAdmitted traces authorization alone, and says whether it lets in.
func (e *Engine) supposeAdmitted(ctx context.Context, a *attempt, t *trust, claims Claims) bool {
	id, err := t.supposed(claims)
	if err != nil {
		return false // told already
	}
	a.knows(id)
	if id, _, err = a.provider.authorize(ctx, a, id); err != nil {
		return false
	}
	return a.provider.forward == nil || a.Door != DoorForwardAuth || a.askDoor(ctx, id) == nil
}

// supposed is whose token it would be.
func (t *trust) supposed(claims Claims) (*identity, error) {
	name := t.holder
	if name == "" {
		name = "sub"
	}
	sub, err := claims.holder(name)
	if err != nil {
		return nil, err
	}
	expiry := dateOf(claims, "exp")
	return &identity{subject: subjectOf(t.origin.label, sub), origin: t.origin, source: t.origin.label, claims: claims, expiry: expiry}, nil
}

// supposing runs what only a trace is to see: nothing of the attempt changes
// but that, and its steps say that they are supposed.
func (a *attempt) supposing(run func(then *attempt)) {
	then := *a
	then.caller.Trace = &Trace{}
	then.Policies, then.Messages = nil, nil
	run(&then)
	for _, step := range then.caller.Trace.Steps {
		step.Supposed = true
		a.caller.Trace.add(step)
	}
}
