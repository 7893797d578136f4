package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// judge says in one sentence what came of it, and what to do.
func (x *Explanation) judge(allowed bool) {
	x.Allowed = allowed || x.Trace.letsIn
	x.Provided = !allowed && x.Trace.letsIn
	if x.Allowed {
		return
	}
	failed := x.Trace.decisive()
	if len(failed) == 0 {
		x.Because = x.Decision.Reason
		return
	}
	var why, what []string
	for _, one := range failed {
		why = append(why, one.sentence())
		if one.Remedy != "" && !slices.Contains(what, one.Remedy) {
			what = append(what, one.Remedy)
		}
	}
	x.Because = strings.Join(why, "; and then ")
	x.Remedy = strings.Join(what, "; and ")
}

// sentence tells of a failed step in one line.
func (s Step) sentence() string {
	text := s.Detail
	switch s.Stage {
	case StageTimes:
		text, _, _ = strings.Cut(text, "; ")
	case StageClaim:
		text = fmt.Sprintf("the claim %s %s", s.Subject, text)
	case StagePolicy:
		text = fmt.Sprintf("policy %s: %s", s.Subject, text)
	}
	if s.Access != "" && s.Stage != StageAccess {
		text = fmt.Sprintf("access %q: %s", s.Access, text)
	}
	if s.Stage == StageAccess && s.Access != "" {
		text = fmt.Sprintf("access %q: %s", s.Subject, text)
	}
	if s.Near != "" {
		text += " (" + s.Near + ")"
	}
	return text
}

// decisive are the failed steps that stand in the way: all that come before
// authorization, and then those of the access that misses least.
func (t *Trace) decisive() []Step {
	var before []Step
	byAccess := map[string][]Step{}
	named := map[string]bool{}
	var order []string
	for _, one := range t.Steps {
		if one.Stage == StageAccess && one.Access != "" {
			if !slices.Contains(order, one.Access) {
				order = append(order, one.Access)
			}
			named[one.Access] = named[one.Access] || one.Outcome != StepSkipped
		}
		switch {
		case one.Outcome != StepFailed:
		case one.Access == "":
			before = append(before, one)
		default:
			byAccess[one.Access] = append(byAccess[one.Access], one)
		}
	}
	best := slices.DeleteFunc(order, func(label string) bool { return !named[label] })
	if len(best) == 0 {
		if len(before) == 0 {
			return t.skippedAccesses()
		}
		return before
	}
	least := slices.MinFunc(best, func(a, b string) int { return cmp.Compare(len(byAccess[a]), len(byAccess[b])) })
	return slices.Concat(before, byAccess[least])
}

// skippedAccesses are those that do not name whom they should.
func (t *Trace) skippedAccesses() (all []Step) {
	for _, one := range t.Steps {
		if one.Stage == StageAccess && one.Outcome == StepSkipped {
			all = append(all, one)
		}
	}
	return all[:min(len(all), 1)]
}

// misses orders explanations: what lets in comes first, and then what misses
// least.
func (x *Explanation) misses() int {
	if x.Allowed {
		return 0
	}
	n := 1
	for _, one := range x.Trace.decisive() {
		n++
		if one.Stage == StageSource || one.Stage == StageRequest {
			n += 100
		}
	}
	return n
}
