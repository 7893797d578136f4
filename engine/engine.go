package engine

import (
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/engine/opaque"
)

// Deps are what a generation needs and does not own: they outlive it. All must
// be set.
type Deps struct {
	Now          func() time.Time
	Random       io.Reader
	Policies     PolicyCompiler
	AppPasswords AppPasswordReader
	Uses         *AppPasswordUses
	Hasher       *PasswordHasher
	UsedTokens   UsedTokens
	Revocations  *Revocations
	SigningKeys  SigningKeyStore
	Published    *PublishedKeys
	KeySets      *jwks.Cache
	Verified     *VerifiedTokens
	Guesses      *Guesses
	Opaque       *opaque.Cache
	Audit        Auditor
}

// Engine is one generation: a configuration, compiled. It is immutable and
// used by any number of goroutines; a request that began with one ends with it.
type Engine struct {
	deps       Deps
	generation uint64
	spec       Summary
	tls        *tls.Certificate
	validity   []CertificateValidity // sorted
	peers      peers
	crowd      int                  // connections of clients at a time
	providers  map[string]*provider // by label
	clients    map[string]*provider // by client_id
	hosts      map[string]*provider // by external_host of forward_auth
	accounts   map[string]*account
	trusts     map[string]Kind // label of a source or certificate
	remotes    []*jwks.Remote
	opaques    []*opaque.Remote
	keys       settledKeys
	global     Metadata        // of the issuer that providers may share
	origins    map[string]bool // of pages that may ask some provider
	places     *places
}

// Summary is what may be told of a generation.
type Summary struct {
	Generation uint64
	Hash       string
	Providers  int
	Sources    int // certificates included
	Accounts   int
	Policies   int
}

// Summary tells what the generation holds.
func (e *Engine) Summary() Summary { return e.spec }

// Generation counts from 1, over the life of a daemon.
func (e *Engine) Generation() uint64 { return e.generation }

// Remotes are the remote key sets that the generation refers to.
func (e *Engine) Remotes() []*jwks.Remote { return e.remotes }

// Adopt says that this is the generation that serves: its remotes are kept, and
// those of others are forgotten.
func (e *Engine) Adopt() {
	e.deps.KeySets.Use(e.remotes)
	e.deps.Opaque.Use(e.opaques)
	e.deps.Published.serve(e.providers, e.deps.Now())
}

// Certificate is what the listener shows; nil without TLS.
func (e *Engine) Certificate() *tls.Certificate { return e.tls }

// Account returns the app-password rules of a declared account.
func (e *Engine) Account(label string) (AppPasswordRules, bool) {
	account, found := e.accounts[label]
	if !found {
		return AppPasswordRules{}, false
	}
	return account.rules, true
}

// AllowsOrigin says whether pages of an origin may ask a provider, by its
// client_id; "" stands for any.
func (e *Engine) AllowsOrigin(origin, clientID string) bool {
	if clientID == "" {
		return e.origins[origin]
	}
	p, found := e.clients[clientID]
	return found && p.origins[origin]
}

// With is the same generation with other dependencies, for whoever rehearses
// it: another clock, other records of what was used. What Compile took from the
// dependencies stays: compiled policies, keys, and handles of remote ones.
func (e *Engine) With(deps Deps) *Engine {
	other := *e
	other.deps = deps
	return &other
}

// TrustsPeer says whether what a peer tells of a request that it passes on
// (X-Forwarded-*, X-Original-*) counts. The zero address stands for a peer on
// a unix socket.
func (e *Engine) TrustsPeer(addr netip.Addr) bool { return e.peers.trust(addr) }

// MaxConnections is how many connections clients may have at a time.
func (e *Engine) MaxConnections() int { return e.crowd }

// peers are the trusted proxies.
type peers struct {
	prefixes []netip.Prefix
	unix     bool
}

func (p peers) trust(addr netip.Addr) bool {
	if !addr.IsValid() {
		return p.unix
	}
	addr = addr.Unmap()
	return slices.ContainsFunc(p.prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// Caller is what a door knows of a request besides its proof.
type Caller struct {
	RequestID string
	HTTP      PolicyHTTP
	// Header are the fields of the request that the door was asked with, under
	// their canonical names. Policies see those of them that are let through, and
	// where it is nil those of HTTP.
	Header map[string][]string
	Trace  *Trace // is told each step; nil for nobody
}

// attempt is one request on its way through the pipeline, and the record of
// the decision that it ends with.
type attempt struct {
	Decision
	caller   Caller
	places   *places
	provider *provider
	audience []string  // of what is to be issued
	scopes   []string  // as asked for
	username string    // of the account whose password was shown; "" where none was named
	notAfter time.Time // what is issued ends no later; the zero value: no bound
	only     []string  // what alone may be granted, by the app passwords that were shown; nil for anything
	added    []byte    // claims of what is to be issued, as JSON, where mappings made them; nil: those of the files

	room [2]AskedPolicy // for the first of Policies
}

// begin opens an attempt.
func (e *Engine) begin(caller Caller) *attempt {
	return &attempt{caller: caller, places: e.places, Decision: Decision{
		Time:       e.deps.Now(),
		RequestID:  caller.RequestID,
		Generation: e.generation,
		ConfigHash: e.spec.Hash,
		Door:       caller.HTTP.Door,
		ClientIP:   caller.HTTP.ClientIP,
		Input:      DecisionInput{HTTP: caller.HTTP},
	}}
}

// aims says which provider the attempt is for.
func (a *attempt) aims(p *provider) {
	a.provider, a.Provider = p, p.label
	a.showHeaders()
}

// knows says whose attempt it is.
func (a *attempt) knows(id *identity) {
	a.Subject, a.Source = id.subject, id.origin.String()
	if id.via != nil {
		a.Via = id.entry().String()
	}
}

// endsWith bounds the time of what is issued by that of what was shown.
func (a *attempt) endsWith(id *identity) {
	if a.notAfter.IsZero() || !id.expiry.IsZero() && id.expiry.Before(a.notAfter) {
		a.notAfter = id.expiry
	}
}

// input is what policies see of the attempt of an identity.
func (a *attempt) input(id *identity) *PolicyInput {
	return &PolicyInput{
		JWT:       id.claims,
		Scopes:    a.scopes,
		GrantType: a.Grant,
		Source:    id.source,
		Actor:     a.Actor,
		User:      id.user(),
		Provider:  a.Provider,
		HTTP:      a.caller.HTTP,
		Time:      a.Time,

		Certificate: id.certificate,
		Policies:    a.provider.asked,
	}
}

// Token answers a token request (RFC 6749 §3.2): authenticate, authorize,
// issue. A no is a *Refusal; any other error is m2md's own failure.
func (e *Engine) Token(ctx context.Context, caller Caller, req *oauth2.Request) (*oauth2.Token, error) {
	a := e.begin(caller)
	token, err := e.token(ctx, a, req)
	e.conclude(a, err)
	return token, err
}

func (e *Engine) token(ctx context.Context, a *attempt, req *oauth2.Request) (*oauth2.Token, error) {
	grant, known := grants[req.GrantType]
	if !known {
		return nil, refuse(oauth2.UnsupportedGrantType, "The grant type is not supported.", "the grant type is not supported")
	}
	a.Grant, a.scopes = req.GrantType, req.Scopes
	a.Input.Scopes, a.Input.Targets = req.Scopes, req.Targets
	provider, audience, err := e.target(req, grant.choosesByTarget)
	e.traceTarget(a, req, provider, err)
	if err != nil {
		return nil, err
	}
	a.aims(provider)
	a.audience = audience
	id, err := grant.admit(e, ctx, a, req)
	if err != nil {
		return nil, err
	}
	token, err := e.issue(a, id)
	if err == nil {
		token.IssuedType = issuedType(a, req)
	}
	return token, err
}

// admit is the first two steps of the pipeline, the same at every door:
// authenticate a proof, and authorize whom it shows.
func (e *Engine) admit(ctx context.Context, a *attempt, shown proof) (*identity, error) {
	a.Proof, a.username = shown.kind(), shown.username
	if err := e.withinGuesses(a, shown); err != nil {
		return nil, err
	}
	id, err := e.authenticate(ctx, a, shown)
	if err != nil {
		return nil, err
	}
	if a.username != "" {
		e.deps.Guesses.held(a.ClientIP, a.username)
	}
	a.knows(id)
	id, a.Rule, err = a.provider.authorize(ctx, a, id)
	if err != nil {
		return nil, err
	}
	a.knows(id)
	if id.via != nil || a.provider.notAfterInput { // a token of m2md could be renewed for ever
		a.endsWith(id)
	}
	return id, nil
}
