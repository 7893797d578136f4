package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// settings tells what changes besides who gets in: for how long, for what, and
// what is believed of a request.
func (c *comparison) settings() {
	c.server()
	for i := range c.is.Spec.Providers {
		now := &c.is.Spec.Providers[i]
		v := c.view(true)
		old := c.was.provided[v.counterpart(engine.Ref{Kind: engine.KindProvider, Label: now.Label}).Label]
		if old != nil {
			c.issued(old, now)
			c.shared(old, now)
		}
		c.door(old, now)
	}
	for i := range c.is.Spec.Accounts {
		now := &c.is.Spec.Accounts[i]
		if old := c.was.accounts[now.Label]; old != nil {
			c.account(old, now)
		}
	}
}

// pair is an attribute on both sides.
type pair struct {
	c        *comparison
	provider string
	door     string
	was, is  engine.Decl
}

// tell adds an effect at an attribute.
func (p pair) tell(d Direction, attribute, what string) {
	e := Effect{Direction: d, Provider: p.provider, Door: p.door, What: what, At: p.is.AttrAt(attribute)}
	if !p.is.Has(attribute) && p.was.Has(attribute) {
		e.At, e.Gone = p.was.AttrAt(attribute), true
	}
	p.c.tell(e)
}

// known says whether both values can be compared, and tells where they cannot.
func (p pair) known(name string) bool {
	if !p.was.Unknown[name] && !p.is.Unknown[name] {
		return true
	}
	a := attribute{name: name}
	if p.c.was.canonical(a, p.was, nil) != p.c.is.canonical(a, p.is, nil) {
		p.tell(Undecided, name, name+" is not known here, and written otherwise")
	}
	return false
}

func (p pair) hides(name string) bool { return p.was.Sensitive[name] || p.is.Sensitive[name] }

// list tells of a list of which more is wider.
func (p pair) list(name, what string, was, is []string) {
	if !p.known(name) {
		return
	}
	if came := without(is, was); came != nil {
		p.tell(Widens, name, fmt.Sprintf(what, p.names(name, came), "newly"))
	}
	if gone := without(was, is); gone != nil {
		p.tell(Narrows, name, fmt.Sprintf(what, p.names(name, gone), "no longer"))
	}
}

func (p pair) names(attribute string, all []string) string {
	if p.hides(attribute) {
		return Hidden
	}
	return enumerate(all)
}

// flag tells of a switch of which on is wider.
func (p pair) flag(name, on, off string, was, is bool) {
	switch {
	case !p.known(name), was == is:
	case is:
		p.tell(Widens, name, on)
	default:
		p.tell(Narrows, name, off)
	}
}

// server tells of what holds for all.
func (c *comparison) server() {
	was, is := c.was.Spec.Server, c.is.Spec.Server
	p := pair{c: c, was: was.Decl, is: is.Decl}
	if p.known("trusted_proxies") {
		p.proxies(was, is)
	}
	if was.TLS != nil && is.TLS == nil {
		c.tell(Effect{Direction: Widens, What: "without tls, whoever is on the way can read and change what is said", At: was.TLS.At, Gone: true})
	}
	if was.TLS == nil && is.TLS != nil {
		c.tell(Effect{Direction: Narrows, What: "with tls, nobody on the way can read or change what is said", At: is.TLS.At})
	}
	if p.known("external_url") && was.ExternalURL != is.ExternalURL {
		p.tell(Alters, "external_url", "the issuer of all tokens changes: those that are out are no longer taken here, and who verifies tokens must be told")
	}
}

// proxies compare whose word of a request counts.
func (p pair) proxies(was, is engine.Server) {
	le, ge := within(is.TrustedProxies, was.TrustedProxies), within(was.TrustedProxies, is.TrustedProxies)
	le, ge = le && (was.TrustUnix || !is.TrustUnix), ge && (is.TrustUnix || !was.TrustUnix)
	names := func(a, b engine.Server) string {
		came := without(serverProxies(a), serverProxies(b))
		return p.names("trusted_proxies", came)
	}
	if !le {
		p.tell(Widens, "trusted_proxies", names(is, was)+" may newly tell from where, and for which host and path, a request comes")
	}
	if !ge {
		p.tell(Narrows, "trusted_proxies", names(was, is)+" may no longer tell from where, and for which host and path, a request comes")
	}
}

func serverProxies(s engine.Server) []string {
	all := prefixes(s.TrustedProxies)
	if s.TrustUnix {
		all = append(all, "unix")
	}
	return all
}

// within says whether each network of a lies in one of b.
func within(a, b []netip.Prefix) bool {
	return !slices.ContainsFunc(a, func(one netip.Prefix) bool {
		return !slices.ContainsFunc(b, func(around netip.Prefix) bool {
			return around.Bits() <= one.Bits() && around.Contains(one.Addr())
		})
	})
}

// issued tells of what a provider's tokens are.
func (c *comparison) issued(was, is *engine.Provider) {
	p := pair{c: c, provider: is.Label, was: was.Decl, is: is.Decl}
	if before, now := cmp.Or(was.AccessTokenTTL, engine.DefaultLifetime), cmp.Or(is.AccessTokenTTL, engine.DefaultLifetime); p.known("access_token_ttl") && before != now {
		what := fmt.Sprintf("tokens are valid for %s (was: %s)", duration(time.Duration(now)), duration(time.Duration(before)))
		if p.hides("access_token_ttl") {
			what = "for how long tokens are valid changed"
		}
		p.tell(directionOf(now > before), "access_token_ttl", what)
	}
	p.list("scopes", "tokens may %[2]s have the scope %[1]s", was.Scopes, is.Scopes)
	p.list("audience", "tokens are %[2]s for the audience %[1]s", audience(was), audience(is))
	p.list("allowed_origins", "pages of %[1]s may %[2]s ask for tokens", was.AllowedOrigins, is.AllowedOrigins)
	p.flag("not_after_input", "tokens may end later than what was shown for them", "tokens end no later than what was shown for them", !was.NotAfterInput, !is.NotAfterInput)
	for _, one := range []struct{ name, what string }{
		{"sub", "the sub of tokens is another, and what services make of it is theirs"},
		{"claims", "tokens have other claims, and what services make of them is theirs"},
	} {
		if p.changed(was, is, one.name) {
			p.tell(Undecided, one.name, one.what)
		}
	}
	if p.known("mappings") && mapped(c.was, was, c.renamed) != mapped(c.is, is, nil) {
		p.tell(Undecided, "mappings", "mappings changed, and with them the claims of tokens: what services make of them is theirs")
	}
	if p.known("compat") && was.Compat != is.Compat {
		p.tell(Undecided, "compat", "compat changed, and with it which requests are understood")
	}
	for _, one := range []struct{ name, what string }{
		{"issuer_mode", "the issuer of tokens changes: those that are out are no longer taken here, and who verifies tokens must be told"},
		{"client_id", "clients must name it by another client_id"},
		{"signing_key", "another key signs: who verifies tokens must have it"},
		{"policy_messages", "what policies say of a request is told to clients otherwise"},
	} {
		if p.changed(was, is, one.name) {
			p.tell(Alters, one.name, one.what)
		}
	}
	if was.Label != is.Label {
		c.tell(Effect{Direction: Alters, Provider: is.Label, What: "its name stands in its addresses, and in the issuer of its tokens: those that are out are no longer taken here, and who verifies tokens must be told", At: is.At})
	}
	if order(was) != order(is) {
		c.tell(Effect{Direction: Alters, Provider: is.Label, What: "the order of its accesses changed, and with it by which of several somebody gets in", At: is.At})
	}
}

// shared tells that tokens may be several accounts', which makes them nobody's:
// then less for one account can be more for another.
func (c *comparison) shared(was, is *engine.Provider) {
	old, several := c.was.claimed(was, c.renamed)
	now, too := c.is.claimed(is, nil)
	if old != now && (several || too) {
		c.tell(Effect{Direction: Undecided, Provider: is.Label, What: "which tokens of a source are those of which of several accounts changed, and one that is of two is nobody's", At: is.At})
	}
}

// claimed are the tokens of sources by which accounts get into a provider, as
// one text, and whether some access has several such accounts of one source.
func (s *side) claimed(p *engine.Provider, rename map[string]string) (text string, several bool) {
	var all []string
	for _, a := range p.Accesses {
		owners := map[string]string{}
		for _, from := range a.From {
			account := s.accounts[from.Label]
			if from.Kind != engine.KindServiceAccount || account == nil {
				continue
			}
			for _, j := range account.JWTs {
				if j.Source == nil {
					continue
				}
				source := renamedRef(*j.Source, rename)
				several = several || owners[source] != "" && owners[source] != from.Label
				owners[source] = from.Label
				all = append(all, from.Label+" "+source+" "+s.canonical(attribute{name: "require_claims", value: j.Require}, j.Decl, nil))
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n"), several
}

func directionOf(wider bool) Direction {
	if wider {
		return Widens
	}
	return Narrows
}

func audience(p *engine.Provider) []string {
	if p.Audience == nil {
		return []string{cmp.Or(p.ClientID, p.Label)}
	}
	return p.Audience
}

// mapped is what the mappings of a provider are, in their order.
func mapped(s *side, p *engine.Provider, rename map[string]string) string {
	var all []string
	for _, ref := range p.Mappings {
		if b := s.byName[ref.String()]; b != nil {
			all = append(all, s.body(b, rename))
		}
	}
	return strings.Join(all, "\n")
}

// order is that of the accesses that both sides could have.
func order(p *engine.Provider) string {
	var labels []string
	for _, a := range p.Accesses {
		labels = append(labels, a.Label)
	}
	return strings.Join(labels, " ")
}

// find is an attribute of a provider on a side.
func find(p *engine.Provider, name string) attribute {
	all := providerAttributes(p)
	return all[slices.IndexFunc(all, func(a attribute) bool { return a.name == name })]
}

// changed says whether an attribute of a provider means another thing.
func (p pair) changed(was, is *engine.Provider, name string) bool {
	return p.c.was.canonical(find(was, name), was.Decl, p.c.renamed) != p.c.is.canonical(find(is, name), is.Decl, nil)
}

// door tells of how a provider guards.
func (c *comparison) door(old, now *engine.Provider) {
	var was *engine.ForwardAuth
	if old != nil {
		was = old.ForwardAuth
	}
	is := now.ForwardAuth
	e := Effect{Provider: now.Label, Door: engine.DoorForwardAuth}
	switch {
	case was == nil && is == nil:
		return
	case is == nil:
		e.Direction, e.What, e.At, e.Gone = Narrows, "nothing is guarded any more: a proxy that asks is refused, so that nobody passes", was.At, true
		c.tell(e)
		return
	case was == nil:
		e.Direction, e.What, e.At = Widens, "it guards a service, where those pass who get its tokens", is.At
		c.tell(e)
		was = &engine.ForwardAuth{}
	}
	p := pair{c: c, provider: now.Label, door: engine.DoorForwardAuth, was: was.Decl, is: is.Decl}
	p.list("skip_paths", "%[1]s %[2]s need no proof", uncovered(was.SkipPaths, is.SkipPaths), uncovered(is.SkipPaths, was.SkipPaths))
	p.flag("accept", "a token of a source passes the door itself, for as long as it is valid", "tokens of sources no longer pass the door themselves", was.AcceptInput, is.AcceptInput)
	if !p.was.Unknown["accept"] && !p.is.Unknown["accept"] {
		p.flag("accept", "an opaque token of a source passes the door itself", "opaque tokens of sources no longer pass the door themselves", was.AcceptOpaque, is.AcceptOpaque)
	}
	if p.known("external_host") && was.At != (engine.Range{}) && was.ExternalHost != is.ExternalHost {
		p.tell(Undecided, "external_host", "another host is guarded: who could reach which of them is not known here")
	}
	if p.known("policy_headers") && len(without(is.PolicyHeaders, was.PolicyHeaders))+len(without(was.PolicyHeaders, is.PolicyHeaders)) > 0 && (len(is.Policies) > 0 || len(was.Policies) > 0 || is.AcceptInput || was.AcceptInput) {
		p.tell(Undecided, "policy_headers", "policies see other header fields of a request")
	}
	c.doorPolicies(p, was, is)
}

// uncovered leaves out the paths that those of another list cover already.
func uncovered(paths, by []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(by, func(one string) bool {
			folder, below := strings.CutSuffix(one, "*")
			return one != path && below && strings.HasPrefix(strings.TrimSuffix(path, "*"), folder)
		})
	})
}

// doorPolicies compare what is asked of each request.
func (c *comparison) doorPolicies(p pair, was, is *engine.ForwardAuth) {
	old, now := c.was.asks(was.Policies, c.Now), c.is.asks(is.Policies, c.Now)
	le, ge := stricter(now, is.Mode, old, was.Mode), stricter(old, was.Mode, now, is.Mode)
	if le && ge || was.At == (engine.Range{}) {
		return
	}
	e := Effect{Provider: p.provider, Door: p.door, What: policyChanges(old, was.Mode, now, is.Mode), Direction: Undecided, At: is.At}
	switch {
	case ge:
		e.Direction = Widens
	case le:
		e.Direction = Narrows
	}
	if at := changedPolicy(c.is, old, now); at != (engine.Range{}) {
		e.At = at
	} else if p.is.Has("policies") {
		e.At = p.is.AttrAt("policies")
	} else if p.was.Has("policies") {
		e.At, e.Gone = p.was.AttrAt("policies"), true
	}
	c.tell(e)
}

// account tells of what services are told of an account, and of how many app
// passwords it may have.
func (c *comparison) account(was, is *engine.ServiceAccount) {
	p := pair{c: c, was: was.Decl, is: is.Decl}
	what := "service_account." + is.Label + " %[2]s belongs to %[1]s, which guarded services are told"
	p.list("groups", what, was.Groups, is.Groups)
	if a, b := write(was.Attributes), write(is.Attributes); p.known("attributes") && a != b {
		p.tell(Alters, "attributes", "policies and mappings see other attributes of service_account."+is.Label)
	}
	old, now := was.AppPasswords, is.AppPasswords
	many := pair{c: c, was: old.Decl, is: now.Decl}
	if many.known("max_active") && old.MaxActive != now.MaxActive {
		most := func(n int) int { return cmp.Or(n, 1<<30) }
		many.tell(directionOf(most(now.MaxActive) > most(old.MaxActive)), "max_active", "service_account."+is.Label+" may have another number of app passwords")
	}
}
