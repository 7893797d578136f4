package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine/issuer"
)

// requirements checks what is required of claims against what is known of
// their issuers: the type that decides whether it can ever be fulfilled, and
// the name.
func (c *compiler) requirements() {
	for _, s := range c.spec.Sources {
		c.require(s.AttrAt("require_claims"), s.Require, []Ref{{Kind: KindOAuthSource, Label: s.Label}})
	}
	shows := map[string][]Ref{} // by account, the sources of its tokens
	for _, a := range c.spec.Accounts {
		for _, j := range a.JWTs {
			if j.Source != nil {
				shows[a.Label] = append(shows[a.Label], *j.Source)
				c.require(j.AttrAt("require_claims"), j.Require, []Ref{*j.Source})
				c.checkContradictions(j.Require, []Ref{*j.Source}, fmt.Sprintf("service_account %q", a.Label))
			}
		}
	}
	for _, p := range c.spec.Providers {
		for _, a := range p.Accesses {
			c.require(a.AttrAt("require_claims"), a.Require, sourcesOf(a.From, shows))
			c.checkContradictions(a.Require, a.From, fmt.Sprintf("access %q", a.Label))
		}
	}
}

// sourcesOf puts in the place of each account the sources of its tokens.
func sourcesOf(refs []Ref, shows map[string][]Ref) []Ref {
	var all []Ref
	for _, ref := range refs {
		if ref.Kind == KindServiceAccount {
			all = append(all, shows[ref.Label]...)
			continue
		}
		all = append(all, ref)
	}
	return all
}

// require checks one require_claims, once for each kind of issuer whose tokens
// it is asked of.
func (c *compiler) require(at Range, r *Requirement, of []Ref) {
	if r == nil {
		return
	}
	askedOf, others := c.askedOf(of)
	for _, one := range askedOf {
		one.at, one.alone = at, !others && len(askedOf) == 1
		one.check(nil, *r)
	}
}

// askedOf are the kinds of issuers of the sources among refs, each once, and
// whether others than those show tokens.
func (c *compiler) askedOf(refs []Ref) (all []*asked, others bool) {
	for _, ref := range refs {
		profile := c.profileOf(origin{ref.Kind, ref.Label})
		if profile.Name == "" {
			others = true
			continue
		}
		i := slices.IndexFunc(all, func(one *asked) bool { return one.profile.Name == profile.Name })
		if i < 0 {
			i, all = len(all), append(all, &asked{compiler: c, profile: profile})
		}
		if !slices.Contains(all[i].sources, ref.String()) {
			all[i].sources = append(all[i].sources, ref.String())
		}
	}
	return all, others
}

// asked is one require_claims, asked of the tokens of one kind of issuer.
type asked struct {
	*compiler
	profile issuer.Profile
	sources []string // as the language refers to them
	at      Range    // of the attribute
	alone   bool     // no tokens of others are asked for the same
}

// whose names the sources.
func (k *asked) whose() string { return strings.Join(k.sources, " and ") }

// check looks up all claims that are named, those within others too.
func (k *asked) check(path []string, r Requirement) {
	for _, one := range alternatives(r) {
		for _, field := range one.Fields {
			k.claim(append(slices.Clip(path), field.Name), field)
		}
	}
}

func (k *asked) claim(path []string, f FieldRequirement) {
	claim, known := k.profile.Claim(path...)
	if !known {
		if !k.profile.Open(path...) {
			k.unknown(path, f)
		}
		return
	}
	all := alternatives(f.Requirement)
	var never []Requirement
	for _, one := range all {
		if !claim.Type.Holds(one.sample()) {
			never = append(never, one)
		}
	}
	// Where tokens of other issuers are asked for the same, a list may hold
	// what is meant for theirs.
	if len(never) == len(all) || len(never) > 0 && k.alone {
		k.mistyped(path, f, claim.Type, never[0])
		return
	}
	k.check(path, f.Requirement)
}

// mistyped tells of a value that the claim can never have.
func (k *asked) mistyped(path []string, f FieldRequirement, t issuer.Type, wrong Requirement) {
	k.fault(k.place(f), fmt.Sprintf("%s of %s is %s", claimName(path), k.profile.Title, t),
		"Tokens of %s have it so, and nothing is converted: %s never matches. %s", k.whose(), wrong.kind(), remedyFor(t, wrong)).ID = "WIF011"
}

// unknown tells of a claim that no token is known to have. It only warns: what
// is known holds for the day it was seen on.
func (k *asked) unknown(path []string, f FieldRequirement) {
	hint := DidYouMean(f.Name, k.profile.Members(path[:len(path)-1]...))
	if hint == "" {
		if elsewhere, found := k.profile.Elsewhere(f.Name); found {
			hint = fmt.Sprintf(" There is %s.", claimName(elsewhere))
		}
	}
	k.tell(Warning, k.place(f), fmt.Sprintf("no token of %s is known to have %s", k.profile.Title, claimName(path)),
		"A token without it does not fulfil what is required, so nobody gets in from %s.%s", k.whose(), hint).ID = "WIF010"
}

// place is where a claim is asked for.
func (k *asked) place(f FieldRequirement) Range {
	if f.At == (Range{}) {
		return k.at
	}
	return f.At
}

// claimName quotes each segment of a path, as names hold dots.
func claimName(path []string) string {
	quoted := make([]string, len(path))
	for i, segment := range path {
		quoted[i] = fmt.Sprintf("%q", segment)
	}
	return strings.Join(quoted, ".")
}

// alternatives are what r takes any of.
func alternatives(r Requirement) []Requirement {
	if r.AnyOf != nil {
		return r.AnyOf
	}
	return []Requirement{r}
}

// sample is a value of the type that r asks for.
func (r Requirement) sample() any {
	switch {
	case r.Fields != nil:
		return map[string]any{}
	case r.Pattern != nil:
		return ""
	default:
		return r.Equal
	}
}

// kind says what is asked for, without its value, which may be a secret.
func (r Requirement) kind() string {
	switch sample := r.sample(); {
	case r.Pattern != nil:
		return "a pattern"
	case issuer.String.Fits(sample):
		return "a string"
	case issuer.Bool.Fits(sample):
		return "true or false without quotes"
	case issuer.Number.Fits(sample):
		return "a number without quotes"
	default:
		return "an object"
	}
}

// remedyFor says how to write what the claim can be.
func remedyFor(t issuer.Type, wrong Requirement) string {
	text := t == issuer.String || t == issuer.Strings || t == issuer.StringOrStrings
	switch {
	case text && issuer.Bool.Fits(wrong.Equal):
		return `Write it in quotes: "true" or "false".`
	case text && issuer.Number.Fits(wrong.Equal):
		return `Write the number in quotes, as in "1234".`
	case text:
		return "Write its value, in quotes."
	case t == issuer.Bool:
		return "Write true or false, without quotes."
	case t == issuer.Number && wrong.Pattern != nil:
		return "Name the numbers in a list, without quotes."
	case t == issuer.Number:
		return "Write the number without quotes."
	default:
		return "Write an object, in braces, of the members that it must have."
	}
}

// checkContradictions tells of sources whose own require_claims leaves no token
// that could also fulfil another one.
func (c *compiler) checkContradictions(r *Requirement, of []Ref, what string) {
	if r == nil {
		return
	}
	told := map[Ref]bool{}
	for _, ref := range of {
		from := origin{ref.Kind, ref.Label}
		source, ok := c.trusts[from]
		if !ok || source.require == nil || told[Ref{Kind: ref.Kind, Label: ref.Label}] {
			continue
		}
		if claim := contradiction(nil, *source.require, *r, c.profileOf(from)); claim != nil {
			told[Ref{Kind: ref.Kind, Label: ref.Label}] = true
			c.tell(Warning, ref.At, fmt.Sprintf("%s never gets in by %s", ref, what),
				"Both have require_claims, and no value of %s is right for both. Mend one of them, or take the source out here.", claimName(claim)).ID = "CFG009"
		}
	}
}

// contradiction is the path of the first claim of which a and b ask for
// different values. It looks only at claims that have one value: a list can
// hold both.
func contradiction(path []string, a, b Requirement, p issuer.Profile) []string {
	for _, x := range a.Fields {
		i := slices.IndexFunc(b.Fields, func(f FieldRequirement) bool { return f.Name == x.Name })
		if i < 0 {
			continue
		}
		y, at := b.Fields[i], append(slices.Clip(path), x.Name)
		if inner := contradiction(at, x.Requirement, y.Requirement, p); inner != nil {
			return inner
		}
		if t := typeOf(at, p); (t == issuer.String || t == issuer.Bool || t == issuer.Number) && !compatible(x.Requirement, y.Requirement, t) {
			return at
		}
	}
	return nil
}

// typeOf is the type of a claim: of sub and iss, that which every source's
// tokens must have.
func typeOf(path []string, p issuer.Profile) issuer.Type {
	if len(path) == 1 && (path[0] == "sub" || path[0] == "iss") {
		return issuer.String
	}
	claim, _ := p.Claim(path...)
	return claim.Type
}

// compatible says whether one value of a type may fulfil both. What has not the
// type is told of elsewhere, and counts here as if it did.
func compatible(a, b Requirement, t issuer.Type) bool {
	for _, x := range alternatives(a) {
		for _, y := range alternatives(b) {
			if !t.Fits(x.sample()) || !t.Fits(y.sample()) || x.meets(y) {
				return true
			}
		}
	}
	return false
}

// meets says whether a value may fulfil both; of two patterns that is not known.
func (r Requirement) meets(other Requirement) bool {
	switch {
	case r.Pattern != nil && other.Pattern != nil:
		return true
	case r.Pattern != nil:
		return r.match(other.Equal)
	default:
		return other.match(r.Equal)
	}
}
