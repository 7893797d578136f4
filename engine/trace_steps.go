package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/oauth2"
)

// hidden stands for a value that came from env() or file().
const hidden = "(a value from env() or file(), not shown)"

// tracing says whether somebody wants the steps. What tells them stands behind
// it, so that a request that nobody traces pays for nothing.
func (a *attempt) tracing() bool { return a.caller.Trace != nil }

// step adds a step; err nil has it pass.
func (a *attempt) step(stage Stage, subject, detail string, err error, at Range) *Step {
	one := Step{Stage: stage, Subject: subject, Outcome: StepPassed, Detail: detail, At: at}
	if err != nil {
		one.Outcome, one.Detail = StepFailed, err.Error()
		if detail != "" {
			one.Detail = detail + ": " + err.Error()
		}
	}
	a.caller.Trace.add(one)
	steps := a.caller.Trace.Steps
	return &steps[len(steps)-1]
}

// traceTarget tells which provider a request is for, and how that was found.
func (e *Engine) traceTarget(a *attempt, req *oauth2.Request, p *provider, err error) {
	if !a.tracing() {
		return
	}
	if err != nil {
		one := a.step(StageRequest, "", "finding the provider", err, Range{})
		if id := req.Client.ID; id != "" {
			known := keysOf(e.clients)
			one.Near = strings.TrimSpace(DidYouMean(id, known))
			one.Remedy = fmt.Sprintf("ask with one of the client_ids that there are: %s", strings.Join(known[:min(len(known), 12)], ", "))
		}
		return
	}
	how := "by its client_id " + showText(p.clientID)
	switch {
	case req.Client.ID != "" && e.clients[req.Client.ID] != p && e.clients[req.Raw.ID] != p:
		how = "by the audience or resource that is asked for"
	case req.Client.ID == "" && len(req.Targets) > 0:
		how = "by the audience or resource that is asked for"
	case req.Client.ID == "":
		how = "by the sub of the assertion, which is its client_id"
	}
	a.step(StageRequest, p.label, "the request is for it, "+how, nil, a.places.at(string(KindProvider)+"."+p.label, ""))
}

// traceGuarded tells which provider guards what is asked for.
func (e *Engine) traceGuarded(a *attempt, req GuardRequest, p *provider) {
	if !a.tracing() {
		return
	}
	if p == nil {
		what := "has external_host " + showText(req.Host)
		known := keysOf(e.hosts)
		if req.Provider != "" {
			what = "has the label " + showText(req.Provider)
			known = nil
			for _, label := range keysOf(e.providers) {
				if e.providers[label].forward != nil {
					known = append(known, label)
				}
			}
		}
		one := a.step(StageRequest, "", "", fmt.Errorf("no provider with forward_auth %s", what), Range{})
		one.Near = strings.TrimSpace(DidYouMean(req.Provider+req.Host, known))
		one.Remedy = "give a provider a forward_auth block for it"
		return
	}
	how := "by its external_host " + showText(req.Host)
	if req.Provider != "" {
		how = "by its label"
	}
	a.step(StageRequest, p.label, "it guards the request, found "+how, nil, a.places.at(accessKey(p.label, ""), ""))
}

// traceSkipped tells that a path needs no proof.
func (a *attempt) traceSkipped() {
	if a.tracing() {
		key := accessKey(a.Provider, "")
		a.step(StageRequest, a.Provider, "its path "+showText(a.caller.HTTP.Path)+" is one of skip_paths, which need no proof", nil, a.places.at(key, "skip_paths"))
	}
}

// traceParsed tells what kind of JWT was shown.
func (a *attempt) traceParsed(token *jws, err error) {
	if !a.tracing() {
		return
	}
	if token == nil {
		one := a.step(StageProof, "JWT", "", err, Range{})
		one.Remedy = "show a whole JWT: three parts, separated by dots, on one line"
		return
	}
	h := token.header
	said := fmt.Sprintf("it can be read: alg %s, kid %s, typ %s", orNone(h.Algorithm), orNone(h.KeyID), orNone(h.Type))
	a.step(StageProof, "JWT", said, err, Range{})
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return showText(s)
}

// traceSources tells which sources a token may come from, by its iss.
func (a *attempt) traceSources(issuer string, candidates []*trust) {
	if !a.tracing() {
		return
	}
	for _, t := range candidates {
		how := "its issuer is the iss of the token, " + showText(issuer)
		if t.issuer == "" {
			how = "it takes any iss"
		}
		a.step(StageSource, t.origin.String(), how, nil, a.places.at(t.origin.String(), "issuer"))
	}
	if len(candidates) > 0 {
		return
	}
	a.step(StageSource, "", "", fmt.Errorf("no access of provider %s names a source whose issuer is the iss of the token, %s", a.Provider, showText(issuer)), a.places.at(string(KindProvider)+"."+a.Provider, ""))
	for _, t := range a.places.trusts {
		if t.keys != nil {
			a.traceOtherSource(t, issuer)
		}
	}
}

// traceOtherSource tells of a source why it is not the one.
func (a *attempt) traceOtherSource(t *trust, issuer string) {
	key := t.origin.String()
	at := a.places.at(key, "issuer")
	one := Step{Stage: StageSource, Subject: key, Outcome: StepSkipped, At: at}
	named := a.provider.trusted[t]
	switch {
	case !named && t.issuer == issuer:
		one.Detail = fmt.Sprintf("its issuer is the iss of the token, but no access of provider %s names it", a.Provider)
		one.Near = "it is declared, and not named"
		one.Remedy = a.remedyNameSource(a.provider, key)
		a.remedyOf(StageSource, one.Remedy, one.Near)
	case !named:
		return
	case a.places.hides(key, "issuer"):
		one.Detail = "its issuer is another: " + hidden
	default:
		one.Detail = "its issuer is " + showText(t.issuer)
		if one.Near = nearText(t.issuer, issuer); one.Near != "" {
			one.Remedy = fmt.Sprintf("write issuer = %s at %s", showText(issuer), at)
			a.remedyOf(StageSource, one.Remedy, one.Near)
		}
	}
	a.caller.Trace.add(one)
}

// remedyNameSource says where to name a source.
func (a *attempt) remedyNameSource(p *provider, source string) string {
	if len(p.accesses) == 0 {
		return fmt.Sprintf("give provider %s (%s) an access whose from names %s", p.label, a.places.at(string(KindProvider)+"."+p.label, ""), source)
	}
	first := p.accesses[0].label
	return fmt.Sprintf("add %s to from of access %q at %s", source, first, a.places.at(accessKey(p.label, first), "from"))
}

// remedyOf gives the last failed step of a stage its remedy, where it has none.
func (a *attempt) remedyOf(stage Stage, remedy, near string) {
	for _, one := range slices.Backward(a.caller.Trace.Steps) {
		if one.Stage == stage && one.Outcome == StepFailed {
			break
		}
	}
	steps := a.caller.Trace.Steps
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Stage == stage && steps[i].Outcome == StepFailed {
			if steps[i].Remedy == "" {
				steps[i].Remedy, steps[i].Near = remedy, near
			}
			return
		}
	}
}

// traceKeys tells which keys of a source were tried.
func (a *attempt) traceKeys(t *trust, keys []jwks.Key, token *jws, err error, verified bool) {
	if !a.tracing() {
		return
	}
	key, kid := t.origin.String(), orNone(token.header.KeyID)
	at := a.keysAt(t)
	switch {
	case errors.Is(err, jwks.ErrOffline):
		a.caller.Trace.offline = true
		a.caller.Trace.add(Step{Stage: StageSignature, Subject: key, Outcome: StepSkipped, At: at,
			Detail: "not checked: the keys of the source are not at hand (they are fetched from the issuer, and nothing is fetched here)"})
	case err != nil:
		one := a.step(StageSignature, key, "the keys of the source cannot be had", err, at)
		one.Remedy = fmt.Sprintf("see that m2md can reach the address of the keys at %s", at)
	case verified:
		a.step(StageSignature, key, fmt.Sprintf("a key of it made the signature (kid %s)", kid), nil, at)
	case len(keys) == 0:
		one := a.step(StageSignature, key, "", fmt.Errorf("it has no key for kid %s that may be used with alg %s", kid, orNone(token.header.Algorithm)), at)
		one.Remedy = fmt.Sprintf("see that the keys of the source at %s are those that the issuer signs with now", at)
	default:
		one := a.step(StageSignature, key, "", fmt.Errorf("none of the %d keys that kid %s and alg %s leave made the signature", len(keys), kid, orNone(token.header.Algorithm)), at)
		one.Remedy = "show the token as its issuer made it: a changed or cut one has no valid signature"
	}
}

// keysAt is where the files say how the keys of a source are had.
func (a *attempt) keysAt(t *trust) Range {
	d := a.places.decls[t.origin.String()]
	for _, name := range []string{"oidc_jwks_url", "oidc_well_known_url", "oidc_jwks_file", "oidc_jwks", "certificate_file", "certificate"} {
		if d.Has(name) {
			return d.AttrAt(name)
		}
	}
	return d.At
}

// traceIdentity tells all that must hold of every token of a source, each by
// itself: one that fails does not hide the next.
func (a *attempt) traceIdentity(t *trust, claims Claims, now time.Time) {
	if !a.tracing() {
		return
	}
	a.traceTimes(t, claims, now)
	a.traceSubject(t, claims)
	a.traceAudience(t, claims)
	key := t.origin.String()
	a.traceRequirement(key, "", t.require, claims, a.places.hides(key, "require_claims"))
}

// traceTimes tells of exp, nbf and iat.
func (a *attempt) traceTimes(t *trust, claims Claims, now time.Time) {
	expiry, err := claims.checkTimes(now, t.times)
	var told []string
	for _, name := range []string{"iat", "nbf", "exp"} {
		if at, errDate := claims.numericDate(name); errDate == nil && !at.IsZero() {
			told = append(told, fmt.Sprintf("%s %s (%s)", name, stamp(at), distance(now, at)))
		}
	}
	rules := ""
	if t.times.leeway > 0 {
		rules += fmt.Sprintf("; leeway %s", t.times.leeway)
	}
	if t.times.maxAge > 0 {
		rules += fmt.Sprintf("; max_token_age %s", t.times.maxAge)
	}
	key := t.origin.String()
	one := a.step(StageTimes, key, strings.Join(told, ", ")+rules, nil, a.places.decls[key].At)
	if err != nil {
		one.Outcome, one.Detail = StepFailed, err.Error()+"; "+one.Detail
	}
	switch {
	case err == nil:
	case expiry.IsZero():
		one.Remedy = "show a token that ends: its issuer must set exp"
	case !now.Before(expiry.Add(t.times.leeway)):
		one.Near = distance(now, expiry)
		one.Remedy = "get a new token, and show it before it expires"
	case t.times.maxAge > 0 && t.times.checkAge(now, dateOf(claims, "iat")) != nil:
		one.At = a.places.at(key, "max_token_age")
		one.Remedy = fmt.Sprintf("get a new token, or raise max_token_age at %s", one.At)
	default:
		one.Remedy = "see that the clocks of the issuer and of this machine are right, or raise leeway of the source (at most 60s)"
	}
}

// dateOf is a date of claims; the zero time for none.
func dateOf(claims Claims, name string) time.Time {
	at, err := claims.numericDate(name)
	if err != nil {
		return time.Time{}
	}
	return at
}

// distance tells how far a time is from another.
func distance(now, at time.Time) string {
	d := at.Sub(now).Round(time.Second)
	switch {
	case d == 0:
		return "now"
	case d < 0:
		return (-d).String() + " ago"
	default:
		return "in " + d.String()
	}
}

// traceSubject tells who the token says it is about.
func (a *attempt) traceSubject(t *trust, claims Claims) {
	key := t.origin.String()
	sub, err := claims.subject()
	if err == nil {
		err = t.checkTrustDomain(sub)
	}
	if err != nil && a.places.hides(key, "trust_domain") {
		err = errors.New("its sub is of another trust domain than the source pins " + hidden)
	}
	if err != nil {
		a.step(StageSubject, key, "", err, a.places.at(key, "trust_domain"))
		return
	}
	a.step(StageSubject, key, "it is about "+showText(subjectOf(t.origin.label, sub)), nil, a.places.decls[key].At)
}

// traceAudience tells for whom the token is.
func (a *attempt) traceAudience(t *trust, claims Claims) {
	key := t.origin.String()
	if t.anyAudience {
		a.caller.Trace.add(Step{Stage: StageAudience, Subject: key, Outcome: StepPassed, Detail: "any is accepted", At: a.places.at(key, "allow_any_audience")})
		return
	}
	a.traceAudienceOf(key, claims, t.audiences, "audiences", a.places.hides(key, "audiences"))
}

// traceAudienceOf compares aud with what a block accepts by an attribute.
func (a *attempt) traceAudienceOf(key string, claims Claims, wanted []string, attribute string, hides bool) {
	at := a.places.at(key, attribute)
	given, err := claims.audience()
	if err != nil {
		a.step(StageAudience, key, "", err, at)
		return
	}
	accepted := showList(wanted)
	if hides {
		accepted = hidden
	}
	said := fmt.Sprintf("the token is for %s; accepted is %s", showList(given), accepted)
	if claims.checkAudience(wanted) == nil {
		a.step(StageAudience, key, said, nil, at)
		return
	}
	one := Step{Stage: StageAudience, Subject: key, Outcome: StepFailed, Detail: said, At: at}
	if !hides {
		one.Near = nearAudience(wanted, given)
		one.Remedy = "have the token made for " + showText(slices.Concat(wanted, []string{""})[0])
		if len(given) > 0 {
			one.Remedy += fmt.Sprintf(", or add %s to %s at %s", showText(given[0]), attribute, at)
		}
	}
	a.caller.Trace.add(one)
}

func nearAudience(wanted, given []string) string {
	for _, want := range wanted {
		for _, got := range given {
			if near := nearText(want, got); near != "" {
				return showText(got) + " " + near
			}
		}
	}
	return ""
}

// showList tells texts, the first of many.
func showList(all []string) string {
	const most = 8
	if len(all) == 0 {
		return "nobody"
	}
	var told []string
	for _, one := range all[:min(len(all), most)] {
		told = append(told, showText(one))
	}
	if len(all) > most {
		told = append(told, fmt.Sprintf("%d more", len(all)-most))
	}
	return strings.Join(told, ", ")
}

// traceRequirement tells of each claim that require_claims of a block asks for.
func (a *attempt) traceRequirement(key, access string, r *Requirement, claims Claims, hides bool) {
	if !a.tracing() || r == nil {
		return
	}
	c := claimTracer{trace: a.caller.Trace, access: access, key: key, hides: hides, at: a.places.at(key, "require_claims")}
	c.object("", r, map[string]any(claims))
}

// claimTracer tells of the claims of one require_claims.
type claimTracer struct {
	trace  *Trace
	access string
	key    string // of the block that asks
	hides  bool
	at     Range
}

// object tells of each member that an object must have.
func (c *claimTracer) object(path string, r *Requirement, value any) {
	there, _ := value.(map[string]any)
	if r.Fields == nil {
		c.leaf(path, "", r, value, true, there, c.at)
		return
	}
	for i := range r.Fields {
		field := &r.Fields[i]
		got, present := there[field.Name]
		name := path + writtenName(field.Name)
		at := field.At
		if at == (Range{}) {
			at = c.at
		}
		if _, nested := got.(map[string]any); nested && field.Fields != nil {
			c.object(name+".", &field.Requirement, got)
			continue
		}
		c.leaf(name, field.Name, &field.Requirement, got, present, there, at)
	}
}

// leaf tells of one claim.
func (c *claimTracer) leaf(path, name string, r *Requirement, got any, present bool, beside map[string]any, at Range) {
	one := Step{Stage: StageClaim, Subject: path, Access: c.access, Outcome: StepPassed, At: at}
	required := r.show()
	if c.hides {
		required = hidden
	}
	switch {
	case !present:
		one.Outcome = StepFailed
		one.Detail = fmt.Sprintf("is absent; required is %s", required)
		if one.Near = nearName(name, beside); one.Near == "" && len(beside) > 0 {
			one.Detail += "; the token has " + showNames(slices.Sorted(maps.Keys(beside)))
		}
		one.Remedy = fmt.Sprintf("remove %s from require_claims at %s, or require a claim that the token has", path, at)
	case r.match(got):
		one.Detail = fmt.Sprintf("is %s", showValue(got))
		if r.Pattern != nil || r.AnyOf != nil || c.hides {
			one.Detail = fmt.Sprintf("is %s; required is %s", showValue(got), required)
		}
	default:
		one.Outcome = StepFailed
		one.Detail = fmt.Sprintf("is %s; required is %s", showValue(got), required)
		if !c.hides {
			one.Near = r.near(got)
		}
		one.Remedy = c.remedy(path, r, got, one.Near, at)
	}
	c.trace.add(one)
}

// remedy says what to write for a claim to fit: in the place of what is
// required, where that looks like a slip, and else beside it, so that nobody is
// shut out by it.
func (c *claimTracer) remedy(path string, r *Requirement, got any, near string, at Range) string {
	switch got.(type) {
	case []any, map[string]any, nil:
		return fmt.Sprintf("change what is required of %s at %s", path, at)
	}
	literal := strings.TrimPrefix(showValue(got), "the number ")
	switch {
	case r.AnyOf != nil:
		return fmt.Sprintf("add %s to what is accepted for %s at %s", literal, path, at)
	case r.Pattern != nil:
		return fmt.Sprintf("write a pattern for %s at %s that matches the whole of %s", path, at, literal)
	default:
		name := path
		if i := strings.LastIndex(path, "."); i >= 0 && !strings.HasSuffix(path, `"`) {
			name = path[i+1:]
		}
		if near == "" && !c.hides {
			literal = fmt.Sprintf("[%s, %s]", strings.TrimPrefix(showValue(r.Equal), "the number "), literal)
		}
		return fmt.Sprintf("write %s = %s at %s", name, literal, at)
	}
}

// traceAccess tells whether an access names where an identity comes from.
func (a *attempt) traceAccess(access *access, id, who *identity, miss string) {
	if !a.tracing() {
		return
	}
	at := a.places.at(accessKey(a.Provider, access.label), "from")
	one := Step{Stage: StageAccess, Subject: access.label, Access: access.label, At: at}
	switch {
	case who != nil && who.account != nil && id.account == nil:
		one.Outcome, one.Detail = StepPassed, fmt.Sprintf("it names %s, whose jwt block this token fits", who.origin)
	case who != nil:
		one.Outcome, one.Detail = StepPassed, fmt.Sprintf("it names %s", id.entry())
	case miss != "":
		one.Outcome, one.Detail = StepFailed, miss
	default:
		one.Outcome, one.Detail = StepSkipped, fmt.Sprintf("it does not name %s; it names %s", id.entry(), showOrigins(access.from))
		one.Remedy = fmt.Sprintf("add %s to from of access %q at %s", id.entry(), access.label, at)
	}
	a.caller.Trace.add(one)
	if who == nil && miss != "" {
		for _, account := range access.accounts[id.origin] {
			a.traceAccountJWTs(access.label, account, id)
		}
	}
}

// traceAccountJWTs tells why a token is not an account's.
func (a *attempt) traceAccountJWTs(access string, owner *account, id *identity) {
	key := owner.origin().String()
	for _, jwt := range owner.jwts {
		if jwt.source == id.origin {
			c := claimTracer{trace: a.caller.Trace, access: access, key: key, hides: jwt.hides, at: jwt.at}
			c.object("", jwt.require, map[string]any(id.claims))
		}
	}
}

// showOrigins tells what an access names.
func showOrigins(from map[origin]bool) string {
	var names []string
	for one := range from {
		names = append(names, one.String())
	}
	slices.Sort(names)
	const most = 8
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// traceRequired tells of each claim that an access asks for.
func (a *attempt) traceRequired(access *access, id *identity) {
	if a.tracing() {
		key := accessKey(a.Provider, access.label)
		a.traceRequirement(key, access.label, access.require, id.claims, a.places.hides(key, "require_claims"))
	}
}

// tracePolicies tells of the policies that were asked since there were so many
// of them, and of so many messages.
func (a *attempt) tracePolicies(access string, since, told int) {
	if !a.tracing() {
		return
	}
	for _, asked := range a.Policies[since:] {
		one := Step{Stage: StagePolicy, Subject: asked.Policy, Access: access, At: a.places.at(string(KindPolicy)+"."+asked.Policy, "")}
		switch asked.Verdict {
		case PolicyPassed:
			one.Outcome, one.Detail = StepPassed, "it says yes"
		case PolicyDenied:
			one.Outcome, one.Detail = StepFailed, "it says no"
			one.Remedy = fmt.Sprintf("see what policy %s at %s asks for; `m2md test` tries it on claims", asked.Policy, one.At)
		default:
			one.Outcome, one.Detail = StepFailed, "it failed, which counts as a no: "+asked.Reason
			one.Remedy = fmt.Sprintf("mend policy %s at %s", asked.Policy, one.At)
		}
		if asked.Shadow {
			one.Outcome, one.Detail, one.Remedy = StepNoted, one.Detail+"; it is in shadow and does not count yet", ""
		}
		a.caller.Trace.add(one)
	}
	if len(a.Messages) > told {
		steps := a.caller.Trace.Steps
		steps[len(steps)-1].Near = "it tells: " + showList(a.Messages[told:])
	}
}

// tracePassword tells of an app password, never any part of its secret.
func (a *attempt) tracePassword(shown proof, record *AppPassword, owner *account, err error) {
	if !a.tracing() {
		return
	}
	if record == nil {
		what := "an app password"
		if shown.username != "" {
			what = "a username and a password"
		}
		one := a.step(StageProof, "app password", what+" was shown", err, Range{})
		one.Remedy = "show an app password that there is; `m2md app-password list` tells which there are, `m2md app-password create` makes one"
		return
	}
	said := fmt.Sprintf("%s is that of %s, made %s", record.ID, showText(record.Account), stamp(record.CreatedAt))
	if !record.ExpiresAt.IsZero() {
		said += ", expires " + stamp(record.ExpiresAt)
	}
	a.step(StageProof, "app password", said, nil, Range{})
	key := string(KindServiceAccount) + "." + record.Account
	if owner == nil {
		one := a.step(StageSource, key, "", errors.New("no service_account block declares it"), Range{})
		one.Remedy = fmt.Sprintf("declare service_account %q again, and name it in an access", record.Account)
		return
	}
	if err != nil {
		one := a.step(StageSource, key, "", err, a.places.decls[key].At)
		one.Remedy = "see the limits of the app password with `m2md app-password list`, and of its account at " + one.At.String() + "; a new one is made by `m2md app-password create`"
		return
	}
	a.step(StageSource, key, "it is declared, and the app password may be used", nil, a.places.decls[key].At)
}

// traceOwn tells of an access token that m2md issued, each check by itself.
func (e *Engine) traceOwn(a *attempt, p *provider, token *jws, now time.Time) {
	if !a.tracing() {
		return
	}
	key := string(KindProvider) + "." + p.label
	at := a.places.decls[key].At
	own, err := p.verifyOwn(token)
	if err != nil {
		one := a.step(StageSignature, key, "", err, at)
		one.Remedy = "get a token of this provider: `m2md token` does"
		return
	}
	a.step(StageSignature, key, fmt.Sprintf("m2md issued it for this provider (jti %s)", showText(own.id)), nil, at)
	a.traceTimes(&trust{origin: origin{KindProvider, p.label}}, token.claims, now)
	a.traceAudienceOf(key, token.claims, p.audience, "audience", a.places.hides(key, "audience"))
	holder, err := e.holderOf(p, token.claims)
	if err != nil {
		a.step(StageSubject, key, "", err, at).Remedy = "declare it again, or get a token for somebody who is declared"
		return
	}
	a.step(StageSubject, key, "it was issued to "+showText(holder.subject), nil, at)
	if err := e.checkRevoked(p, holder, own.id, own.issued); err != nil {
		a.step(StageReplay, key, "", err, at).Remedy = "get a new token; `m2md revoke --list` tells what is revoked"
		return
	}
	if !p.reach[holder.origin] {
		one := a.step(StageAccess, p.label, "", fmt.Errorf("no access of provider %s names %s any more", p.label, holder.origin), at)
		one.Remedy = a.remedyNameSource(p, holder.origin.String())
		return
	}
	a.step(StageAccess, p.label, fmt.Sprintf("an access still names %s", holder.origin), nil, at)
}

// traceGrant tells what was granted of the scopes, and for how long.
func (a *attempt) traceGrant(granted []string, now, expiry int64) {
	if !a.tracing() {
		return
	}
	key := string(KindProvider) + "." + a.Provider
	if len(a.scopes) > 0 {
		one := Step{Stage: StageScopes, Subject: a.Provider, Outcome: StepPassed, Detail: fmt.Sprintf("asked for %s; granted %s", showList(a.scopes), grantedList(granted)), At: a.places.at(key, "scopes")}
		if len(granted) < len(a.scopes) {
			one.Outcome = StepNoted
		}
		a.caller.Trace.add(one)
	}
	a.caller.Trace.add(Step{Stage: StageLifetime, Subject: a.Provider, Outcome: StepPassed,
		Detail: fmt.Sprintf("the token would be valid for %s, until %s", time.Duration(expiry-now)*time.Second, stamp(time.Unix(expiry, 0))), At: a.places.at(key, "access_token_ttl")})
}

func grantedList(all []string) string {
	if len(all) == 0 {
		return "nothing"
	}
	return showList(all)
}
