package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// implies says whether whatever fulfils a provably fulfils b. Of two patterns
// nothing is known but where they are written alike.
func implies(a, b *engine.Requirement) bool {
	switch {
	case b == nil:
		return true
	case a == nil:
		return false
	case a.AnyOf != nil:
		for i := range a.AnyOf {
			if !implies(&a.AnyOf[i], b) {
				return false
			}
		}
		return true
	case b.AnyOf != nil:
		return slices.ContainsFunc(b.AnyOf, func(one engine.Requirement) bool { return implies(a, &one) })
	case a.Fields != nil:
		return b.Fields != nil && impliesFields(a.Fields, b.Fields)
	case a.Pattern != nil:
		return b.Pattern != nil && a.Pattern.String() == b.Pattern.String()
	default:
		return b.Fulfils(a.Equal)
	}
}

func impliesFields(a, b []engine.FieldRequirement) bool {
	for i := range b {
		at := slices.IndexFunc(a, func(f engine.FieldRequirement) bool { return f.Name == b[i].Name })
		if at < 0 || !implies(&a[at].Requirement, &b[i].Requirement) {
			return false
		}
	}
	return true
}

// patterned says whether a pattern is part of a requirement, of which less is
// known than of values.
func patterned(r *engine.Requirement) bool {
	switch {
	case r == nil:
		return false
	case r.Fields != nil:
		return slices.ContainsFunc(r.Fields, func(f engine.FieldRequirement) bool { return patterned(&f.Requirement) })
	case r.AnyOf != nil:
		return slices.ContainsFunc(r.AnyOf, func(one engine.Requirement) bool { return patterned(&one) })
	default:
		return r.Pattern != nil
	}
}

// asked is a policy as it counts for who gets in.
type asked struct {
	label string
	key   string    // what it decides by; two with the same decide alike
	from  time.Time // when it begins to count; the zero value: it does
}

// asks are the policies that an access or a door names.
func (s *side) asks(refs []engine.Ref, now time.Time) []asked {
	var all []asked
	for _, ref := range refs {
		p := s.policies[ref.Label]
		if p == nil {
			continue
		}
		one := asked{label: ref.Label, key: s.policyKey(p)}
		if now.Before(p.ShadowUntil) || p.Unknown["shadow_until"] {
			one.from = p.ShadowUntil
		}
		all = append(all, one)
	}
	return all
}

// policyKey is what a policy decides by. Of one that asks others, that is what
// all of them decide by.
func (s *side) policyKey(p *engine.PolicySource) string {
	key := s.canonical(scriptAttribute(p.Script), p.Decl, nil) + " " + s.canonical(attribute{name: "inputs", value: p.Inputs}, p.Decl, nil)
	if p.Unknown["shadow_until"] {
		key += " " + s.canonical(attribute{name: "shadow_until", value: p.ShadowUntil}, p.Decl, nil)
	}
	calls := strings.Contains(p.Script.Text, "callPolicy")
	for _, text := range p.Script.Modules {
		calls = calls || strings.Contains(text, "callPolicy")
	}
	if calls {
		key += " " + s.everyRule
	}
	return key
}

// stricter says whether whoever passes the policies of a provably passes those
// of b, now and later.
func stricter(a []asked, aMode engine.PolicyMode, b []asked, bMode engine.PolicyMode) bool {
	if len(b) == 0 {
		return true
	}
	if len(a) == 0 {
		return false
	}
	switch aAny, bAny := aMode == engine.AnyPolicy && len(a) > 1, bMode == engine.AnyPolicy && len(b) > 1; {
	case !aAny && !bAny:
		for _, one := range b {
			if !slices.ContainsFunc(a, func(o asked) bool { return o.key == one.key && !o.from.After(one.from) }) {
				return false
			}
		}
		return true
	case aAny:
		for _, one := range a {
			if !bAny || !slices.ContainsFunc(b, func(o asked) bool { return o.key == one.key && o.from.Equal(one.from) }) {
				return false
			}
		}
		return true
	default: // all of a, and any of b
		return slices.ContainsFunc(b, func(one asked) bool {
			return one.from.IsZero() && slices.ContainsFunc(a, func(o asked) bool { return o.key == one.key && o.from.IsZero() })
		})
	}
}

// policyChanges tell how what is asked differs, in words.
func policyChanges(was []asked, wasMode engine.PolicyMode, is []asked, isMode engine.PolicyMode) string {
	var told []string
	find := func(all []asked, one asked) (asked, bool) {
		for _, fits := range []func(asked) bool{
			func(o asked) bool { return o.key == one.key }, func(o asked) bool { return o.label == one.label },
		} {
			if i := slices.IndexFunc(all, fits); i >= 0 {
				return all[i], true
			}
		}
		return asked{}, false
	}
	for _, old := range was {
		now, kept := find(is, old)
		switch {
		case !kept:
			told = append(told, fmt.Sprintf("policy.%s is no longer asked", old.label))
		case now.key != old.key:
			told = append(told, fmt.Sprintf("policy.%s changed", now.label))
		case now.from.After(old.from):
			told = append(told, fmt.Sprintf("policy.%s counts only from %s on", now.label, now.from.UTC().Format(time.RFC3339)))
		case old.from.After(now.from):
			told = append(told, fmt.Sprintf("policy.%s counts sooner", now.label))
		}
	}
	for _, now := range is {
		if _, there := find(was, now); !there {
			told = append(told, fmt.Sprintf("policy.%s is newly asked", now.label))
		}
	}
	if (wasMode == engine.AnyPolicy) != (isMode == engine.AnyPolicy) {
		mode := `"all" in the place of "any"`
		if isMode == engine.AnyPolicy {
			mode = `"any" in the place of "all"`
		}
		told = append(told, "policy_mode is "+mode)
	}
	return strings.Join(told, ", ")
}

// requirementChanges tell how what claims must be differs, in words. Values
// stand in it only where shows says so.
func requirementChanges(path string, was, is *engine.Requirement, shows bool) []string {
	name := func(field string) string { return strings.TrimPrefix(path+"."+field, ".") }
	var told []string
	old, now := fieldsOf(was), fieldsOf(is)
	for _, f := range old {
		i := slices.IndexFunc(now, func(o engine.FieldRequirement) bool { return o.Name == f.Name })
		switch {
		case i < 0:
			told = append(told, name(f.Name)+" need no longer be "+valueOr(f.Requirement, shows))
		case f.Fields != nil && now[i].Fields != nil:
			told = append(told, requirementChanges(name(f.Name), &f.Requirement, &now[i].Requirement, shows)...)
		case writeRequirement(f.Requirement) != writeRequirement(now[i].Requirement):
			told = append(told, fmt.Sprintf("%s may be %s (was: %s)", name(f.Name), valueOr(now[i].Requirement, shows), valueOr(f.Requirement, shows)))
		}
	}
	for _, f := range now {
		if !slices.ContainsFunc(old, func(o engine.FieldRequirement) bool { return o.Name == f.Name }) {
			told = append(told, name(f.Name)+" must newly be "+valueOr(f.Requirement, shows))
		}
	}
	return told
}

func fieldsOf(r *engine.Requirement) []engine.FieldRequirement {
	if r == nil {
		return nil
	}
	return r.Fields
}

func valueOr(r engine.Requirement, shows bool) string {
	if !shows {
		return Hidden
	}
	return writeRequirement(r)
}
