package rehearse

import (
	"context"
	"slices"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/parallel"
)

// TryAll tries tests, as many at a time as there are processors. What it
// returns is in their order. A ctx that ends leaves the rest skipped.
func (r *Rehearsal) TryAll(ctx context.Context, tests []engine.Test) []Trial {
	trials := make([]Trial, len(tests))
	parallel.Each(len(tests), func(i int) {
		if err := context.Cause(ctx); err != nil {
			trials[i] = Trial{Test: tests[i], Skipped: err.Error()}
			return
		}
		trials[i] = r.Try(ctx, tests[i])
	})
	return trials
}

// Reach is how much of a configuration tests that passed went through.
type Reach struct {
	Providers []Reached // Yes: somebody got in; No: somebody did not
	Accesses  []Reached // Yes: somebody got in by it
	Sources   []Reached // certificates and accounts, too. Yes: somebody showed its proof
	Policies  []Reached // what it said
}

// Reached is one declared thing, and how often tests went through it.
type Reached struct {
	Name    string // as the language refers to it; PROVIDER.ACCESS for an access
	At      engine.Range
	Yes, No int
}

// Reach tells what of a configuration was gone through.
func (r *Rehearsal) Reach(trials []Trial) Reach {
	c := counter{yes: map[string]int{}, no: map[string]int{}}
	for _, t := range trials {
		if t.Passed() {
			c.count(t)
		}
	}
	spec := r.stage.spec
	var reach Reach
	for _, p := range spec.Providers {
		reach.Providers = append(reach.Providers, c.reached(engine.KindProvider, p.Decl))
		for _, a := range p.Accesses {
			name := p.Label + "." + a.Label
			reach.Accesses = append(reach.Accesses, Reached{Name: name, At: a.At, Yes: c.yes["access."+name]})
		}
	}
	for _, s := range spec.Sources {
		reach.Sources = append(reach.Sources, c.reached(engine.KindOAuthSource, s.Decl))
	}
	for _, s := range spec.Certificates {
		reach.Sources = append(reach.Sources, c.reached(engine.KindCertificate, s.Decl))
	}
	for _, a := range spec.Accounts {
		reach.Sources = append(reach.Sources, c.reached(engine.KindServiceAccount, a.Decl))
	}
	for _, p := range spec.Policies {
		reach.Policies = append(reach.Policies, c.reached(engine.KindPolicy, p.Decl))
	}
	return reach
}

// counter counts by what the language calls a thing.
type counter struct{ yes, no map[string]int }

func (c counter) reached(kind engine.Kind, d engine.Decl) Reached {
	name := string(kind) + "." + d.Label
	return Reached{Name: name, At: d.At, Yes: c.yes[name], No: c.no[name]}
}

func (c counter) count(t Trial) {
	for _, d := range slices.Concat(t.Result.Earlier, []engine.Decision{t.Result.Decision}) {
		provider := string(engine.KindProvider) + "." + d.Provider
		if d.Outcome != engine.Allowed {
			c.no[provider]++
			continue
		}
		c.yes[provider]++
		if d.Rule != "" {
			c.yes["access."+d.Provider+"."+d.Rule]++
		}
	}
	for _, asked := range t.Result.Policies() {
		name := string(engine.KindPolicy) + "." + asked.Policy
		if asked.Verdict == engine.PolicyPassed {
			c.yes[name]++
		} else {
			c.no[name]++
		}
	}
	if t.Test.From.Label != "" {
		c.yes[t.Test.From.String()]++
		if source := t.Result.Decision.Source; source != "" && source != t.Test.From.String() {
			c.yes[source]++ // the account whose token it is
		}
	}
}

// NeverDenying are the policies that say no in no test that expects to be
// denied, and passes: nothing shows what they keep out.
func (r *Rehearsal) NeverDenying(trials []Trial) []engine.PolicySource {
	said := map[string]bool{}
	for _, t := range trials {
		if !t.Passed() || t.Test.Expect.Outcome != engine.Denied {
			continue
		}
		for _, asked := range t.Result.Policies() {
			said[asked.Policy] = said[asked.Policy] || asked.Verdict != engine.PolicyPassed
		}
	}
	return slices.DeleteFunc(slices.Clone(r.stage.spec.Policies), func(p engine.PolicySource) bool { return said[p.Label] })
}
