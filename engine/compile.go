package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Compile turns a configuration into a generation. Everything that can fail is
// done here; what it tells is complete, not only the first fault, and where it
// holds an Error the engine is nil. For a configuration without faults, it
// does with the signing keys in storage what is due. It makes no connection.
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
			origins:    map[string]bool{},
		},
		rings:    map[string]*ring{},
		decoded:  map[string]*signer{},
		trusts:   map[origin]*trust{},
		policies: map[string]Policy{},
		mappings: map[string]Mapping{},
		shadows:  map[string]time.Time{},
		called:   map[string]bool{},
	}
	c.server()
	c.storage()
	c.decisionLog()
	c.signingKeys()
	c.sources()
	c.accounts()
	c.compilePolicies()
	c.compileMappings()
	c.checkCalls()
	c.providers()
	c.requirements()
	c.idle()
	c.settleKeys(ctx)
	c.places()
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

	rings    map[string]*ring   // by label
	decoded  map[string]*signer // kept keys, by ID
	trusts   map[origin]*trust
	policies map[string]Policy    // nil for one that did not compile
	mappings map[string]Mapping   // the same
	shadows  map[string]time.Time // when policies begin to count
	called   map[string]bool      // by callPolicy
}

func (c *compiler) fault(at Range, summary, detail string, args ...any) *Finding {
	return c.tell(Error, at, summary, detail, args...)
}

// tell adds a finding and returns it, so that it can be given an ID.
func (c *compiler) tell(severity Severity, at Range, summary, detail string, args ...any) *Finding {
	c.found = append(c.found, Finding{Severity: severity, Summary: summary, Detail: fmt.Sprintf(detail, args...), At: at})
	return &c.found[len(c.found)-1]
}

// server checks the listener and its address as others see it.
func (c *compiler) server() {
	s := c.spec.Server
	c.engine.peers = peers{prefixes: s.TrustedProxies, unix: s.TrustUnix}
	c.engine.crowd = cmp.Or(s.MaxConnections, DefaultMaxConnections)
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
			rules:       a.AppPasswords,
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
		all = append(all, accountJWT{from, j.Require, j.AttrAt("require_claims"), j.Sensitive["require_claims"]})
	}
	return all
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
