package engine

import (
	"fmt"
	"maps"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
)

// providers compiles the providers, on top of everything else.
func (c *compiler) providers() {
	seen := map[string]Decl{}
	clients := map[string]Decl{}
	hosts := map[string]Decl{}
	for _, p := range c.spec.Providers {
		if !c.unique(seen, p.Decl, "the provider") {
			continue
		}
		compiled := c.provider(p)
		c.engine.providers[p.Label] = compiled
		if first, taken := clients[compiled.clientID]; taken {
			c.fault(p.AttrAt("client_id"), "the client_id is taken", "Provider %q at %s has it already, be it written there or as its label. A request names its provider by the client_id, so each needs its own.", first.Label, first.At)
		}
		clients[compiled.clientID] = p.Decl
		c.engine.clients[compiled.clientID] = compiled
		if p.ForwardAuth != nil {
			c.forwardAuth(p, compiled, hosts)
		}
	}
	c.federate()
	c.checkSubjects()
	for _, p := range c.spec.Providers {
		if len(p.Accesses) > 0 && len(c.engine.providers[p.Label].reach) == 0 && c.found.Err() == nil {
			c.tell(Warning, p.At, fmt.Sprintf("nobody gets into provider %q", p.Label), "Its accesses name only tokens of providers which themselves let nobody in. Name a source or an account.").ID = "CFG002"
		}
	}
}

func (c *compiler) provider(p Provider) *provider {
	compiled := &provider{
		label:         p.Label,
		clientID:      p.ClientID,
		mode:          issuerModeOf(c.spec.Server, p),
		audience:      p.Audience,
		subjects:      subjectModes[p.Subject],
		claims:        p.Claims,
		mappings:      c.mappingsOf(p),
		hasScripts:    len(p.Mappings) > 0,
		tellsMessages: p.PolicyMessages,
		asked:         c.policies,
		lenient:       p.Compat == CompatAuthentik,
		origins:       map[string]bool{},
		notAfterInput: p.NotAfterInput,
		scopes:        map[string]bool{},
		lifetime:      p.AccessTokenTTL,
		trusted:       map[*trust]bool{},
		byIssuer:      map[string][]*trust{},
	}
	compiled.issuer = compiled.mode.issuer(c.base, p.Label)
	for _, from := range p.AllowedOrigins {
		compiled.origins[from] = true
		c.engine.origins[from] = true
	}
	if compiled.clientID == "" {
		compiled.clientID = p.Label
	}
	if compiled.audience == nil {
		compiled.audience = []string{compiled.clientID}
	}
	if compiled.lifetime == 0 {
		compiled.lifetime = DefaultLifetime
	}
	for _, scope := range p.Scopes {
		compiled.scopes[scope] = true
	}
	c.checkClaims(p)
	compiled.preamble = preamble(compiled.issuer, compiled.clientID, compiled.audience, mustEncode(compiled.claims))
	c.accesses(p, compiled)
	if compiled.ring = c.ringOf(p); compiled.ring != nil {
		c.checkPile(p, compiled.ring, compiled.lifetime)
	}
	return compiled
}

// accesses compiles the ways in, and which sources' tokens they make acceptable.
func (c *compiler) accesses(p Provider, compiled *provider) {
	if len(p.Accesses) == 0 {
		c.tell(Warning, p.At, fmt.Sprintf("nobody gets into provider %q", p.Label), "It has no access block, and what no access names is refused.").ID = "CFG002"
	}
	seen := map[string]Decl{}
	for _, a := range p.Accesses {
		c.unique(seen, a.Decl, "the access")
		one := access{label: a.Label, from: map[origin]bool{}, accounts: map[origin][]*account{}, require: a.Require, policies: c.policySet(a.Decl, a.Policies, a.Mode)}
		for _, ref := range a.From {
			if from, ok := c.resolve(a, ref); ok && !one.from[from] {
				one.from[from] = true
				c.proofs(p, compiled, &one, ref)
			}
		}
		compiled.accesses = append(compiled.accesses, one)
		compiled.hasScripts = compiled.hasScripts || len(a.Policies) > 0
	}
}

// proofs makes acceptable what whom an access names can show.
func (c *compiler) proofs(p Provider, compiled *provider, a *access, ref Ref) {
	from := origin{ref.Kind, ref.Label}
	if trust := c.trusts[from]; trust != nil {
		c.accept(p, compiled, trust, ref)
	}
	if from.kind != KindServiceAccount {
		return
	}
	owner := c.engine.accounts[from.label]
	for _, one := range owner.jwts {
		if !slices.Contains(a.accounts[one.source], owner) {
			a.accounts[one.source] = append(a.accounts[one.source], owner)
			c.accept(p, compiled, c.trusts[one.source], ref)
		}
	}
}

// accept makes tokens of a source acceptable.
func (c *compiler) accept(p Provider, compiled *provider, t *trust, ref Ref) {
	if compiled.trusted[t] {
		return
	}
	compiled.trusted[t] = true
	if t.keys != nil {
		if t.issuer == "" {
			compiled.anyIssuer = append(compiled.anyIssuer, t)
		} else {
			compiled.byIssuer[t.issuer] = append(compiled.byIssuer[t.issuer], t)
		}
	}
	if t.opaque == nil {
		return
	}
	if compiled.opaque != nil {
		c.fault(ref.At, fmt.Sprintf("opaque tokens of %s and of %s cannot be told apart", compiled.opaque.origin, t.origin),
			"An opaque token does not say who issued it, so provider %q would show each to both of them. Let one provider take those of one source.", p.Label)
		return
	}
	compiled.opaque = t
}

// resolve finds what an access names in its from.
func (c *compiler) resolve(a Access, ref Ref) (origin, bool) {
	from := origin{ref.Kind, ref.Label}
	switch ref.Kind {
	case KindProvider:
		if !slices.ContainsFunc(c.spec.Providers, func(p Provider) bool { return p.Label == ref.Label }) {
			c.undeclared(ref, c.providerLabels())
			return from, false
		}
		return from, true
	case KindServiceAccount:
		account, declared := c.engine.accounts[ref.Label]
		if !declared {
			c.undeclared(ref, keysOf(c.engine.accounts))
			return from, false
		}
		if a.Require != nil && len(account.jwts) == 0 {
			c.tell(Warning, a.AttrAt("require_claims"), fmt.Sprintf("%s never gets in by this access", ref),
				"require_claims asks for the claims of an input JWT, and a service account has none. Give the account an access of its own.").ID = "CFG009"
		}
		return from, true
	default:
		if c.trusts[from] == nil {
			c.undeclared(ref, c.labels(ref.Kind))
			return from, false
		}
		c.checkSubject(a, ref)
		return from, true
	}
}

func (c *compiler) providerLabels() []string {
	var all []string
	for _, p := range c.spec.Providers {
		all = append(all, p.Label)
	}
	slices.Sort(all)
	return all
}

// federate makes tokens of a provider proof at those that name it, and then
// finds who can get in where, by whatever way.
func (c *compiler) federate() {
	all := c.engine.providers
	for _, p := range all {
		p.reach, p.federated = map[origin]bool{}, map[string][]*provider{}
		for _, access := range p.accesses {
			for from := range access.from {
				if from.kind != KindProvider {
					p.reach[from] = true
				} else if other := all[from.label]; !slices.Contains(p.federated[other.issuer], other) {
					p.federated[other.issuer] = append(p.federated[other.issuer], other)
				}
			}
		}
	}
	for changed := true; changed; { // until nobody new gets in anywhere
		changed = false
		for _, p := range all {
			before := len(p.reach)
			for _, same := range p.federated {
				for _, other := range same {
					maps.Copy(p.reach, other.reach)
				}
			}
			changed = changed || len(p.reach) != before
		}
	}
}

// forwardAuth compiles how a provider guards.
func (c *compiler) forwardAuth(p Provider, compiled *provider, hosts map[string]Decl) {
	f := p.ForwardAuth
	verified, err := lru.New[tokenHash, *admitted](admittedTokens)
	if err != nil {
		panic(err) // only for a size below one
	}
	c.checkReplayAtDoor(f, compiled)
	compiled.forward = &forwardAuth{acceptInput: f.AcceptInput, acceptOpaque: f.AcceptOpaque, policies: c.policySet(f.Decl, f.Policies, f.Mode), headers: c.policyHeaders(f), verified: verified}
	compiled.hasScripts = compiled.hasScripts || len(f.Policies) > 0
	for _, path := range f.SkipPaths {
		compiled.forward.skip = append(compiled.forward.skip, parseSkipPath(path))
	}
	if f.ExternalHost == "" {
		return
	}
	if first, taken := hosts[f.ExternalHost]; taken {
		c.fault(f.AttrAt("external_host"), "the external_host is taken", "Provider %q at %s guards it already.", first.Label, first.At).ID = "CFG003"
		return
	}
	hosts[f.ExternalHost] = p.Decl
	c.engine.hosts[f.ExternalHost] = compiled
}
