package rehearse

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/engine/strictjson"
)

// Case is somebody who asks.
type Case = engine.Case

// Rehearsal is a configuration that serves nobody but cases. Its methods are
// safe for concurrent use.
type Rehearsal struct {
	deps   engine.Deps
	engine *engine.Engine
	stage  *stage
	now    time.Time
}

// New compiles a configuration with throw-away keys. Of deps, SigningKeys must
// be of nobody else; AppPasswords, UsedTokens, Guesses, Uses, Revocations and
// Audit are not used. Its findings are those of the configuration as it was
// changed: whoever wants to judge the files compiles them as they are, first.
// Where they hold an Error, the Rehearsal is nil. The time of cases that say
// none is that of this call.
func New(ctx context.Context, spec engine.Spec, deps engine.Deps) (*Rehearsal, engine.Findings) {
	r := &Rehearsal{deps: deps, now: deps.Now().Truncate(time.Second)}
	staged, err := newStage(spec, deps.Random)
	if err != nil {
		return nil, engine.Findings{{Summary: err.Error(), At: spec.Server.At}}
	}
	r.stage = staged
	compiled, found := engine.Compile(ctx, staged.spec, 1, deps)
	if compiled == nil {
		staged.close()
		return nil, found
	}
	r.engine = compiled
	return r, found
}

// Usual are the claims that a token of a source or certificate usually has,
// issued now; nil for what signs nothing.
func (r *Rehearsal) Usual(from engine.Ref) map[string]any {
	signer, declared := r.stage.signers[engine.Ref{Kind: from.Kind, Label: from.Label}]
	if !declared {
		return nil
	}
	return signer.usual(r.now)
}

// Unknown says what it would take to run a case whose value is absent, and
// allowed to be; "" where all is known.
func (r *Rehearsal) Unknown(c Case) string { return r.stage.unknown(engine.Test{Case: c}) }

// Again makes a recorded decision again, from the claims on.
func (r *Rehearsal) Again(ctx context.Context, d engine.Decision) (engine.Explanation, error) {
	all, err := r.engine.Explain(ctx, engine.ExplainRequest{Recorded: &d})
	if err != nil {
		return engine.Explanation{}, err
	}
	return all[0], nil
}

// Close ends what answers about opaque tokens. No case may run any more.
func (r *Rehearsal) Close() { r.stage.close() }

// Result is what came of a case.
type Result struct {
	// Decision is the last one, on which the case ends.
	Decision engine.Decision
	// Earlier are those before it, in their order: of an access token that was
	// got for what is shown to a door, say.
	Earlier []engine.Decision
	// Shown are the claims of the token that From signed; nil for an app
	// password.
	Shown map[string]any
	// Claims are those of the access token that was issued last; nil for none.
	Claims map[string]any
	// Headers are what the guarded service is told; nil where nothing was let
	// through to it.
	Headers []engine.Header
	// Trace tells the steps of the last decision, where the case was traced.
	Trace engine.Trace
	// Err is why the request was refused: an *engine.Refusal; anything else
	// means that the case could not be run. It is nil where it was let in.
	Err error
}

// Access is the label of the access that let in, at the door or when the token
// was issued that the door was shown; "" where none did.
func (r Result) Access() string {
	switch {
	case r.Err != nil:
		return ""
	case r.Decision.Rule != "" || len(r.Earlier) == 0:
		return r.Decision.Rule
	default:
		return r.Earlier[len(r.Earlier)-1].Rule
	}
}

// Run runs a case, without a Trace.
func (r *Rehearsal) Run(ctx context.Context, c Case) Result { return r.run(ctx, c, false) }

// Trace runs a case, and tells the steps.
func (r *Rehearsal) Trace(ctx context.Context, c Case) Result { return r.run(ctx, c, true) }

func (r *Rehearsal) run(ctx context.Context, c Case, traced bool) Result {
	p := r.play(c)
	p.traced = traced
	err := p.act(ctx)
	p.result.Err = err
	if last := len(p.decisions) - 1; last >= 0 {
		p.result.Decision, p.result.Earlier = p.decisions[last], p.decisions[:last]
	}
	return p.result
}

// play is one case on its way through the engine, and the world that the
// engine sees meanwhile.
type play struct {
	Case
	rehearsal *Rehearsal
	engine    *engine.Engine
	now       time.Time
	password  engine.AppPassword // the only one there is
	used      map[[32]byte]bool
	decisions []engine.Decision
	traced    bool
	result    Result
}

var (
	_ engine.AppPasswordReader = (*play)(nil)
	_ engine.UsedTokens        = (*play)(nil)
	_ engine.Auditor           = (*play)(nil)
)

func (r *Rehearsal) play(c Case) *play {
	p := &play{Case: c, rehearsal: r, now: r.now}
	if !c.Now.IsZero() {
		p.now = c.Now
	}
	deps := r.deps
	deps.Now = func() time.Time { return p.now }
	deps.AppPasswords, deps.UsedTokens, deps.Audit = p, p, p
	deps.Guesses, deps.Uses, deps.Revocations = engine.NewGuesses(), engine.NewAppPasswordUses(), &engine.Revocations{}
	p.engine = r.engine.With(deps)
	return p
}

// AppPassword implements engine.AppPasswordReader.
func (p *play) AppPassword(_ context.Context, id string) (engine.AppPassword, error) {
	if p.password.ID != id {
		return engine.AppPassword{}, engine.ErrNotFound
	}
	return p.password, nil
}

// BroughtAppPasswords implements engine.AppPasswordReader.
func (p *play) BroughtAppPasswords(context.Context, string, time.Time) (found []engine.AppPassword, anybody bool, err error) {
	return nil, false, nil
}

// UseToken implements engine.UsedTokens.
func (p *play) UseToken(_ context.Context, token [32]byte, _, _ time.Time) (first bool, err error) {
	first = !p.used[token]
	if p.used == nil {
		p.used = map[[32]byte]bool{}
	}
	p.used[token] = true
	return first, nil
}

// Record implements engine.Auditor.
func (p *play) Record(d *engine.Decision) { p.decisions = append(p.decisions, *d) }

// act does what the case says.
func (p *play) act(ctx context.Context) error {
	if p.Door == engine.DoorForwardAuth && p.Request.Shows == engine.ShowsNothing {
		return p.knock(ctx, engine.Credential{})
	}
	shown, err := p.proof()
	if err != nil {
		return err
	}
	for _, provider := range p.ShownBefore {
		if _, err := p.ask(ctx, provider, shown, nil); err != nil {
			return fmt.Errorf("showing it to provider %s before: %w", provider, errors.New(err.Error()))
		}
	}
	if p.Via != "" {
		token, err := p.ask(ctx, p.Via, shown, nil)
		if err != nil {
			return fmt.Errorf("getting a token of provider %s first: %w", p.Via, err)
		}
		shown = proof{jwt: token}
	}
	if p.Door == engine.DoorForwardAuth && p.Request.Shows == engine.ShowsProof {
		return p.knock(ctx, shown.credential())
	}
	token, err := p.ask(ctx, p.Provider, shown, p.Scopes)
	if err != nil || p.Door != engine.DoorForwardAuth {
		return err
	}
	return p.knock(ctx, engine.Credential{Bearer: token})
}

// proof is what From shows: one of these.
type proof struct{ jwt, opaque, password string }

func (s proof) credential() engine.Credential {
	return engine.Credential{Bearer: s.jwt + s.opaque, Password: s.password}
}

func (p *play) proof() (proof, error) {
	if p.From.Kind != engine.KindServiceAccount {
		return p.token()
	}
	record, plain, err := engine.NewAppPassword(p.rehearsal.deps.Random, p.From.Label, p.now.Add(-p.Age))
	p.password = record
	return proof{password: string(plain)}, err
}

// ask asks for an access token.
func (p *play) ask(ctx context.Context, provider string, shown proof, scopes []string) (string, error) {
	req := &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: p.rehearsal.stage.clientID(provider)}, Scopes: scopes}
	switch {
	case shown.jwt != "":
		req.Assertion, req.AssertionType = shown.jwt, oauth2.AssertionJWT
	case shown.opaque != "": // which client_credentials has no place for
		req.GrantType = oauth2.TokenExchange
		req.Subject = oauth2.TypedToken{Token: shown.opaque, Type: oauth2.TypeAccessToken}
	default:
		req.Client.Secret = shown.password
	}
	token, err := p.engine.Token(ctx, p.caller(engine.PolicyHTTP{Door: "token"}), req)
	if err != nil {
		return "", err
	}
	p.result.Claims, err = payload(token.AccessToken)
	return token.AccessToken, err
}

// knock makes the request to the guarded service.
func (p *play) knock(ctx context.Context, shown engine.Credential) error {
	http := p.Request.PolicyHTTP
	http.Door = engine.DoorForwardAuth
	if http.Method == "" {
		http.Method = "GET"
	}
	if http.Path == "" {
		http.Path = "/"
	}
	if http.Host == "" {
		http.Host = p.rehearsal.stage.host(p.Provider)
	}
	admission, err := p.engine.Guard(ctx, p.caller(http), engine.GuardRequest{Provider: p.Provider, Host: http.Host, Credential: shown})
	if err == nil {
		p.result.Headers = admission.Headers
	}
	return err
}

// somewhere is an address of nobody (RFC 5737): where requests come from that
// say nothing of it.
var somewhere = netip.AddrFrom4([4]byte{192, 0, 2, 1})

func (p *play) caller(http engine.PolicyHTTP) engine.Caller {
	http.ClientIP = p.Request.ClientIP
	if !http.ClientIP.IsValid() {
		http.ClientIP = somewhere
	}
	caller := engine.Caller{RequestID: "rehearsal", HTTP: http, Header: p.Request.Header}
	if p.traced {
		p.result.Trace = engine.Trace{}
		caller.Trace = &p.result.Trace
	}
	return caller
}

// payload reads the claims of a token that was just issued.
func payload(token string) (map[string]any, error) {
	_, rest, _ := strings.Cut(token, ".")
	middle, _, _ := strings.Cut(rest, ".")
	plain, err := base64.RawURLEncoding.DecodeString(middle)
	if err != nil {
		return nil, err
	}
	return strictjson.Object(plain)
}

// encode is JSON as claims are written.
func encode(v any) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding claims: %w", err)
	}
	return encoded, nil
}

// random draws bytes as base64url.
func random(from io.Reader, size int) (string, error) {
	drawn := make([]byte, size)
	if _, err := io.ReadFull(from, drawn); err != nil {
		return "", fmt.Errorf("drawing randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(drawn), nil
}
