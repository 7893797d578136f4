package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// opening is a way in of one side that no way in of the other provably covers:
// of the new side for who may gain, of the old for who may lose.
type opening struct {
	provider  string // label on the side of the way
	other     string // on the other; "" for none
	door      string
	access    string // label on the side of the way
	from      engine.Ref
	parts     []part // that do not cover it; none where nothing of the other side is like it
	certain   bool   // somebody passes by it who could not
	at        engine.Range
	gone      bool
	what      string
	elsewhere bool // the nearest of the other side is an access of another name
	found     []Identity
	more      int
}

// view is the comparison from one side: whether its ways are covered by those
// of the other.
type view struct {
	c           *comparison
	own, other  *side
	forward     bool            // own is the new side
	covered     map[string]bool // providers that were asked about, of accessless names
	sourceParts map[string][]part
}

func (c *comparison) view(forward bool) *view {
	v := &view{c: c, own: c.was, other: c.is, forward: forward, covered: map[string]bool{}, sourceParts: map[string][]part{}}
	if forward {
		v.own, v.other = c.is, c.was
	}
	return v
}

// counterpart is what a reference of the own side is called on the other.
func (v *view) counterpart(ref engine.Ref) engine.Ref {
	name := ref.String()
	if !v.forward {
		if now, is := v.c.renamed[name]; is {
			return labelled(ref.Kind, now)
		}
		return ref
	}
	for was, now := range v.c.renamed {
		if now == name {
			return labelled(ref.Kind, was)
		}
	}
	return ref
}

func labelled(kind engine.Kind, name string) engine.Ref {
	return engine.Ref{Kind: kind, Label: strings.TrimPrefix(name, string(kind)+".")}
}

// covers says whether one part of the own side asks as much as the other.
func (v *view) covers(p part) bool {
	if v.forward {
		return p.le
	}
	return p.ge
}

// opens says whether a part that is not covered lets somebody pass for certain.
func (v *view) opens(p part) bool {
	if v.forward {
		return p.ge && !p.doubtful || p.opens
	}
	return p.le && !p.doubtful || p.closes
}

// order gives a pair as before and after.
func ordered[T any](v *view, own, other T) (was, is T) {
	if v.forward {
		return other, own
	}
	return own, other
}

// providers finds the ways in that are not covered, on both sides.
func (c *comparison) providers() {
	for _, forward := range []bool{true, false} {
		v := c.view(forward)
		for i := range v.own.Spec.Providers {
			found := v.provider(&v.own.Spec.Providers[i])
			if forward {
				c.openings = append(c.openings, found...)
			} else {
				c.losses = append(c.losses, found...)
			}
		}
	}
}

// provider finds those of one provider.
func (v *view) provider(p *engine.Provider) (all []*opening) {
	ref := engine.Ref{Kind: engine.KindProvider, Label: p.Label}
	old := v.other.provided[v.counterpart(ref).Label]
	for i := range p.Accesses {
		a := &p.Accesses[i]
		for _, from := range a.From {
			if one := v.way(p, old, a, from); one != nil {
				all = append(all, one)
			}
		}
	}
	return all
}

// way is the opening that one origin of an access is; nil where it is covered.
func (v *view) way(p, old *engine.Provider, a *engine.Access, from engine.Ref) *opening {
	one := &opening{provider: p.Label, door: engine.DoorToken, access: a.Label, from: from}
	if old != nil {
		one.other = old.Label
		theirs := v.counterpart(from)
		best := -1
		for i := range old.Accesses {
			b := &old.Accesses[i]
			if !slices.ContainsFunc(b.From, func(r engine.Ref) bool { return r.Kind == theirs.Kind && r.Label == theirs.Label }) {
				continue
			}
			parts := v.uncovered(p, old, a, b, from, theirs)
			if len(parts) == 0 {
				return nil
			}
			if best < 0 || b.Label == a.Label || one.elsewhere && len(parts) < len(one.parts) {
				best, one.parts, one.elsewhere = i, parts, b.Label != a.Label
			}
		}
	}
	v.word(one, p, a, old)
	return one
}

// word says what the opening is, and where.
func (v *view) word(one *opening, p *engine.Provider, a *engine.Access, old *engine.Provider) {
	one.certain = true
	var told []string
	verb := "newly"
	if !v.forward {
		verb = "no longer"
	}
	if one.elsewhere {
		told = append(told, fmt.Sprintf("%s is %s named here", one.from, verb))
		one.at, one.gone = one.from.At, !v.forward
	}
	for _, part := range one.parts {
		one.certain = one.certain && v.opens(part)
		told = append(told, part.what)
		if one.at == (engine.Range{}) {
			one.at, one.gone = part.at, part.gone
		}
	}
	one.what = strings.Join(slices.Compact(told), "; ")
	if len(one.parts) > 0 {
		return
	}
	one.at, one.gone = one.from.At, !v.forward
	switch {
	case old == nil && v.forward:
		one.what = "the provider is new"
	case old == nil:
		one.what = "the provider is removed"
	default:
		one.what = fmt.Sprintf("%s is %s named", one.from, verb)
	}
}

// uncovered are the parts by which a way is not covered by one of the other
// side.
func (v *view) uncovered(p, old *engine.Provider, a, b *engine.Access, from, theirs engine.Ref) []part {
	was, is := ordered(v, a, b)
	wasSide, isSide := ordered(v, v.own, v.other)
	parts := append(accessParts(v.c, wasSide, isSide, was, is), v.originParts(p, old, a, from, theirs)...)
	return slices.DeleteFunc(parts, v.covers)
}

// accessParts compare what two accesses ask.
func accessParts(c *comparison, wasSide, isSide *side, was, is *engine.Access) (all []part) {
	add := func(p part, attribute string) {
		if p.le && p.ge {
			return
		}
		switch {
		case is.Has(attribute):
			p.at = is.AttrAt(attribute)
		case was.Has(attribute):
			p.at, p.gone = was.AttrAt(attribute), true
		default:
			p.at = is.At
		}
		all = append(all, p)
	}
	wasWay, isWay := attribute{name: "require_claims", value: was.Require}, attribute{name: "require_claims", value: is.Require}
	if was.Unknown["require_claims"] || is.Unknown["require_claims"] {
		if wasSide.canonical(wasWay, was.Decl, nil) != isSide.canonical(isWay, is.Decl, nil) {
			add(part{what: "require_claims is not known here, and written otherwise"}, "require_claims")
		}
	} else {
		shows := !was.Sensitive["require_claims"] && !is.Sensitive["require_claims"]
		what := strings.Join(requirementChanges("", was.Require, is.Require, shows), ", ")
		add(part{what: what, le: implies(is.Require, was.Require), ge: implies(was.Require, is.Require), doubtful: patterned(was.Require) || patterned(is.Require)}, "require_claims")
	}
	old, now := wasSide.asks(was.Policies, c.Now), isSide.asks(is.Policies, c.Now)
	p := part{what: policyChanges(old, was.Mode, now, is.Mode), le: stricter(now, is.Mode, old, was.Mode), ge: stricter(old, was.Mode, now, is.Mode)}
	attribute := "policies"
	if (was.Mode == engine.AnyPolicy) != (is.Mode == engine.AnyPolicy) {
		attribute = "policy_mode"
	}
	add(p, attribute)
	if changed := changedPolicy(isSide, old, now); len(all) > 0 && changed != (engine.Range{}) && !(p.le && p.ge) {
		all[len(all)-1].at, all[len(all)-1].gone = changed, false
	}
	return all
}

// changedPolicy is where a policy stands that decides otherwise under the same
// name, or counts later.
func changedPolicy(is *side, old, now []asked) engine.Range {
	for _, one := range now {
		i := slices.IndexFunc(old, func(o asked) bool { return o.label == one.label })
		if i >= 0 && (old[i].key != one.key || !old[i].from.Equal(one.from)) {
			p := is.policies[one.label]
			if old[i].key == one.key && p.Has("shadow_until") {
				return p.AttrAt("shadow_until")
			}
			return p.At
		}
	}
	return engine.Range{}
}

// originParts compare where somebody comes from.
func (v *view) originParts(p, old *engine.Provider, a *engine.Access, from, theirs engine.Ref) []part {
	scripted := len(a.Policies) > 0
	switch from.Kind {
	case engine.KindServiceAccount:
		return v.accountParts(p, old, a, from, theirs, scripted)
	case engine.KindProvider:
		return v.federatedParts(from, theirs, scripted || a.Require != nil)
	}
	parts := slices.Clone(v.trustParts(from, theirs))
	if from.Label != theirs.Label && scripted {
		parts = append(parts, part{what: fmt.Sprintf("%s has another name, which its policies see", from), at: a.At, gone: !v.forward})
	}
	return parts
}

// trustParts compare a source, once.
func (v *view) trustParts(from, theirs engine.Ref) []part {
	key := from.String()
	if parts, done := v.sourceParts[key]; done {
		return parts
	}
	own, other := v.own.trusted(from), v.other.trusted(theirs)
	var parts []part
	if own != nil && other != nil {
		was, is := ordered(v, own, other)
		parts = was.parts(is)
	}
	v.sourceParts[key] = parts
	return parts
}

// accountParts compare an account: its app passwords, and its tokens of
// sources. Of tokens that may be several accounts', which are nobody's, less of
// one can be more of another.
func (v *view) accountParts(p, old *engine.Provider, a *engine.Access, from, theirs engine.Ref, scripted bool) (all []part) {
	own, other := v.own.accounts[from.Label], v.other.accounts[theirs.Label]
	if own == nil || other == nil {
		return nil
	}
	was, is := ordered(v, own, other)
	wasSide, isSide := ordered(v, v.own, v.other)
	if scripted && wasSide.body(accountBlock(was), nil) != isSide.body(accountBlock(is), nil) {
		all = append(all, part{what: fmt.Sprintf("what policies see of %s changed", from), at: is.At})
	}
	all = append(all, passwordParts(wasSide, isSide, was, is)...)
	return append(all, v.jwtParts(own, other, a)...)
}

// accountBlock is what policies see of an account.
func accountBlock(a *engine.ServiceAccount) *block {
	return &block{name: a.Label, decl: a.Decl, attrs: accountAttributes(a)}
}

// passwordParts compare for how long, and from where, app passwords work.
func passwordParts(wasSide, isSide *side, was, is *engine.ServiceAccount) (all []part) {
	old, now := was.AppPasswords, is.AppPasswords
	at := func(name string) (engine.Range, bool) {
		switch {
		case now.Has(name):
			return now.AttrAt(name), false
		case old.Has(name):
			return old.AttrAt(name), true
		default:
			return is.At, false
		}
	}
	add := func(p part, name string) {
		if !p.le || !p.ge {
			p.at, p.gone = at(name)
			p.what = fmt.Sprintf("of the app passwords of service_account.%s, %s", is.Label, p.what)
			all = append(all, p)
		}
	}
	for _, name := range []string{"max_age", "allowed_cidrs"} {
		a, b := attribute{name: name}, attribute{name: name}
		if (old.Unknown[name] || now.Unknown[name]) && wasSide.canonical(a, old.Decl, nil) != isSide.canonical(b, now.Decl, nil) {
			add(part{what: name + " is not known here, and written otherwise"}, name)
		}
	}
	if !old.Unknown["max_age"] && !now.Unknown["max_age"] {
		add(bound("max_age", endless(old.MaxAge), endless(now.MaxAge)), "max_age")
	}
	if !old.Unknown["allowed_cidrs"] && !now.Unknown["allowed_cidrs"] {
		le := old.AllowedCIDRs == nil || now.AllowedCIDRs != nil && within(now.AllowedCIDRs, old.AllowedCIDRs)
		ge := now.AllowedCIDRs == nil || old.AllowedCIDRs != nil && within(old.AllowedCIDRs, now.AllowedCIDRs)
		what := cmp.Or(listChange("allowed_cidrs", prefixes(old.AllowedCIDRs), prefixes(now.AllowedCIDRs)), "allowed_cidrs changed")
		if now.AllowedCIDRs == nil {
			what = "they work from anywhere"
		}
		if old.Sensitive["allowed_cidrs"] || now.Sensitive["allowed_cidrs"] {
			what = "allowed_cidrs changed"
		}
		add(part{what: what, le: le, ge: ge, opens: !le, closes: !ge}, "allowed_cidrs")
	}
	return all
}

// jwtParts compare the tokens by which an account gets in.
func (v *view) jwtParts(own, other *engine.ServiceAccount, a *engine.Access) (all []part) {
	for i := range own.JWTs {
		j := &own.JWTs[i]
		if j.Source == nil || j.Unknown["require_claims"] {
			continue
		}
		theirs := v.counterpart(*j.Source)
		covered := slices.ContainsFunc(other.JWTs, func(o engine.AccountJWT) bool {
			return o.Source != nil && o.Source.Kind == theirs.Kind && o.Source.Label == theirs.Label && implies(j.Require, o.Require)
		})
		if trust := v.trustParts(*j.Source, theirs); covered {
			all = append(all, trust...)
			continue
		}
		one := part{what: fmt.Sprintf("tokens of %s are those of service_account.%s", j.Source, own.Label), at: j.AttrAt("require_claims"), gone: !v.forward}
		if !v.forward {
			one.what = fmt.Sprintf("other tokens of %s were those of service_account.%s", j.Source, own.Label)
		}
		one.opens, one.closes = true, true
		all = append(all, one)
	}
	if unknownJWTs(v.own, own) != unknownJWTs(v.other, other) {
		all = append(all, part{what: fmt.Sprintf("whose tokens are those of service_account.%s is not known here, and written otherwise", own.Label), at: own.At, gone: !v.forward})
	}
	return all
}

// unknownJWTs is how those tokens are written whose claims are not known.
func unknownJWTs(s *side, a *engine.ServiceAccount) string {
	var all []string
	for _, j := range a.JWTs {
		if j.Unknown["require_claims"] {
			all = append(all, s.canonical(attribute{name: "require_claims"}, j.Decl, nil))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// federatedParts compare another provider, whose tokens are shown. What cannot
// be told apart while it is asked about itself is taken as covered: were it not,
// it would be told of elsewhere.
func (v *view) federatedParts(from, theirs engine.Ref, looked bool) (all []part) {
	own, other := v.own.provided[from.Label], v.other.provided[theirs.Label]
	if own == nil || other == nil {
		return nil
	}
	key := own.Label
	if _, asked := v.covered[key]; !asked {
		v.covered[key] = true
		v.covered[key] = len(v.provider(own)) == 0
	}
	if !v.covered[key] {
		all = append(all, part{what: fmt.Sprintf("of %s, who gets tokens changed", from), at: own.At, gone: !v.forward})
	}
	was, is := ordered(v, own, other)
	wasSide, isSide := ordered(v, v.own, v.other)
	if looked && issues(wasSide, was, v.c.renamed) != issues(isSide, is, nil) {
		all = append(all, part{what: fmt.Sprintf("of %s, what tokens say changed", from), at: is.At})
	}
	return all
}

// issues is what decides of what the tokens of a provider say.
func issues(s *side, p *engine.Provider, rename map[string]string) string {
	var all []string
	for _, a := range providerAttributes(p) {
		switch a.name {
		case "mappings", "sub", "claims", "client_id", "audience":
			all = append(all, s.canonical(a, p.Decl, rename))
		}
	}
	for _, ref := range p.Mappings {
		if b := s.byName[ref.String()]; b != nil {
			all = append(all, s.body(b, rename))
		}
	}
	return strings.Join(all, "\n")
}
