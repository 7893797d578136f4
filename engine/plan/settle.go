package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// errUnknown says that a side lacks what it takes to decide.
var errUnknown = errors.New("a value is not known here")

// settle turns the ways that are not covered into effects, those that are alike
// into one.
func (c *comparison) settle() {
	gains := c.grouped(c.openings, true)
	for _, e := range gains {
		c.tell(e)
	}
	for _, e := range c.grouped(c.losses, false) {
		open := slices.ContainsFunc(gains, func(g Effect) bool {
			return g.Direction == Undecided && g.Provider == e.Provider && g.What == e.What
		})
		if e.Direction != MayNarrow || !open { // else it is told already that nothing is decided
			c.tell(e)
		}
	}
}

// grouped joins ways of one access that differ only in whom they name.
func (c *comparison) grouped(ways []*opening, gains bool) (all []Effect) {
	index := map[string]int{}
	names := map[int][]string{}
	for _, way := range ways {
		e := way.effect(c, gains)
		key := strings.Join([]string{e.Provider, e.Access, string(e.Direction), way.reason()}, "\n")
		i, there := index[key]
		if !there {
			i = len(all)
			index[key] = i
			all = append(all, e)
		} else {
			for _, id := range e.Identities {
				all[i].Identities, all[i].More = addTo(all[i].Identities, all[i].More, id)
			}
			all[i].More += e.More
		}
		if len(way.parts) == 0 {
			names[i] = append(names[i], way.from.String())
		}
	}
	for i, of := range names {
		all[i].What = named(of, all[i].What, gains)
	}
	return all
}

// reason is what ways that are told as one have in common.
func (o *opening) reason() string {
	if len(o.parts) == 0 {
		return "named " + o.other
	}
	return o.what
}

// named says who is named, where nothing was like it before.
func named(all []string, what string, gains bool) string {
	const most = 5
	list := strings.Join(all[:min(len(all), most)], ", ")
	if len(all) > most {
		list += fmt.Sprintf(" and %d more", len(all)-most)
	}
	verb := "may newly get in"
	if !gains {
		verb = "may no longer get in"
	}
	if strings.HasPrefix(what, "the provider") {
		return what + ": " + list + " " + verb
	}
	return list + " " + verb
}

// effect is what a way means.
func (o *opening) effect(c *comparison, gains bool) Effect {
	e := Effect{Provider: o.provider, Access: o.access, What: o.what, At: o.at, Gone: o.gone, Identities: o.found, More: o.more}
	if !gains {
		if now, is := c.renamed[string(engine.KindProvider)+"."+o.provider]; is {
			e.Provider = labelled(engine.KindProvider, now).Label
		}
	}
	switch certain := o.certain || len(o.found) > 0; {
	case gains && certain:
		e.Direction = Widens
	case gains:
		e.Direction = Undecided
	case certain:
		e.Direction = Narrows
	default:
		e.Direction = MayNarrow
	}
	return e
}

// replay makes recorded decisions again, by both sides.
func (s *stand) replay(ctx context.Context) {
	if s.old == nil || s.now == nil {
		s.plan.Unreplayable += len(s.Records)
		return
	}
	for _, d := range s.Records {
		switch {
		case ctx.Err() != nil, d.Provider == "", !remakeable(d):
			s.plan.Unreplayable++
			continue
		}
		was, before, err := s.again(ctx, s.was, s.old.Again, d)
		is, after, too := s.again(ctx, s.is, s.now.Again, s.renamedDecision(d))
		if err != nil || too != nil {
			s.plan.Unreplayable++
			continue
		}
		s.plan.Replayed++
		if was == is {
			continue
		}
		s.found(s.newLabel(engine.KindProvider, d.Provider), d.Door, is, before, after, refOf(d.Source), s.recorded(d))
	}
}

// remakeable says whether a record holds what it takes: who was recognised, or
// claims that somebody had signed.
func remakeable(d engine.Decision) bool {
	switch d.Proof {
	case "jwt", "opaque_token":
		return d.Input.Claims != nil && d.Input.Verified
	case "":
		return false
	default:
		return d.Subject != "" && (d.Input.Claims == nil || d.Input.Verified)
	}
}

// again makes one decision again by one side.
func (s *stand) again(ctx context.Context, side *side, explain func(context.Context, engine.Decision) (engine.Explanation, error), d engine.Decision) (bool, verdict, error) {
	if side.provided[d.Provider] == nil {
		return false, verdict{}, nil
	}
	c := engine.Case{Provider: d.Provider, From: refOf(d.Source)}
	if r := s.old; side == s.was && r.Unknown(c) != "" || side == s.is && s.now.Unknown(c) != "" {
		return false, verdict{}, errUnknown
	}
	x, err := explain(ctx, d)
	allowed := x.Allowed && !x.Provided
	return allowed, verdict{allowed: allowed, rule: x.Decision.Rule, source: x.Decision.Source}, err
}

// renamedDecision is a decision in the names of the new side.
func (s *stand) renamedDecision(d engine.Decision) engine.Decision {
	d.Provider = s.newLabel(engine.KindProvider, d.Provider)
	if now, is := s.renamed[d.Source]; is {
		if _, sub, found := strings.Cut(d.Subject, "/"); found {
			d.Subject = labelled(refOf(d.Source).Kind, now).Label + "/" + sub
		}
		d.Source = now
	}
	if now, is := s.renamed[d.Via]; is {
		d.Via = now
	}
	return d
}

func refOf(source string) engine.Ref {
	kind, label, _ := strings.Cut(source, ".")
	return engine.Ref{Kind: engine.Kind(kind), Label: label}
}

// recorded is who was recorded, by the claims that some way asks for.
func (s *stand) recorded(d engine.Decision) Identity {
	one := &shown{is: engine.Case{From: refOf(d.Source), Claims: d.Input.Claims}, from: "recorded", hidden: s.hidden}
	if d.Input.Claims != nil {
		one.paths = [][]string{{"sub"}}
		seen := &candidates{}
		for _, side := range []*side{s.was, s.is} {
			for _, p := range side.Spec.Providers {
				for _, a := range p.Accesses {
					if p.Label == d.Provider && slices.ContainsFunc(a.From, func(r engine.Ref) bool { return r.String() == d.Source }) {
						seen.collect(nil, a.Require, map[string][]any{})
					}
				}
			}
		}
		for _, path := range seen.paths {
			if !slices.ContainsFunc(one.paths, func(p []string) bool { return slices.Equal(p, path) }) {
				one.paths = append(one.paths, path)
			}
		}
	}
	return one.identity()
}
