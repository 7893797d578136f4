package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/oauth2"
)

// ExplainRequest asks why something is let in, or is not. Exactly one of Token
// and Recorded is set.
type ExplainRequest struct {
	Provider string // label; "" for each that could take what is shown
	// Token is a JWT of a source, an access token that m2md issued, an app
	// password, or an opaque token of a source.
	Token    Secret
	Username string // of an app password that was brought along
	// Door is where it is shown, "" for DoorToken.
	Door   string
	Scopes []string
	HTTP   PolicyHTTP // of the guarded request; of the others, the address alone
	At     time.Time  // by which times are judged; the zero value for now
	// Recorded is a decision of the decision log, to be made again on what it was
	// made on, at the time when it was made.
	Recorded *Decision
}

// Explanation tells what would be decided for one provider, and why.
type Explanation struct {
	Provider string // label; "" where none was found
	Door     string
	Allowed  bool
	// Provided says that Allowed rests on a signature that could not be checked.
	Provided bool
	Because  string // why not; "" where Allowed
	Remedy   string // what would let it in; "" where that is not known
	Decision Decision
	Trace    Trace
	Claims   Claims // of the access token that would be issued, as far as they are known before
}

// maxExplained bounds for how many providers is explained what names none.
const maxExplained = 20

// Explain runs the pipeline and leaves nothing behind: no token is spent or
// issued, no use and no guess is counted, and no decision recorded. Remote key
// sets and the issuers of opaque tokens are asked as they would be by the
// request itself. The first explanation is the best: what lets in, and then
// what misses least. It fails where there is nothing to explain.
func (e *Engine) Explain(ctx context.Context, req ExplainRequest) ([]Explanation, error) {
	if req.Recorded != nil {
		one := e.explainRecorded(ctx, *req.Recorded)
		return []Explanation{one}, nil
	}
	req.Token = Secret(strings.TrimSpace(string(req.Token)))
	req.Door = cmp.Or(req.Door, DoorToken)
	if req.Token == "" {
		return nil, fmt.Errorf("%w: there is no token to explain", ErrNotFound)
	}
	labels, err := e.explained(req)
	if err != nil {
		return nil, err
	}
	var all []Explanation
	for _, label := range labels {
		all = append(all, e.explainAt(ctx, e.providers[label], req))
	}
	slices.SortStableFunc(all, func(a, b Explanation) int { return cmp.Compare(a.misses(), b.misses()) })
	return all, nil
}

// DoorToken is the token endpoint, and what Decision.Door says of it.
const DoorToken = "token"

// explained are the providers that something is explained for.
func (e *Engine) explained(req ExplainRequest) ([]string, error) {
	if req.Provider != "" {
		p, found := e.providers[req.Provider]
		if !found {
			return nil, fmt.Errorf("%w: no file declares provider %q.%s", ErrNotFound, req.Provider, DidYouMean(req.Provider, keysOf(e.providers)))
		}
		if req.Door == DoorForwardAuth && p.forward == nil {
			return nil, fmt.Errorf("%w: provider %q has no forward_auth", ErrNotFound, req.Provider)
		}
		return []string{p.label}, nil
	}
	var all []string
	for _, label := range keysOf(e.providers) {
		if p := e.providers[label]; req.Door != DoorForwardAuth || p.forward != nil {
			all = append(all, label)
		}
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(label string) bool { return !e.couldTake(e.providers[label], string(req.Token)) })
	if len(fitting) > 0 {
		all = fitting
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no provider could take it at that door", ErrNotFound)
	}
	return all[:min(len(all), maxExplained)], nil
}

// couldTake says whether some access could let in who shows a token.
func (e *Engine) couldTake(p *provider, raw string) bool {
	token, err := parseJWS(raw)
	if err != nil {
		return strings.HasPrefix(raw, appPasswordPrefix) || p.opaque != nil
	}
	issuer, err := token.claims.text("iss")
	return err == nil && (len(p.trusts(issuer)) > 0 || p.federated[issuer] != nil || p.forward != nil && p.calls(token.claims))
}

// CallsItselfOwn says whether a token says that m2md issued it, be that true.
func (e *Engine) CallsItselfOwn(raw string) bool {
	token, err := parseJWS(strings.TrimSpace(raw))
	if err != nil || mediaType(token.header.Type) != accessTokenType {
		return false
	}
	for _, p := range e.providers {
		if p.calls(token.claims) {
			return true
		}
	}
	return false
}

// keptDecision is an Auditor for one decision.
type keptDecision struct{ Decision }

// Record keeps it.
func (k *keptDecision) Record(d *Decision) { k.Decision = *d }

// neverUsed takes every token for one that was not used.
type neverUsed struct{}

// UseToken marks nothing.
func (neverUsed) UseToken(context.Context, [32]byte, time.Time, time.Time) (bool, error) {
	return true, nil
}

// dry is the engine without anything that would leave a trace of its work.
func (e *Engine) dry(at time.Time) (*Engine, *keptDecision) {
	kept := &keptDecision{}
	dry := *e
	dry.deps.Uses = NewAppPasswordUses()
	dry.deps.Guesses = NewGuesses()
	dry.deps.UsedTokens = neverUsed{}
	dry.deps.Audit = kept
	if !at.IsZero() {
		dry.deps.Now = func() time.Time { return at }
	}
	return &dry, kept
}

// explainAt explains what is shown to one provider.
func (e *Engine) explainAt(ctx context.Context, p *provider, req ExplainRequest) Explanation {
	dry, kept := e.dry(req.At)
	x := Explanation{Provider: p.label, Door: req.Door}
	caller := Caller{RequestID: "explain", HTTP: req.HTTP, Trace: &x.Trace}
	caller.HTTP.Door = req.Door
	var err error
	if req.Door == DoorForwardAuth {
		_, err = dry.Guard(ctx, caller, GuardRequest{Provider: p.label, Host: req.HTTP.Host, Credential: req.credential()})
	} else {
		var token *oauth2.Token
		if token, err = dry.Token(ctx, caller, req.tokenRequest(p)); err == nil {
			x.Claims = claimsOf(token.AccessToken)
		}
	}
	x.Decision = kept.Decision
	x.judge(err == nil)
	return x
}

// tokenRequest is the request of the token endpoint that shows it.
func (req ExplainRequest) tokenRequest(p *provider) *oauth2.Request {
	token := string(req.Token)
	out := &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: p.clientID}, Scopes: req.Scopes}
	switch jwt := strings.Count(token, ".") == 2; {
	case req.Username != "":
		out.Username, out.Password = req.Username, token
	case jwt:
		out.Assertion, out.AssertionType = token, oauth2.AssertionJWT
	case strings.HasPrefix(token, appPasswordPrefix) || p.opaque == nil:
		out.Client.Secret = token
	default:
		out.GrantType = oauth2.TokenExchange
		out.Subject = oauth2.TypedToken{Token: token, Type: oauth2.TypeAccessToken}
	}
	return out
}

// credential is the Authorization header of the guarded request that shows it.
func (req ExplainRequest) credential() Credential {
	if token := string(req.Token); req.Username != "" || strings.HasPrefix(token, appPasswordPrefix) {
		return Credential{Username: req.Username, Password: token}
	}
	return Credential{Bearer: string(req.Token)}
}

// claimsOf are the claims of a token that was just signed.
func claimsOf(raw string) Claims {
	token, err := parseJWS(raw)
	if err != nil {
		return nil
	}
	delete(token.claims, "jti") // of a token that nobody gets
	return token.claims
}

// explainRecorded makes a recorded decision again, on what it was made on.
func (e *Engine) explainRecorded(ctx context.Context, d Decision) Explanation {
	dry, kept := e.dry(d.Time)
	x := Explanation{Provider: d.Provider, Door: d.Door}
	caller := Caller{RequestID: d.RequestID, HTTP: d.Input.HTTP, Trace: &x.Trace}
	caller.HTTP.Door, caller.HTTP.ClientIP = d.Door, d.ClientIP
	a := dry.begin(caller)
	a.Grant, a.Proof, a.scopes, a.Actor = d.Grant, d.Proof, d.Input.Scopes, d.Actor
	a.Input = d.Input
	err := dry.again(ctx, a, d)
	dry.conclude(a, err)
	x.Decision = kept.Decision
	x.judge(err == nil)
	return x
}

// again decides anew what was decided, from the claims on.
func (e *Engine) again(ctx context.Context, a *attempt, d Decision) error {
	p, found := e.providers[d.Provider]
	if !found {
		err := noAccess("%s", cmp.Or(d.Reason, "its provider is not declared any more"))
		a.step(StageRequest, d.Provider, "", err, Range{})
		return err
	}
	a.aims(p)
	a.audience = p.audience
	a.step(StageRequest, p.label, "the request was for it", nil, e.places.at(string(KindProvider)+"."+p.label, ""))
	id, err := e.recordedIdentity(ctx, a, d)
	if err != nil {
		return err
	}
	a.knows(id)
	if d.Proof != "access_token" { // of those, accesses were asked when they were issued
		if id, a.Rule, err = p.authorize(ctx, a, id); err != nil {
			return err
		}
		a.knows(id)
	}
	if a.Door == DoorForwardAuth && p.forward != nil {
		return a.askDoor(ctx, id)
	}
	return nil
}

// recordedIdentity is who was recognised, or why nobody was.
func (e *Engine) recordedIdentity(ctx context.Context, a *attempt, d Decision) (*identity, error) {
	p, claims := a.provider, d.Input.Claims
	switch {
	case d.Via != "" && claims != nil:
		via := e.providers[strings.TrimPrefix(d.Via, string(KindProvider)+".")]
		from, account, declared := e.originOf(d.Subject)
		if via == nil || !declared {
			return nil, a.gone(d)
		}
		a.step(StageProof, "access token", "one of provider "+via.label+" was shown", nil, Range{})
		return &identity{subject: d.Subject, origin: from, account: account, via: via, claims: claims}, nil
	case claims != nil && d.Proof != "access_token":
		return e.recordedJWT(ctx, a, d)
	case d.Subject == "":
		err := noAccess("%s", d.Reason)
		a.step(StageProof, d.Proof, "", err, Range{})
		return nil, err
	}
	from, account, declared := e.originOf(d.Subject)
	if !declared {
		return nil, a.gone(d)
	}
	a.step(StageProof, strings.ReplaceAll(d.Proof, "_", " "), "it held when it was decided, and was that of "+d.Subject, nil, Range{})
	if d.Proof == "access_token" && !p.reach[from] {
		err := noAccess("no access of provider %s names %s any more", p.label, from)
		a.step(StageAccess, p.label, "", err, e.places.decls[string(KindProvider)+"."+p.label].At).Remedy = a.remedyNameSource(p, from.String())
		return nil, err
	}
	id := &identity{subject: d.Subject, origin: from, account: account}
	if account == nil {
		id.source = from.label
	}
	return id, nil
}

// gone says that who was recognised is not declared any more.
func (a *attempt) gone(d Decision) error {
	err := noAccess("%s of %s is not declared any more", d.Subject, d.Source)
	a.step(StageSource, d.Source, "", err, Range{})
	return err
}

// recordedJWT is whose token it was, by its claims: the token is not recorded.
func (e *Engine) recordedJWT(ctx context.Context, a *attempt, d Decision) (*identity, error) {
	p, claims := a.provider, d.Input.Claims
	issuer, err := claims.text("iss")
	if err != nil {
		a.step(StageProof, "JWT", "", err, Range{})
		return nil, badProof("%s", err)
	}
	candidates := p.trusts(issuer)
	if d.Proof == "opaque_token" && p.opaque != nil {
		candidates = []*trust{p.opaque}
	}
	if i := slices.IndexFunc(candidates, func(t *trust) bool { return t.origin.String() == d.Source }); i >= 0 {
		candidates = candidates[i : i+1]
	}
	a.traceSources(issuer, candidates)
	if len(candidates) == 0 {
		return nil, badProof("no access of provider %s names a source whose issuer is %q", p.label, issuer)
	}
	if !d.Input.Verified {
		err := badProof("%s", d.Reason)
		a.step(StageSignature, candidates[0].origin.String(), "", err, a.keysAt(candidates[0]))
		e.supposeSigned(ctx, a, candidates, claims)
		return nil, err
	}
	t := candidates[0]
	a.step(StageSignature, t.origin.String(), "a key of it had made the signature when it was decided", nil, a.keysAt(t))
	a.traceIdentity(t, claims, a.Time)
	identify := t.identify
	if d.Proof == "opaque_token" {
		identify = t.identifyOpaque
	}
	id, err := identify(claims, a.Time)
	if err != nil {
		e.supposeIdentified(ctx, a, t, claims)
		return nil, badClaims("JWT of %s: %s", t.origin, err)
	}
	return id, nil
}
