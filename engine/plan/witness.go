package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/engine/parallel"
	"github.com/m2md/m2md/engine/rehearse"
)

// shown is somebody who is shown to both sides.
type shown struct {
	provider string      // label on the new side, or on the old where it has none
	is       engine.Case // for the new side
	was      engine.Case // for the old
	from     string      // as Identity.From
	paths    [][]string  // the claims that tell it from others
	hidden   map[string]bool

	before, after verdict
}

// verdict is what one side says of somebody.
type verdict struct {
	allowed bool
	rule    string
	source  string
	undone  bool // it was not asked, or could not say
}

// stand is the two sides ready to be asked.
type stand struct {
	*comparison
	old, now *rehearse.Rehearsal
	crowd    []*shown
	hidden   map[string]bool // claims whose required values came from env() or file()
}

// witness shows made-up and recorded identities to both sides.
func (c *comparison) witness(ctx context.Context) error {
	if len(c.openings)+len(c.losses) == 0 && len(c.Records) == 0 && !c.guards() {
		return nil
	}
	s := &stand{comparison: c, hidden: c.hiddenClaims()}
	var err error
	if s.old, err = c.was.Rehearse(ctx); err != nil {
		return err
	}
	defer closeIf(s.old)
	if s.now, err = c.is.Rehearse(ctx); err != nil {
		return err
	}
	defer closeIf(s.now)
	s.gather()
	ctx, cancel := context.WithTimeout(ctx, c.Time)
	defer cancel()
	s.ask(ctx)
	for _, one := range s.crowd {
		s.judge(one)
	}
	s.replay(ctx)
	return nil
}

// guards says whether anything of a door changed.
func (c *comparison) guards() bool {
	return slices.ContainsFunc(c.plan.Effects, func(e Effect) bool { return e.Door == engine.DoorForwardAuth })
}

func closeIf(r *rehearse.Rehearsal) {
	if r != nil {
		r.Close()
	}
}

// hiddenClaims are those of whose values some requirement's came from env() or
// file(), on either side.
func (c *comparison) hiddenClaims() map[string]bool {
	hidden := map[string]bool{}
	note := func(d engine.Decl, attribute string, r *engine.Requirement) {
		if !d.Sensitive[attribute] {
			return
		}
		seen := &candidates{}
		seen.collect(nil, r, map[string][]any{})
		for _, path := range seen.paths {
			hidden[dotted(path)] = true
		}
	}
	for _, s := range []*side{c.was, c.is} {
		trust := func(d engine.Decl, t engine.Trust) {
			note(d, "require_claims", t.Require)
			hidden["iss"] = hidden["iss"] || d.Sensitive["issuer"]
			hidden["aud"] = hidden["aud"] || d.Sensitive["audiences"]
			hidden["sub"] = hidden["sub"] || d.Sensitive["trust_domain"]
		}
		for _, one := range s.Spec.Sources {
			trust(one.Decl, one.Trust)
		}
		for _, one := range s.Spec.Certificates {
			trust(one.Decl, one.Trust)
		}
		for _, one := range s.Spec.Accounts {
			for _, j := range one.JWTs {
				note(j.Decl, "require_claims", j.Require)
			}
		}
		for _, p := range s.Spec.Providers {
			for _, a := range p.Accesses {
				note(a.Decl, "require_claims", a.Require)
			}
		}
	}
	return hidden
}

// touched are the providers, by their new label where they have one, of which a
// way in is not covered on one side.
func (s *stand) touched() []string {
	var all []string
	add := func(label string) {
		if !slices.Contains(all, label) {
			all = append(all, label)
		}
	}
	for _, o := range s.openings {
		add(o.provider)
	}
	for _, o := range s.losses {
		add(s.newLabel(engine.KindProvider, o.provider))
	}
	for _, e := range s.plan.Effects {
		if e.Door == engine.DoorForwardAuth {
			add(e.Provider)
		}
	}
	return all
}

// newLabel is what something of the old side is called on the new.
func (s *stand) newLabel(kind engine.Kind, label string) string {
	if now, is := s.renamed[string(kind)+"."+label]; is {
		return labelled(kind, now).Label
	}
	return label
}

func (s *stand) oldLabel(kind engine.Kind, label string) string {
	return s.view(true).counterpart(engine.Ref{Kind: kind, Label: label}).Label
}

// gather makes the crowd: the identities of tests first, and then for each
// provider some of each way in, in turns, until there are enough.
func (s *stand) gather() {
	touched := s.touched()
	s.tests(touched)
	var queues [][]*shown
	for _, label := range touched {
		queues = append(queues, s.strangers(label)...)
	}
	for i := 0; len(s.crowd) < s.MaxTries; i++ {
		more := false
		for _, queue := range queues {
			if i < len(queue) && len(s.crowd) < s.MaxTries {
				s.crowd, more = append(s.crowd, queue[i]), true
			}
		}
		if !more {
			return
		}
	}
}

// tests takes the identities of both sides' tests.
func (s *stand) tests(touched []string) {
	seen := map[string]bool{}
	for _, side := range []*side{s.is, s.was} {
		for _, t := range side.Spec.Tests {
			provider := t.Provider
			if side == s.was {
				provider = s.newLabel(engine.KindProvider, provider)
			}
			key := fmt.Sprintf("%s %s %s %s", provider, t.From, t.Name(), writeJSON(t.Claims))
			if len(t.Unknown) > 0 || seen[key] || !slices.Contains(touched, provider) || len(s.crowd) >= s.MaxTries/2 {
				continue
			}
			seen[key] = true
			one := &shown{provider: provider, is: t.Case, from: fmt.Sprintf("test %q", t.Name()), hidden: s.hidden}
			if side == s.was {
				one.is = s.translated(t.Case, s.newLabel)
			}
			one.was = s.translated(one.is, s.oldLabel)
			for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
				one.paths = append(one.paths, leaves([]string{name}, t.Claims[name])...)
			}
			s.crowd = append(s.crowd, one)
		}
	}
}

// leaves are the paths of the values in a claim.
func leaves(path []string, value any) (all [][]string) {
	object, is := value.(map[string]any)
	if !is || len(object) == 0 {
		return [][]string{path}
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		all = append(all, leaves(append(slices.Clip(path), name), object[name])...)
	}
	return all
}

// translated is a case in the names of the other side.
func (s *stand) translated(c engine.Case, label func(engine.Kind, string) string) engine.Case {
	c.Provider = label(engine.KindProvider, c.Provider)
	if c.Via != "" {
		c.Via = label(engine.KindProvider, c.Via)
	}
	c.ShownBefore = slices.Clone(c.ShownBefore)
	for i := range c.ShownBefore {
		c.ShownBefore[i] = label(engine.KindProvider, c.ShownBefore[i])
	}
	if c.From.Label != "" {
		c.From.Label = label(c.From.Kind, c.From.Label)
	}
	return c
}

// strangers are made up for one provider: a queue for each source, one for
// accounts, and those of the door.
func (s *stand) strangers(provider string) (queues [][]*shown) {
	now, old := s.is.provided[provider], s.was.provided[s.oldLabel(engine.KindProvider, provider)]
	ways := map[engine.Ref][]requisite{}
	var order, accounts []engine.Ref
	note := func(ref engine.Ref, way requisite) {
		ref.At = engine.Range{}
		if _, seen := ways[ref]; !seen {
			order = append(order, ref)
		}
		ways[ref] = append(ways[ref], way)
	}
	for _, p := range []struct {
		side *side
		of   *engine.Provider
		name func(engine.Kind, string) string
	}{{s.is, now, func(_ engine.Kind, label string) string { return label }}, {s.was, old, s.newLabel}} {
		if p.of == nil {
			continue
		}
		for _, a := range p.of.Accesses {
			for _, from := range a.From {
				named := engine.Ref{Kind: from.Kind, Label: p.name(from.Kind, from.Label)}
				switch from.Kind {
				case engine.KindServiceAccount:
					if !slices.Contains(accounts, named) {
						accounts = append(accounts, named)
					}
					if account := p.side.accounts[from.Label]; account != nil {
						for _, j := range account.JWTs {
							if j.Source != nil {
								note(engine.Ref{Kind: j.Source.Kind, Label: p.name(j.Source.Kind, j.Source.Label)}, requisite{p.side.trustRequire(*j.Source), j.Require, a.Require})
							}
						}
					}
				case engine.KindProvider:
				default:
					note(named, requisite{p.side.trustRequire(from), a.Require})
				}
			}
		}
	}
	for _, ref := range order {
		queues = append(queues, s.tokens(provider, ref, ways[ref]))
	}
	return append(queues, s.accountsOf(provider, accounts), s.federated(provider, now, old), s.passersBy(provider, now, old))
}

// trustRequire is what a source itself asks of claims.
func (s *side) trustRequire(ref engine.Ref) *engine.Requirement {
	if t := s.trusted(ref); t != nil {
		return t.Require
	}
	return nil
}

// tokens are those of one source.
func (s *stand) tokens(provider string, ref engine.Ref, ways []requisite) (queue []*shown) {
	old := engine.Ref{Kind: ref.Kind, Label: s.oldLabel(ref.Kind, ref.Label)}
	var usuals []map[string]any
	var iss, aud []any
	profile := ""
	for _, side := range []struct {
		*side
		ref engine.Ref
		r   *rehearse.Rehearsal
	}{{s.is, ref, s.now}, {s.was, old, s.old}} {
		t := side.trusted(side.ref)
		if t == nil || side.r == nil {
			continue
		}
		if usual := side.r.Usual(side.ref); usual != nil && len(usuals) == 0 {
			usuals = append(usuals, usual)
		}
		if t.source != nil && profile == "" {
			profile = t.source.Profile
		}
		if t.Issuer != "" && !t.decl.Unknown["issuer"] {
			iss = append(iss, t.Issuer)
		}
		if !t.decl.Unknown["audiences"] {
			for _, one := range t.Audiences[:min(len(t.Audiences), 4)] {
				aud = append(aud, one)
			}
		}
	}
	found := tokensOf(usuals, profile, ways, append(iss, "https://another.example"), append(aud, "https://another.example"))
	paths := found.paths
	if len(paths) == 0 {
		paths = [][]string{{"sub"}}
	}
	for _, claims := range found.found {
		one := &shown{provider: provider, from: "made up", paths: paths, hidden: s.hidden}
		one.is = engine.Case{Provider: provider, From: ref, Claims: claims, WholeClaims: true}
		one.was = s.translated(one.is, s.oldLabel)
		queue = append(queue, one)
	}
	return s.alsoAtDoor(provider, queue, ref)
}

// alsoAtDoor has some show their token to the door itself, where either side
// takes it.
func (s *stand) alsoAtDoor(provider string, queue []*shown, ref engine.Ref) []*shown {
	takes := func(p *engine.Provider) bool {
		return p != nil && p.ForwardAuth != nil && (p.ForwardAuth.AcceptInput || p.ForwardAuth.AcceptOpaque)
	}
	if !takes(s.is.provided[provider]) && !takes(s.was.provided[s.oldLabel(engine.KindProvider, provider)]) {
		return queue
	}
	for _, one := range queue[:min(len(queue), 20)] {
		at := *one
		at.is.Door, at.is.Request.Shows = engine.DoorForwardAuth, engine.ShowsProof
		at.was.Door, at.was.Request.Shows = engine.DoorForwardAuth, engine.ShowsProof
		queue = append(queue, &at)
	}
	return queue
}

// accountsOf are accounts with app passwords: one of each that both sides treat
// alike, and those that are left.
func (s *stand) accountsOf(provider string, refs []engine.Ref) (queue []*shown) {
	var rest []*shown
	kinds := map[string]bool{}
	for _, ref := range refs {
		one := &shown{provider: provider, from: "made up", hidden: s.hidden}
		one.is = engine.Case{Provider: provider, From: ref}
		one.was = s.translated(one.is, s.oldLabel)
		kind := s.namedBy(s.is, provider, ref) + "\n" + s.namedBy(s.was, one.was.Provider, one.was.From)
		if kinds[kind] {
			rest = append(rest, one)
			continue
		}
		kinds[kind] = true
		queue = append(queue, one)
	}
	return append(queue, rest[:min(len(rest), 50)]...)
}

// namedBy are the accesses of a provider that name an account, as one text.
func (s *stand) namedBy(side *side, provider string, ref engine.Ref) string {
	p := side.provided[provider]
	if p == nil {
		return ""
	}
	var labels []string
	for _, a := range p.Accesses {
		if slices.ContainsFunc(a.From, func(r engine.Ref) bool { return r.Kind == ref.Kind && r.Label == ref.Label }) {
			labels = append(labels, a.Label)
		}
	}
	return strings.Join(labels, " ")
}

// federated are tokens of other providers, got for what their accesses name.
func (s *stand) federated(provider string, now, old *engine.Provider) (queue []*shown) {
	var via []string
	for _, p := range []*engine.Provider{now, old} {
		if p == nil {
			continue
		}
		for _, a := range p.Accesses {
			for _, from := range a.From {
				label := from.Label
				if p == old {
					label = s.newLabel(engine.KindProvider, label)
				}
				if from.Kind == engine.KindProvider && label != provider && !slices.Contains(via, label) {
					via = append(via, label)
				}
			}
		}
	}
	for _, label := range via {
		p := s.is.provided[label]
		if p == nil {
			p = s.was.provided[s.oldLabel(engine.KindProvider, label)]
		}
		if p == nil {
			continue
		}
		for _, a := range p.Accesses {
			for _, from := range a.From[:min(len(a.From), 10)] {
				from.At = engine.Range{}
				var made []*shown
				switch from.Kind {
				case engine.KindProvider:
				case engine.KindServiceAccount:
					made = s.accountsOf(provider, []engine.Ref{from})
				default:
					made = s.tokens(provider, from, []requisite{{s.is.trustRequire(from), a.Require}, {s.was.trustRequire(from), a.Require}})
				}
				for _, one := range made[:min(len(made), 40)] {
					one.is.Via, one.was.Via = label, s.oldLabel(engine.KindProvider, label)
					queue = append(queue, one)
				}
			}
		}
	}
	return queue
}

// passersBy show nothing at a door whose open paths changed.
func (s *stand) passersBy(provider string, now, old *engine.Provider) (queue []*shown) {
	var paths []string
	for _, p := range []*engine.Provider{now, old} {
		if p != nil && p.ForwardAuth != nil && now != nil && now.ForwardAuth != nil {
			paths = append(paths, p.ForwardAuth.SkipPaths...)
		}
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		one := &shown{provider: provider, from: "made up"}
		one.is = engine.Case{Provider: provider, Door: engine.DoorForwardAuth}
		one.is.Request.Shows, one.is.Request.Path = engine.ShowsNothing, strings.Replace(path, "*", "any", 1)
		one.was = s.translated(one.is, s.oldLabel)
		queue = append(queue, one)
	}
	return queue
}

// ask shows the crowd to both sides, as many at a time as there are processors.
func (s *stand) ask(ctx context.Context) {
	parallel.Each(len(s.crowd), func(i int) {
		one := s.crowd[i]
		one.before = s.was.says(ctx, s.old, one.was)
		one.after = s.is.says(ctx, s.now, one.is)
	})
	for _, one := range s.crowd {
		if !one.before.undone && !one.after.undone {
			s.plan.Tried++
		}
	}
}

// says is what a side says of somebody. What it does not declare lets nobody in.
func (s *side) says(ctx context.Context, r *rehearse.Rehearsal, c engine.Case) verdict {
	switch {
	case ctx.Err() != nil:
		return verdict{undone: true}
	case r == nil || !s.declares(c):
		return verdict{}
	case r.Unknown(c) != "":
		return verdict{undone: true}
	}
	result := r.Run(ctx, c)
	if ctx.Err() != nil { // which may have ended a policy before it could say
		return verdict{undone: true}
	}
	if result.Err == nil {
		return verdict{allowed: true, rule: result.Access(), source: result.Decision.Source}
	}
	var refusal *engine.Refusal
	var public *oauth2.Error
	early := result.Decision.Outcome == "" // getting the token that would be shown failed
	return verdict{undone: !early && !errors.As(result.Err, &refusal) && !errors.As(result.Err, &public)}
}

// declares says whether a side has all that a case names.
func (s *side) declares(c engine.Case) bool {
	p := s.provided[c.Provider]
	if p == nil || c.Door == engine.DoorForwardAuth && p.ForwardAuth == nil || c.Via != "" && s.provided[c.Via] == nil {
		return false
	}
	for _, label := range c.ShownBefore {
		if s.provided[label] == nil {
			return false
		}
	}
	return c.From.Label == "" || s.byName[engine.Ref{Kind: c.From.Kind, Label: c.From.Label}.String()] != nil
}

// judge notes somebody whom one side alone lets in.
func (s *stand) judge(one *shown) {
	if one.before.undone || one.after.undone || one.before.allowed == one.after.allowed {
		return
	}
	s.found(one.provider, one.is.Door, one.after.allowed, one.before, one.after, one.is.From, one.identity())
}

// identity is somebody as people are told.
func (one *shown) identity() Identity {
	id := Identity{Source: one.is.From.String(), From: one.from}
	if one.is.From.Label == "" {
		id.Source = "somebody without credentials"
	}
	if one.is.Request.Path != "" {
		id.Claims = append(id.Claims, Claim{"path", writeJSON(one.is.Request.Path)})
	}
	if one.is.Via != "" {
		id.Source += " by a token of provider." + one.is.Via
	}
	paths := one.paths
	for _, protocol := range []string{"iss", "aud"} {
		if one.from == "made up" && one.is.From.Kind != engine.KindServiceAccount && one.is.Claims[protocol] == "https://another.example" {
			paths = append(slices.Clip(paths), []string{protocol})
		}
	}
	for _, path := range paths {
		claim := Claim{Name: dotted(path), Value: Hidden}
		if !one.hidden[claim.Name] {
			claim.Value = "absent"
			if value := claimAt(one.is.Claims, path); value != nil {
				claim.Value = rehearse.Written(value)
			}
		}
		id.Claims = append(id.Claims, claim)
	}
	return id
}

// maxNamed is how many identities are named of one way.
const maxNamed = 3

// found adds somebody to the way by which the one side lets in.
func (s *stand) found(provider, door string, gains bool, before, after verdict, from engine.Ref, id Identity) {
	ways, rule, source := s.losses, before.rule, before.source
	label := s.oldLabel(engine.KindProvider, provider)
	if gains {
		ways, rule, source, label = s.openings, after.rule, after.source, provider
	}
	var fits *opening
	for _, way := range ways {
		if way.provider != label || way.access != rule {
			continue
		}
		if exact := way.from.String() == from.String() || way.from.String() == source; exact || fits == nil {
			fits = way
			if exact {
				break
			}
		}
	}
	if fits == nil {
		s.foundElsewhere(provider, door, gains, rule, id)
		return
	}
	fits.add(id)
}

func (o *opening) add(id Identity) { o.found, o.more = addTo(o.found, o.more, id) }

// addTo adds somebody to those that are named, or counts them. Who cannot be
// told from one that is named is not.
func addTo(named []Identity, more int, id Identity) ([]Identity, int) {
	switch {
	case slices.ContainsFunc(named, func(o Identity) bool { return o.Source == id.Source && slices.Equal(o.Claims, id.Claims) }):
		return named, more
	case len(named) < maxNamed:
		return append(named, id), more
	default:
		return named, more + 1
	}
}

// foundElsewhere adds somebody to an effect that was told of the door, or else
// tells of it by itself.
func (s *stand) foundElsewhere(provider, door string, gains bool, rule string, id Identity) {
	want := directionOf(gains)
	for i := range s.plan.Effects {
		e := &s.plan.Effects[i]
		if e.Provider != provider || door != engine.DoorForwardAuth || e.Door != door || e.Direction != want && e.Direction != Undecided {
			continue
		}
		e.Direction = want
		e.Identities, e.More = addTo(e.Identities, e.More, id)
		return
	}
	e := Effect{Direction: want, Provider: provider, Door: door, Access: rule, What: "somebody is treated otherwise", Identities: []Identity{id}}
	if p := s.is.provided[provider]; p != nil {
		e.At = p.At
	} else if p := s.was.provided[s.oldLabel(engine.KindProvider, provider)]; p != nil {
		e.At, e.Gone = p.At, true
	}
	s.tell(e)
}
