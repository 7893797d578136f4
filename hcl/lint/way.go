package lint

import (
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
)

// way is one way in: what a token of one source must fulfil, all in all, to be
// let in by one access, or as one account.
type way struct {
	source  *engine.OAuthSource // nil for a verification_certificate
	profile issuer.Profile      // of the source; the zero value where nothing is known
	asked   []asked
	// at is where what is missing would have to be added.
	at engine.Range
	// whole says that nothing else narrows who gets in: no policy, and no value
	// that is not known. Only then can it be told what is missing.
	whole bool
	// everybody says that the access lets in any subject, and says so.
	everybody bool
}

// asked is one claim that must be something.
type asked struct {
	path  []string
	r     engine.Requirement
	at    engine.Range
	claim issuer.Claim // what is known of it; the zero value for nothing

	alternatives []engine.Requirement // any of which it may be
	patterns     []*engine.Pattern    // those among them
	texts        []beginning          // its values, and how those begin that match a pattern
	universal    bool                 // a pattern matches whatever there is
}

// spelled is what a pattern was found to match.
type spelled struct {
	begins    []beginning
	universal bool
}

func (t *tracer) newAsked(path []string, r engine.Requirement, at engine.Range, claim issuer.Claim) asked {
	a := asked{path: path, r: r, at: at, claim: claim, alternatives: r.AnyOf}
	if r.AnyOf == nil {
		a.alternatives = []engine.Requirement{r}
	}
	for _, one := range a.alternatives {
		if text, ok := one.Equal.(string); ok {
			a.texts = append(a.texts, beginning{text, true})
		}
		if one.Pattern != nil {
			a.patterns = append(a.patterns, one.Pattern)
			found := t.spell(one.Pattern)
			a.texts = append(a.texts, found.begins...)
			a.universal = a.universal || found.universal
		}
	}
	return a
}

// ref is the name of a source.
type ref struct {
	kind  engine.Kind
	label string
}

// spell looks at each pattern once, however often it is written.
func (t *tracer) spell(p *engine.Pattern) spelled {
	found, seen := t.patterns[p.String()]
	if !seen {
		found = spelled{beginnings(p), universal(p)}
		t.patterns[p.String()] = found
	}
	return found
}

// tracer makes the ways of a Spec.
type tracer struct {
	sources  map[ref]way // with what the source asks itself
	accounts map[string]*engine.ServiceAccount
	shadows  map[string]bool
	claims   map[string]map[string]issuer.Claim // by profile and path
	patterns map[string]spelled                 // by what is written
}

// waysOf are all ways in, and those of sources that no access names.
func waysOf(spec *engine.Spec, now time.Time) []way {
	t := newTracer(spec, now)
	used := map[ref]bool{}
	var ways []way
	for i := range spec.Providers {
		for j := range spec.Providers[i].Accesses {
			ways = append(ways, t.access(&spec.Providers[i].Accesses[j], used)...)
		}
	}
	for _, a := range spec.Accounts { // of which no access asks more
		for _, j := range a.JWTs {
			if j.Source != nil {
				ways = append(ways, t.jwt(j, used))
			}
		}
	}
	for from, one := range t.sources {
		if !used[from] {
			one.whole = false
			ways = append(ways, one)
		}
	}
	return ways
}

func newTracer(spec *engine.Spec, now time.Time) *tracer {
	t := &tracer{
		sources: map[ref]way{}, accounts: map[string]*engine.ServiceAccount{}, shadows: map[string]bool{},
		claims: map[string]map[string]issuer.Claim{}, patterns: map[string]spelled{},
	}
	for i := range spec.Accounts {
		t.accounts[spec.Accounts[i].Label] = &spec.Accounts[i]
	}
	for _, p := range spec.Policies {
		t.shadows[p.Label] = now.Before(p.ShadowUntil)
	}
	for i := range spec.Sources {
		s := &spec.Sources[i]
		one := way{source: s, profile: profileOf(s), at: s.AttrAt("require_claims"), whole: !s.Unknown["require_claims"] && !s.Unknown["issuer"] && !s.Unknown["profile"]}
		one.asked = t.ask(one.profile, one.at, s.Require)
		t.sources[ref{engine.KindOAuthSource, s.Label}] = one
	}
	for _, c := range spec.Certificates {
		one := way{at: c.AttrAt("require_claims"), whole: !c.Unknown["require_claims"]}
		one.asked = t.ask(one.profile, one.at, c.Require)
		t.sources[ref{engine.KindCertificate, c.Label}] = one
	}
	return t
}

// profileOf is what is known of the issuer of a source, be it that the source
// says so or that its issuer is one of those that all the world knows.
func profileOf(s *engine.OAuthSource) issuer.Profile {
	if profile, known := issuer.Lookup(s.Profile); known {
		return profile
	}
	profile, _ := issuer.SharedIssuer(s.Issuer)
	return profile
}

// access are the ways in by one access. An account that an access names is
// judged by what its jwt blocks ask: that is where it says whom it means.
func (t *tracer) access(a *engine.Access, used map[ref]bool) []way {
	whole := !a.Unknown["require_claims"] && !a.Unknown["policies"] && !slices.ContainsFunc(a.Policies, func(p engine.Ref) bool { return !t.shadows[p.Label] })
	var ways []way
	for _, from := range a.From {
		one, known := t.sources[ref{from.Kind, from.Label}]
		if !known {
			continue
		}
		used[ref{from.Kind, from.Label}] = true
		at := from.At
		if a.Has("require_claims") {
			at = a.AttrAt("require_claims")
		}
		one.asked = append(slices.Clip(one.asked), t.ask(one.profile, at, a.Require)...)
		one.at, one.everybody = at, a.AllowAnySubject
		one.whole = one.whole && whole
		ways = append(ways, one)
	}
	return ways
}

// jwt is the way in as an account.
func (t *tracer) jwt(j engine.AccountJWT, used map[ref]bool) way {
	from := ref{j.Source.Kind, j.Source.Label}
	used[from] = true
	one, at := t.sources[from], j.AttrAt("require_claims")
	one.asked = append(slices.Clip(one.asked), t.ask(one.profile, at, j.Require)...)
	one.at, one.whole = at, one.whole && !j.Unknown["require_claims"]
	return one
}

// ask lists the claims that r asks for, those within others too.
func (t *tracer) ask(p issuer.Profile, at engine.Range, r *engine.Requirement) []asked {
	if r == nil {
		return nil
	}
	return t.fields(nil, p, at, nil, r.Fields)
}

func (t *tracer) fields(all []asked, p issuer.Profile, at engine.Range, path []string, fields []engine.FieldRequirement) []asked {
	for _, f := range fields {
		inner := append(slices.Clip(path), f.Name)
		where := f.At
		if where == (engine.Range{}) {
			where = at
		}
		if f.Fields != nil {
			all = t.fields(all, p, where, inner, f.Fields)
			continue
		}
		all = append(all, t.newAsked(inner, f.Requirement, where, t.claim(p, inner)))
	}
	return all
}

// claim looks up a claim, and remembers what it found: profiles make their
// tables anew each time.
func (t *tracer) claim(p issuer.Profile, path []string) issuer.Claim {
	known := t.claims[p.Name]
	if known == nil {
		known = map[string]issuer.Claim{}
		t.claims[p.Name] = known
	}
	key := strings.Join(path, "\x00")
	claim, seen := known[key]
	if !seen {
		claim, _ = p.Claim(path...)
		known[key] = claim
	}
	return claim
}

// is says whether the claim has that path.
func (a asked) is(path ...string) bool { return slices.Equal(a.path, path) }

// name is the path as an author writes it.
func (a asked) name() string { return `"` + strings.Join(a.path, `"."`) + `"` }

// each looks at every claim that is asked for, in every way.
func (l *linter) each(look func(*way, asked)) {
	for i := range l.ways {
		for _, one := range l.ways[i].asked {
			look(&l.ways[i], one)
		}
	}
}

// of says whether the way is by a source of one of these profiles.
func (w *way) of(profiles ...string) bool { return slices.Contains(profiles, w.profile.Name) }

// asks says whether a claim is asked for of which fits says yes.
func (w *way) asks(fits func(asked) bool) bool { return slices.ContainsFunc(w.asked, fits) }

// asksFor says whether the claim of that path is asked for.
func (w *way) asksFor(path ...string) bool {
	return w.asks(func(a asked) bool { return a.is(path...) })
}

// asksKind says whether a claim of one of these kinds is asked for.
func (w *way) asksKind(kinds ...issuer.Kind) bool {
	return w.asks(func(a asked) bool { return slices.Contains(kinds, a.claim.Kind) })
}
