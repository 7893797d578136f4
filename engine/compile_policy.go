package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/parallel"
)

// outcome is what became of one script.
type outcome[T any] struct {
	script T
	err    error
}

// compileAll compiles scripts by all processors at once: a reload of many is
// over sooner.
func compileAll[S, T any](sources []S, compile func(S) (T, error)) []outcome[T] {
	out := make([]outcome[T], len(sources))
	parallel.Each(len(sources), func(i int) { out[i].script, out[i].err = compile(sources[i]) })
	return out
}

// compilePolicies compiles each script once, however many accesses use it.
func (c *compiler) compilePolicies() {
	seen := map[string]Decl{}
	compiled := compileAll(c.spec.Policies, c.deps.Policies.CompilePolicy)
	for i, source := range c.spec.Policies {
		if !c.unique(seen, source.Decl, "the policy") {
			continue
		}
		c.checkShadow(source)
		if source.Unknown["script"] || source.Unknown["script_file"] {
			c.policies[source.Label] = nil
			continue
		}
		if err := compiled[i].err; err != nil {
			c.found = append(c.found, AsFindings(err, source.Script.At)...)
		}
		c.policies[source.Label] = compiled[i].script
	}
}

// longShadow is for how long a policy may be in shadow before that looks as if
// it had been forgotten.
const longShadow = 90 * 24 * time.Hour

// checkShadow tells of a shadow that is over, and of one without an end in sight.
func (c *compiler) checkShadow(p PolicySource) {
	until := p.ShadowUntil
	if until.IsZero() {
		return
	}
	c.shadows[p.Label] = until
	switch now := c.deps.Now(); {
	case !now.Before(until):
		c.tell(Note, p.AttrAt("shadow_until"), fmt.Sprintf("the shadow of policy %q is over", p.Label), "The policy counts since then. Remove shadow_until.").ID = "CFG011"
	case until.Sub(now) > longShadow:
		c.tell(Warning, p.AttrAt("shadow_until"), fmt.Sprintf("policy %q is in shadow for more than 90 days", p.Label), "Until then it decides nothing. Choose a day by which its decisions were looked at.").ID = "CFG011"
	}
}

// counts says whether a policy of that label decides now.
func (c *compiler) counts(ref Ref) bool { return !c.deps.Now().Before(c.shadows[ref.Label]) }

// policySet resolves the policies that an access or a door asks. The attribute
// policies of d names them.
func (c *compiler) policySet(d Decl, refs []Ref, mode PolicyMode) policies {
	set := policies{mode: mode}
	for _, ref := range refs {
		policy, declared := c.policies[ref.Label]
		if !declared {
			c.undeclared(ref, keysOf(c.policies))
			continue
		}
		set.all = append(set.all, namedPolicy{ref.Label, policy, c.shadows[ref.Label]})
	}
	if mode == AnyPolicy && len(refs) > 0 && !slices.ContainsFunc(refs, c.counts) {
		c.fault(d.AttrAt("policies"), "no policy counts yet, and one must say yes",
			`All of them are in shadow, and with policy_mode = "any" nobody gets in until one counts. Name one that counts, or leave policy_mode out, with which policies in shadow change nothing.`)
	}
	return set
}

// checkCalls wants callPolicy to name policies that there are, and none to ask
// itself, be it by way of others.
func (c *compiler) checkCalls() {
	for _, label := range keysOf(c.policies) {
		c.checkCallsOf(c.policies[label])
	}
	for _, label := range keysOf(c.mappings) {
		c.checkCallsOf(c.mappings[label])
	}
	done := map[string]bool{}
	for _, label := range keysOf(c.policies) {
		c.findCycle([]string{label}, done)
	}
}

// caller is a policy or a mapping, which may ask policies.
type caller interface{ Calls() []Ref }

func (c *compiler) checkCallsOf(script caller) {
	if script == nil {
		return
	}
	for _, ref := range script.Calls() {
		if _, declared := c.policies[ref.Label]; !declared {
			c.undeclared(ref, keysOf(c.policies))
			continue
		}
		c.called[ref.Label] = true
		if !c.counts(ref) {
			c.tell(Warning, ref.At, fmt.Sprintf("%s is in shadow, and counts here", ref), "shadow_until is about where an access or forward_auth names a policy. What callPolicy returns is what the policy says.").ID = "CFG011"
		}
	}
}

// findCycle follows the calls of the last policy of a path. A policy that is
// done leads to no cycle that was not told.
func (c *compiler) findCycle(path []string, done map[string]bool) {
	label := path[len(path)-1]
	policy := c.policies[label]
	if done[label] || policy == nil {
		return
	}
	for _, ref := range policy.Calls() {
		if i := slices.Index(path, ref.Label); i >= 0 {
			c.fault(ref.At, fmt.Sprintf("policy %q asks itself", ref.Label), "The calls go round: %s. Take what they share into a policy of its own.", strings.Join(append(path[i:len(path):len(path)], ref.Label), ", "))
			continue
		}
		c.findCycle(append(path[:len(path):len(path)], ref.Label), done)
	}
	done[label] = true
}

// idlePolicies tells of policies and mappings that nothing names.
func (c *compiler) idlePolicies() {
	named := map[string]bool{}
	mapped := map[string]bool{}
	for _, p := range c.spec.Providers {
		for _, a := range p.Accesses {
			note(named, a.Policies)
		}
		if p.ForwardAuth != nil {
			note(named, p.ForwardAuth.Policies)
		}
		note(mapped, p.Mappings)
	}
	for _, p := range c.spec.Policies {
		if !named[p.Label] && !c.called[p.Label] {
			c.tell(Warning, p.At, fmt.Sprintf("policy %q decides nothing", p.Label), "No access, no forward_auth and no other policy names it.").ID = "CFG001"
			named[p.Label] = true // that it is declared twice is told already
		}
	}
	for _, m := range c.spec.Mappings {
		if !mapped[m.Label] {
			c.tell(Warning, m.At, fmt.Sprintf("mapping %q maps nothing", m.Label), "No provider names it in its mappings.").ID = "CFG001"
			mapped[m.Label] = true
		}
	}
}

func note(labels map[string]bool, refs []Ref) {
	for _, ref := range refs {
		labels[ref.Label] = true
	}
}
