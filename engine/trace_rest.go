package engine

import "time"

// traceSpent tells of a token that is taken once whether it was taken before.
func (a *attempt) traceSpent(id *identity, err error) {
	if !a.tracing() {
		return
	}
	key := id.origin.String()
	one := a.step(StageReplay, key, "it is taken once", err, a.places.at(key, "replay"))
	if err != nil {
		one.Remedy = "get a new token for each request"
	}
}

// traceAnswer tells what must hold of an opaque token, by what its source told
// of it, which need not set it an end.
func (a *attempt) traceAnswer(t *trust, claims Claims, now time.Time) {
	if !a.tracing() {
		return
	}
	endless := *t
	endless.times.endless = true
	a.traceTimes(&endless, claims, now)
	a.traceAudience(t, claims)
	key := t.origin.String()
	a.traceRequirement(key, "", t.require, claims, a.places.hides(key, "require_claims"))
}
