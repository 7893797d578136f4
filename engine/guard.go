package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/oauth2"
)

// GuardRequest asks whether a request to a guarded service may pass. What is
// not known, or not to be believed because an untrusted peer said it, is "".
type GuardRequest struct {
	Provider   string // label; "" to find it by the host
	Host       string // of the guarded request, as its client wrote it
	Credential Credential
	// Malformed says what is wrong with the request as it arrived, which then
	// is refused; "" where nothing is.
	Malformed string
}

// Credential is what an Authorization header holds. The zero value is none.
type Credential struct {
	Bearer   string // RFC 6750 §2.1
	Username string // RFC 7617; it counts beside a password that was brought along
	Password string // RFC 7617
}

// Admission is a yes, with what the guarded service is told.
type Admission struct {
	Headers []Header
}

// Header is one header field; its value is a slice so that it can be put into
// an http.Header as it is. It must not be changed.
type Header struct {
	Name  string // in canonical form
	Value []string
}

// admittedTokens is how many bearer tokens a provider remembers. They are
// forgotten with the generation, so a changed file is seen at once.
const admittedTokens = 10_000

// admitted is a bearer token that was verified and is let in by this generation.
type admitted struct {
	admission Admission
	identity  identity
	tokenID   string
	issued    time.Time
	expiry    time.Time
}

// Guard answers for a request to a guarded service. A no is a *Refusal, whose
// code tells the door which status to give: oauth2.InvalidToken and
// oauth2.InvalidClient for somebody who is not recognised,
// oauth2.UnauthorizedClient for somebody who may not.
func (e *Engine) Guard(ctx context.Context, caller Caller, req GuardRequest) (*Admission, error) {
	a := e.begin(caller)
	admission, err := e.guard(ctx, a, req)
	e.conclude(a, err)
	return admission, err
}

func (e *Engine) guard(ctx context.Context, a *attempt, req GuardRequest) (*Admission, error) {
	if req.Malformed != "" {
		return nil, refuse(oauth2.UnauthorizedClient, "The request is malformed.", "%s", req.Malformed)
	}
	provider := e.guarded(req)
	e.traceGuarded(a, req, provider)
	if provider == nil {
		return nil, refuse(oauth2.UnauthorizedClient, sayNotServed, "no provider with forward_auth has that name or external_host")
	}
	a.aims(provider)
	door := provider.forward
	if door.skips(a.caller.HTTP.Path) {
		a.Rule = "skip_paths"
		a.traceSkipped()
		return provider.anonymous(), nil
	}
	found, err := e.recognise(ctx, a, req.Credential)
	if err != nil {
		return nil, err
	}
	a.knows(&found.identity)
	a.TokenID = found.tokenID
	if err := a.askDoor(ctx, &found.identity); err != nil {
		return nil, err
	}
	return &found.admission, nil
}

// askDoor asks the policies of forward_auth.
func (a *attempt) askDoor(ctx context.Context, id *identity) error {
	door := &a.provider.forward.policies
	if len(door.all) == 0 {
		return nil
	}
	asked, told := len(a.Policies), len(a.Messages)
	miss := door.ask(ctx, a, id, "")
	a.tracePolicies("", asked, told)
	if miss != "" {
		return a.noEntry("forward_auth of provider %s: %s", a.Provider, miss)
	}
	return nil
}

// guarded finds the provider by its label or by the host of the request.
func (e *Engine) guarded(req GuardRequest) *provider {
	if req.Provider != "" {
		if p := e.providers[req.Provider]; p != nil && p.forward != nil {
			return p
		}
		return nil
	}
	host := strings.ToLower(req.Host)
	if p, found := e.hosts[host]; found {
		return p
	}
	name, _, _ := strings.Cut(host, ":")
	return e.hosts[name]
}

// recognise answers whose request it is and that it may come in, policies of
// forward_auth aside.
func (e *Engine) recognise(ctx context.Context, a *attempt, shown Credential) (*admitted, error) {
	switch {
	case shown.Bearer != "":
		return e.recogniseBearer(ctx, a, shown.Bearer)
	case shown.Password != "":
		return e.admitAtDoor(ctx, a, shown.proof())
	default:
		return nil, refuse(oauth2.InvalidToken, "No credentials were given.", "the request has no credentials that can be read")
	}
}

// recogniseBearer takes a token that m2md issued for this provider, and a
// source's token where the provider accepts those at the door.
func (e *Engine) recogniseBearer(ctx context.Context, a *attempt, raw string) (*admitted, error) {
	a.Proof = "access_token"
	door := a.provider.forward
	hash := hashToken(raw)
	if seen, found := door.verified.Get(hash); found && a.Time.Before(seen.expiry) && !a.tracing() {
		if err := e.checkRevoked(a.provider, &seen.identity, seen.tokenID, seen.issued); err != nil {
			return nil, badToken("bearer token: %s", err)
		}
		return seen, nil
	}
	token, err := parseJWS(raw)
	if err != nil {
		if door.acceptOpaque {
			return e.admitAtDoor(ctx, a, proof{opaque: raw})
		}
		return nil, badToken("%s", err)
	}
	if door.acceptInput && !a.provider.calls(token.claims) {
		return e.admitAtDoor(ctx, a, proof{jwt: raw})
	}
	a.traceParsed(token, nil)
	e.traceOwn(a, a.provider, token, a.Time)
	found, err := e.admitOwn(a.provider, token, a.Time)
	if err != nil {
		a.saw(token.claims, false)
		return nil, err
	}
	door.verified.Add(hash, found)
	return found, nil
}

// calls says whether a token calls itself one of the provider's.
func (p *provider) calls(claims Claims) bool {
	shared := p.mode == issuerGlobal && claims["client_id"] != any(p.clientID)
	return claims["iss"] == any(p.issuer) && !shared
}

// admitAtDoor runs the whole access, as the token endpoint would.
func (e *Engine) admitAtDoor(ctx context.Context, a *attempt, shown proof) (*admitted, error) {
	id, err := e.admit(ctx, a, shown)
	if err != nil {
		return nil, err
	}
	if err := e.spend(ctx, a, id); err != nil {
		return nil, err
	}
	return &admitted{admission: Admission{a.provider.headers(id, "")}, identity: *id}, nil
}

// admitOwn takes an access token that m2md issued for this provider, where whom
// it was issued to still stands in an access. The claims and policies of the
// access were asked when it was issued.
func (e *Engine) admitOwn(p *provider, token *jws, now time.Time) (*admitted, error) {
	own, err := e.readOwn(p, token, now)
	if err != nil {
		return nil, badToken("bearer token: %s", err)
	}
	if !p.reach[own.origin] {
		return nil, noAccess("no access of provider %s names %s any more", p.label, own.origin)
	}
	return &admitted{admission: Admission{p.headers(&own.identity, own.scope)}, identity: own.identity, tokenID: own.id, issued: own.issued, expiry: own.expiry}, nil
}

// Names of the headers that tell a guarded service who asks. They are always
// all set, empty where there is nothing to say, so that none that a client
// sends can stand in their place.
const (
	headerSubject  = "X-M2md-Subject"
	headerName     = "X-M2md-Name"
	headerGroups   = "X-M2md-Groups" // separated by |
	headerSource   = "X-M2md-Source"
	headerProvider = "X-M2md-Provider"
	headerScope    = "X-M2md-Scope"
)

// headers are what the guarded service is told of an identity.
func (p *provider) headers(id *identity, scope string) []Header {
	user := id.user()
	return []Header{
		{headerSubject, []string{headerText(p.subject(id))}},
		{headerName, []string{headerText(user.DisplayName)}},
		{headerGroups, []string{headerText(strings.Join(user.Groups, "|"))}},
		{headerSource, []string{id.origin.String()}},
		{headerProvider, []string{p.label}},
		{headerScope, []string{scope}},
	}
}

// anonymous is the admission of a path that needs no proof: every header is
// there, and empty.
func (p *provider) anonymous() *Admission {
	names := []string{headerSubject, headerName, headerGroups, headerSource, headerProvider, headerScope}
	headers := make([]Header, len(names))
	for i, name := range names {
		headers[i] = Header{name, []string{""}}
	}
	return &Admission{headers}
}

// headerText makes any text safe in a header field: what is not printable
// ASCII, the percent sign, and a space at either end are percent-encoded, so
// that two texts never become one.
func headerText(s string) string {
	var encoded strings.Builder
	for i := range len(s) {
		atEnd := i == 0 || i == len(s)-1
		if c := s[i]; c < ' ' || c > '~' || c == '%' || c == ' ' && atEnd {
			fmt.Fprintf(&encoded, "%%%02X", c)
		} else {
			encoded.WriteByte(c)
		}
	}
	return encoded.String()
}
