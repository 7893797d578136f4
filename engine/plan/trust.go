package plan

import (
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// part is one thing that must hold of who gets in, before and after.
type part struct {
	what string // how it differs, in words; "" where it does not
	le   bool   // whoever passes what is provably passed what was
	ge   bool   // and the other way
	// opens and closes say, where neither is so, that somebody provably passes
	// what is alone, or what was alone.
	opens, closes bool
	// doubtful says that le or ge, where it is not so, may be so all the same.
	doubtful bool
	at       engine.Range
	gone     bool
}

// same is a part that did not change.
func same() part { return part{le: true, ge: true} }

// trusted is what is believed of a source or certificate.
type trusted struct {
	s    *side
	decl engine.Decl
	engine.Trust
	source *engine.OAuthSource // nil for a certificate
	keys   []string            // those that stand in the files
	pinned bool                // keys are all that there are
	attrs  map[string]attribute
}

// trusted finds what an origin is; nil where it is no source.
func (s *side) trusted(ref engine.Ref) *trusted {
	t := &trusted{s: s, attrs: map[string]attribute{}}
	b := s.byName[ref.String()]
	if b == nil {
		return nil
	}
	switch ref.Kind {
	case engine.KindOAuthSource:
		t.source = s.sources[ref.Label]
		t.decl, t.Trust = t.source.Decl, t.source.Trust
		t.keys, t.pinned = pinnedKeys(t.source)
	case engine.KindCertificate:
		one := s.certs[ref.Label]
		t.decl, t.Trust = one.Decl, one.Trust
		t.keys, t.pinned = pemKeys(one.Certificate), one.Certificate.Content != ""
	default:
		return nil
	}
	for _, a := range b.attrs {
		t.attrs[a.name] = a
	}
	return t
}

func pinnedKeys(s *engine.OAuthSource) (thumbprints []string, pinned bool) {
	if s.JWKS.Content == "" {
		return nil, false
	}
	keys, _, err := jwks.Decode([]byte(s.JWKS.Content))
	if err != nil {
		return nil, false
	}
	for _, key := range keys {
		thumbprints = append(thumbprints, key.Thumbprint)
	}
	return thumbprints, true
}

// pemKeys tells certificates apart by what they say; that a certificate was
// renewed for the same key is not seen here.
func pemKeys(f engine.File) (sums []string) {
	for one, rest := pem.Decode([]byte(f.Content)); one != nil; one, rest = pem.Decode(rest) {
		sum := sha256.Sum256(one.Bytes)
		sums = append(sums, string(sum[:]))
	}
	return sums
}

// unchanged says whether an attribute means on both sides the same.
func (t *trusted) unchanged(now *trusted, name string) bool {
	a, is := t.attrs[name]
	b, too := now.attrs[name]
	return is == too && (!is || t.s.canonical(a, t.decl, nil) == now.s.canonical(b, now.decl, nil))
}

func (t *trusted) unknown(name string) bool { return t.decl.Unknown[t.attrs[name].given(t.decl)] }

// parts compare what is believed of a source before and after.
func (was *trusted) parts(is *trusted) []part {
	var all []part
	add := func(p part, names ...string) {
		if p.le && p.ge {
			return
		}
		for _, name := range names {
			if a, there := is.attrs[name]; there && a.given(is.decl) != "" {
				p.at, p.gone = a.at(is.decl), false
				break
			}
			if a, there := was.attrs[name]; there && a.given(was.decl) != "" {
				p.at, p.gone = a.at(was.decl), true
			}
		}
		if p.at == (engine.Range{}) {
			p.at = is.decl.At
		}
		p.what = fmt.Sprintf("of %s, %s", nameOf(is), p.what)
		all = append(all, p)
	}
	for _, name := range []string{"issuer", "audiences", "require_claims", "leeway", "max_token_age", "replay", "trust_domain"} {
		if was.unknown(name) || is.unknown(name) {
			if !was.unchanged(is, name) {
				add(part{what: name + " is not known here, and written otherwise"}, name)
			}
			continue
		}
		add(was.part(is, name), name, "allow_any_"+strings.TrimSuffix(name, "s"))
	}
	add(was.keyPart(is), "oidc_jwks", "certificate", "oidc_jwks_url", "oidc_well_known_url")
	for _, name := range []string{"introspection_url", "profile_url", "subject_claim", "consumer_key", "ca"} {
		if !was.unchanged(is, name) {
			add(part{what: name + " changed, so that whose tokens count is for another to say"}, name)
		}
	}
	if !was.unchanged(is, "allow_http") {
		http := is.source != nil && is.source.AllowHTTP
		add(part{what: "allow_http changed: whoever is on the way can say whose tokens count", le: !http, ge: http}, "allow_http")
	}
	if !was.unchanged(is, "profile") && (was.spiffe() || is.spiffe()) {
		add(part{what: "profile changed"}, "profile")
	}
	return all
}

func (t *trusted) spiffe() bool { return t.source != nil && t.source.Profile == "spiffe" }

func nameOf(t *trusted) string {
	kind := engine.KindCertificate
	if t.source != nil {
		kind = engine.KindOAuthSource
	}
	return string(kind) + "." + t.decl.Label
}

// part compares one attribute, whose values are known.
func (was *trusted) part(is *trusted, name string) part {
	shows := !was.decl.Sensitive[name] && !is.decl.Sensitive[name]
	switch name {
	case "issuer":
		return is.issuerPart(was)
	case "audiences":
		le := was.AllowAnyAudience || !is.AllowAnyAudience && subset(is.Audiences, was.Audiences)
		ge := is.AllowAnyAudience || !was.AllowAnyAudience && subset(was.Audiences, is.Audiences)
		what := "audiences changed"
		switch {
		case is.AllowAnyAudience:
			what = "tokens for any audience count"
		case was.AllowAnyAudience:
			what = "only tokens for some audiences count"
		case shows:
			what = listChange("audiences", was.Audiences, is.Audiences)
		}
		return part{what: what, le: le, ge: ge, opens: !le, closes: !ge}
	case "require_claims":
		return part{what: strings.Join(requirementChanges("", was.Require, is.Require, shows), ", "), le: implies(is.Require, was.Require), ge: implies(was.Require, is.Require), doubtful: patterned(was.Require) || patterned(is.Require)}
	case "leeway":
		return bound("leeway", was.Leeway, is.Leeway)
	case "max_token_age":
		return bound("max_token_age", endless(was.MaxTokenAge), endless(is.MaxTokenAge))
	case "replay":
		return part{what: "how often a token counts changed", le: is.UseOnce || !was.UseOnce, ge: was.UseOnce || !is.UseOnce}
	default:
		le := was.TrustDomain == "" || was.TrustDomain == is.TrustDomain
		ge := is.TrustDomain == "" || was.TrustDomain == is.TrustDomain
		return part{what: "the trust domain changed", le: le, ge: ge, opens: !le && !ge, closes: !le && !ge}
	}
}

// endless is no bound as a bound.
func endless(d time.Duration) time.Duration {
	if d == 0 {
		return 1<<63 - 1
	}
	return d
}

func bound(name string, was, is time.Duration) part {
	words := func(d time.Duration) string {
		if d == 1<<63-1 {
			return "without a bound"
		}
		return duration(d)
	}
	return part{what: fmt.Sprintf("%s is %s (was: %s)", name, words(is), words(was)), le: is <= was, ge: was <= is}
}

// issuerPart compares whose tokens they must be.
func (is *trusted) issuerPart(was *trusted) part {
	anyOf := func(t *trusted) bool { return t.AllowAnyIssuer || t.TrustDomain != "" && t.Issuer == "" }
	if anyOf(was) && anyOf(is) || !anyOf(was) && !anyOf(is) && was.Issuer == is.Issuer {
		return same()
	}
	p := part{what: "the issuer changed", le: anyOf(was), ge: anyOf(is)}
	if anyOf(is) {
		p.what = "tokens of any issuer count"
	}
	p.opens, p.closes = !p.le, !p.ge
	return p
}

// keyPart compares who may sign.
func (was *trusted) keyPart(is *trusted) part {
	names := []string{"oidc_jwks", "certificate", "oidc_jwks_url", "oidc_well_known_url"}
	if !slices.ContainsFunc(names, func(name string) bool { return !was.unchanged(is, name) }) {
		return same()
	}
	if !was.pinned || !is.pinned || slices.ContainsFunc(names, func(name string) bool { return was.unknown(name) || is.unknown(name) }) {
		return part{what: "the keys are to be had elsewhere, and who signs with them is not known here"}
	}
	p := part{le: subset(is.keys, was.keys), ge: subset(was.keys, is.keys)}
	p.opens, p.closes = !p.le, !p.ge
	switch {
	case p.le:
		p.what = "a key signs no longer"
	case p.ge:
		p.what = "another key may sign, besides"
	default:
		p.what = "other keys may sign"
	}
	return p
}

// subset says whether all of a are in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(one string) bool { return !slices.Contains(b, one) })
}

// listChange tells what came to a list and what left it.
func listChange(name string, was, is []string) string {
	var told []string
	if came := without(is, was); came != nil {
		told = append(told, fmt.Sprintf("%s has %s besides", name, enumerate(came)))
	}
	if gone := without(was, is); gone != nil {
		told = append(told, fmt.Sprintf("%s has %s no longer", name, enumerate(gone)))
	}
	return strings.Join(told, ", and ")
}

func without(a, b []string) (rest []string) {
	for _, one := range a {
		if !slices.Contains(b, one) && !slices.Contains(rest, one) {
			rest = append(rest, one)
		}
	}
	return rest
}

// enumerate quotes the first of many.
func enumerate(all []string) string {
	const most = 5
	var quoted []string
	for _, one := range all[:min(len(all), most)] {
		quoted = append(quoted, fmt.Sprintf("%q", one))
	}
	text := strings.Join(quoted, ", ")
	if len(all) > most {
		text += fmt.Sprintf(" and %d more", len(all)-most)
	}
	return text
}
