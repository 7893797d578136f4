package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/m2md/m2md/engine/jwks"
)

// Compile turns a configuration into a generation. Everything that can fail is
// done here; what it tells is complete, not only the first fault, and where it
// holds an Error the engine is nil. It may keep new signing keys in storage,
// for a configuration without faults, and makes no connection.
func Compile(ctx context.Context, spec Spec, generation uint64, deps Deps) (*Engine, Findings) {
	c := &compiler{
		spec: spec,
		deps: deps,
		engine: &Engine{
			deps:       deps,
			generation: generation,
			spec:       summarize(spec, generation),
			providers:  map[string]*provider{},
			clients:    map[string]*provider{},
			hosts:      map[string]*provider{},
			accounts:   map[string]*account{},
			trusts:     map[string]Kind{},
		},
		signers:  map[string]*signers{},
		trusts:   map[origin]*trust{},
		policies: map[string]Policy{},
	}
	c.server()
	c.signingKeys(ctx)
	c.sources()
	c.accounts()
	c.compilePolicies()
	c.providers()
	c.requirements()
	c.idle()
	c.keepKeys(ctx)
	c.found.Sort()
	if c.found.Err() != nil {
		return nil, c.found
	}
	return c.engine, c.found
}

func summarize(spec Spec, generation uint64) Summary {
	return Summary{
		Generation: generation,
		Hash:       spec.Hash,
		Providers:  len(spec.Providers),
		Sources:    len(spec.Sources) + len(spec.Certificates),
		Accounts:   len(spec.Accounts),
		Policies:   len(spec.Policies),
	}
}

// compiler is one run of Compile. Its methods take the parts of the Spec in
// the order in which they need each other, and only add to found.
type compiler struct {
	spec   Spec
	deps   Deps
	engine *Engine
	found  Findings
	base   string // external_url

	signers  map[string]*signers
	made     []madeKey
	trusts   map[origin]*trust
	policies map[string]Policy // nil for one that did not compile
}

func (c *compiler) fault(at Range, summary, detail string, args ...any) {
	c.tell(Error, at, summary, detail, args...)
}

func (c *compiler) tell(severity Severity, at Range, summary, detail string, args ...any) {
	c.found = append(c.found, Finding{Severity: severity, Summary: summary, Detail: fmt.Sprintf(detail, args...), At: at})
}

// server checks the listener and its address as others see it.
func (c *compiler) server() {
	s := c.spec.Server
	c.engine.peers = peers{prefixes: s.TrustedProxies, unix: s.TrustUnix}
	c.base = s.ExternalURL
	if c.base == "" && !s.Unknown["external_url"] && !s.Unknown["listen"] {
		c.base = localURL(s)
		if c.base == "" {
			c.fault(s.At, `"external_url" is missing`,
				"Without it tokens would have no issuer, because m2md never takes it from a request. Give the URL under which clients reach this server, such as external_url = \"https://auth.example.com\". Only a server that listens on a loopback address can do without.")
		}
	}
	if s.TLS != nil && len(s.TLS.Unknown) == 0 {
		certificate, err := tls.X509KeyPair([]byte(s.TLS.Certificate.Content), []byte(s.TLS.PrivateKey.Content))
		if err != nil {
			c.fault(s.TLS.At, "the TLS certificate and key cannot be used together",
				"Both must be PEM, and the key must be that of the first certificate.")
			return
		}
		c.engine.tls = &certificate
		c.serverCertificate(s.TLS.Decl, c.engine.tls)
	}
}

// localURL is how clients of the same machine reach a server that says
// nothing: only for a TCP listener on a loopback address with a fixed port.
func localURL(s Server) string {
	host, port, err := net.SplitHostPort(s.Listen)
	addr, _ := netip.ParseAddr(host)
	if err != nil || port == "0" || host != "localhost" && !addr.IsLoopback() {
		return ""
	}
	scheme := "http"
	if s.TLS != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: s.Listen}).String()
}

// unique reports a label that an earlier block of the same namespace has.
func (c *compiler) unique(seen map[string]Decl, d Decl, what string) bool {
	if first, taken := seen[d.Label]; taken {
		c.fault(d.At, fmt.Sprintf("%s %q is declared twice", what, d.Label),
			"The first declaration is at %s. Rename one of them, or remove it.", first.At)
		return false
	}
	seen[d.Label] = d
	return true
}

// sources compiles what signs input JWTs. Sources and certificates share one
// namespace, because their labels begin the names of identities.
func (c *compiler) sources() {
	seen := map[string]Decl{}
	for _, s := range c.spec.Sources {
		t := c.trust(origin{KindOAuthSource, s.Label}, s.Decl, s.Trust, c.sourceKeys(s))
		t.opaque, t.holder = c.opaqueTokens(s), cmp.Or(s.Opaque.SubjectClaim, "sub")
		c.checkProfile(s)
		c.unique(seen, s.Decl, "the source")
	}
	for _, s := range c.spec.Certificates {
		c.trust(origin{KindCertificate, s.Label}, s.Decl, s.Trust, c.certificateKeys(s))
		c.unique(seen, s.Decl, "the source")
	}
	c.checkSharedKeys()
}

// trust adds a source whose keys were compiled; nil keys were told of already.
func (c *compiler) trust(from origin, d Decl, t Trust, keys keySource) *trust {
	c.checkTrust(from, d, t)
	c.engine.trusts[from.label] = from.kind
	c.trusts[from] = &trust{
		origin:      from,
		issuer:      t.Issuer,
		trustDomain: t.TrustDomain,
		audiences:   t.Audiences,
		anyAudience: t.AllowAnyAudience,
		require:     t.Require,
		times:       timeRules{leeway: t.Leeway, maxAge: t.MaxTokenAge},
		once:        t.UseOnce,
		keys:        keys,
	}
	return c.trusts[from]
}

// certificateKeys reads a certificate's PEM.
func (c *compiler) certificateKeys(s VerificationCertificate) keySource {
	if s.Unknown["certificate"] || s.Unknown["certificate_file"] {
		return certificateKeys{}
	}
	keys, err := parseCertificates([]byte(s.Certificate.Content))
	if err != nil {
		c.fault(firstOf(s.Decl, "certificate", "certificate_file"), "the certificate cannot be used", "Reading it: %s.", err)
		return nil
	}
	for _, key := range keys {
		if !key.notAfter.IsZero() {
			c.valid(firstOf(s.Decl, "certificate", "certificate_file"), CertificateValidity{s.Label, key.notBefore, key.notAfter})
		}
	}
	return keys
}

// sourceKeys reads inline keys, or takes the handle of remote ones.
func (c *compiler) sourceKeys(s OAuthSource) keySource {
	switch {
	case len(s.Unknown) > 0:
		return sourceKeys{jwks.NewSet(nil)}
	case s.JWKSURL != "" || s.WellKnownURL != "":
		return c.remoteKeys(s)
	case s.takesOpaque() && !s.hasKeys():
		return nil
	}
	at := firstOf(s.Decl, "oidc_jwks", "oidc_jwks_file")
	keys, skipped, err := jwks.Decode([]byte(s.JWKS.Content))
	if err != nil {
		c.fault(at, "the keys of the source cannot be read", "A JSON Web Key Set is needed, as from `kubectl get --raw /openid/v1/jwks`: %s.", withoutQuotes(err.Error()))
		return nil
	}
	for _, skip := range skipped {
		c.tell(Warning, at, fmt.Sprintf("key %d of the set is not used", skip.Index+1), "%s.", withoutQuotes(skip.Reason))
	}
	if len(keys) == 0 {
		c.fault(at, "the source has no usable key", "Every key of the set was skipped, so no token of this source could be verified.")
		return nil
	}
	return sourceKeys{jwks.NewSet(keys)}
}

func (c *compiler) remoteKeys(s OAuthSource) keySource {
	config := jwks.Config{
		URL:          s.JWKSURL,
		WellKnownURL: s.WellKnownURL,
		Issuer:       s.Issuer,
		AnyIssuer:    s.anyIssuer(),
		AllowHTTP:    s.AllowHTTP,
	}
	var ok bool
	if config.CAPEM, ok = c.roots(s); !ok {
		return nil
	}
	remote, err := c.deps.KeySets.Remote(config)
	if err != nil {
		c.fault(firstOf(s.Decl, "oidc_jwks_url", "oidc_well_known_url"), "the keys of the source cannot be fetched from there", "%s.", err)
		return nil
	}
	c.engine.remotes = append(c.engine.remotes, remote)
	return sourceKeys{remote}
}

// roots are those for what is fetched from a source; none for the system's.
func (c *compiler) roots(s OAuthSource) (pem []byte, ok bool) {
	given := s.Has("ca") || s.Has("ca_file")
	if given && s.CA.Content == "" { // which would stand for the system's roots
		c.fault(firstOf(s.Decl, "ca", "ca_file"), "the CA is empty", "Give the certificates of the roots as PEM, or leave it out to take the system's.")
		return nil, false
	}
	return []byte(s.CA.Content), true
}

// accounts compiles the service accounts.
func (c *compiler) accounts() {
	seen := map[string]Decl{}
	for _, a := range c.spec.Accounts {
		if !c.unique(seen, a.Decl, "the service account") {
			continue
		}
		for _, group := range a.Groups {
			if strings.Contains(group, "|") || strings.ContainsFunc(group, isControl) {
				c.fault(a.AttrAt("groups"), "a group's name holds a character that none may have", "Groups reach services in one header, separated by |: neither that nor control characters may stand in a name.")
			}
		}
		name := a.DisplayName
		if name == "" {
			name = a.Label
		}
		c.engine.accounts[a.Label] = &account{
			label:       a.Label,
			displayName: name,
			groups:      a.Groups,
			attributes:  a.Attributes,
			maxAge:      a.AppPasswords.MaxAge,
			maxActive:   a.AppPasswords.MaxActive,
			jwts:        c.accountJWTs(a),
		}
	}
}

// accountJWTs compiles by which tokens of sources an account gets in.
func (c *compiler) accountJWTs(a ServiceAccount) []accountJWT {
	var all []accountJWT
	for _, j := range a.JWTs {
		if j.Source == nil { // told of already
			continue
		}
		from := origin{j.Source.Kind, j.Source.Label}
		if c.trusts[from] == nil {
			c.undeclared(*j.Source, c.labels(from.kind))
			continue
		}
		all = append(all, accountJWT{from, j.Require})
	}
	return all
}

// compilePolicies compiles each script once, however many accesses use it.
func (c *compiler) compilePolicies() {
	seen := map[string]Decl{}
	for _, source := range c.spec.Policies {
		if !c.unique(seen, source.Decl, "the policy") {
			continue
		}
		if source.Unknown["script"] || source.Unknown["script_file"] {
			c.policies[source.Label] = nil
			continue
		}
		policy, err := c.deps.Policies.CompilePolicy(source)
		if err != nil {
			c.found = append(c.found, AsFindings(err, source.ScriptAt)...)
		}
		c.policies[source.Label] = policy
	}
}

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
	for _, p := range c.spec.Providers {
		if len(p.Accesses) > 0 && len(c.engine.providers[p.Label].reach) == 0 && c.found.Err() == nil {
			c.tell(Warning, p.At, fmt.Sprintf("nobody gets into provider %q", p.Label), "Its accesses name only tokens of providers which themselves let nobody in. Name a source or an account.")
		}
	}
}

func (c *compiler) provider(p Provider) *provider {
	compiled := &provider{
		label:    p.Label,
		clientID: p.ClientID,
		issuer:   c.base + "/providers/" + p.Label,
		audience: p.Audience,
		scopes:   map[string]bool{},
		lifetime: p.AccessTokenTTL,
		trusted:  map[*trust]bool{},
		byIssuer: map[string][]*trust{},
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
	compiled.preamble = preamble(compiled.issuer, compiled.clientID, compiled.audience)
	c.accesses(p, compiled)
	if keys := c.signersOf(p); keys != nil {
		compiled.signer = keys.current
		compiled.verifies = keys.byID()
		compiled.metadata = newMetadata(c.base, compiled, p.Scopes, jwks.Algorithms(), keys.all)
	}
	return compiled
}

// accesses compiles the ways in, and which sources' tokens they make acceptable.
func (c *compiler) accesses(p Provider, compiled *provider) {
	if len(p.Accesses) == 0 {
		c.tell(Warning, p.At, fmt.Sprintf("nobody gets into provider %q", p.Label), "It has no access block, and what no access names is refused.")
	}
	seen := map[string]Decl{}
	for _, a := range p.Accesses {
		c.unique(seen, a.Decl, "the access")
		one := access{label: a.Label, from: map[origin]bool{}, accounts: map[origin][]*account{}, require: a.Require, policies: c.policySet(a.Policies, a.Mode)}
		for _, ref := range a.From {
			if from, ok := c.resolve(a, ref); ok && !one.from[from] {
				one.from[from] = true
				c.proofs(p, compiled, &one, ref)
			}
		}
		compiled.accesses = append(compiled.accesses, one)
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
				"require_claims asks for the claims of an input JWT, and a service account has none. Give the account an access of its own.")
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

// undeclared reports a reference to nothing.
func (c *compiler) undeclared(ref Ref, known []string) {
	c.fault(ref.At, fmt.Sprintf("%s is not declared", ref), "No file has a block %s %q.%s", ref.Kind, ref.Label, DidYouMean(ref.Label, known))
}

func (c *compiler) labels(kind Kind) []string {
	var all []string
	for from := range c.trusts {
		if from.kind == kind {
			all = append(all, from.label)
		}
	}
	slices.Sort(all)
	return all
}

// policySet resolves the policies that an access or a door asks.
func (c *compiler) policySet(refs []Ref, mode PolicyMode) policies {
	set := policies{mode: mode}
	for _, ref := range refs {
		policy, declared := c.policies[ref.Label]
		if !declared {
			c.undeclared(ref, keysOf(c.policies))
			continue
		}
		set.all = append(set.all, namedPolicy{ref.Label, policy})
	}
	return set
}

// forwardAuth compiles how a provider guards.
func (c *compiler) forwardAuth(p Provider, compiled *provider, hosts map[string]Decl) {
	f := p.ForwardAuth
	verified, err := lru.New[tokenHash, *admitted](admittedTokens)
	if err != nil {
		panic(err) // only for a size below one
	}
	c.checkReplayAtDoor(f, compiled)
	compiled.forward = &forwardAuth{acceptInput: f.AcceptInput, acceptOpaque: f.AcceptOpaque, policies: c.policySet(f.Policies, AllPolicies), verified: verified}
	for _, path := range f.SkipPaths {
		compiled.forward.skip = append(compiled.forward.skip, parseSkipPath(path))
	}
	if f.ExternalHost == "" {
		return
	}
	if first, taken := hosts[f.ExternalHost]; taken {
		c.fault(f.AttrAt("external_host"), "the external_host is taken", "Provider %q at %s guards it already.", first.Label, first.At)
		return
	}
	hosts[f.ExternalHost] = p.Decl
	c.engine.hosts[f.ExternalHost] = compiled
}

// quotes are what a message says in the words of what it read.
var quotes = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// withoutQuotes takes what was read out of a message: it may have come from
// env() or file().
func withoutQuotes(message string) string { return quotes.ReplaceAllString(message, "…") }

// firstOf is the place of whichever of two attributes the block has.
func firstOf(d Decl, a, b string) Range {
	if d.Has(a) {
		return d.AttrAt(a)
	}
	return d.AttrAt(b)
}

func keysOf[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
