package engine_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// shadowed is a policy that counts from a time on.
func shadowed(label, script string, until time.Time) engine.PolicySource {
	return engine.PolicySource{
		Decl: enginetest.Declare(label, 500, "script", "shadow_until"), Script: engine.Script{Text: script, At: enginetest.At(501)}, ShadowUntil: until,
	}
}

// asked are the policies that a decision asked, in short.
func asked(d engine.Decision) string {
	var all []string
	for _, one := range d.Policies {
		text := one.Policy + " " + string(one.Verdict)
		if one.Shadow {
			text += " in shadow"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestAPolicyInShadowIsAskedAndDecidesNothing(t *testing.T) {
	const all, anyOf = engine.AllPolicies, engine.AnyPolicy
	tests := []struct {
		name     string
		policies string // those whose names begin with s are in shadow
		mode     engine.PolicyMode
		before   string // why not, until the shadow ends; "" where it lets in
		asked    string
		after    string
	}{
		{"a no", "sno", all, "", "sno deny in shadow", "policy sno said no"},
		{"a yes", "syes", all, "", "syes pass in shadow", ""},
		{"what throws", "sthrows", all, "", "sthrows error in shadow", "policy sthrows failed"},
		{"a no beside a yes", "yes sno", all, "", "yes pass, sno deny in shadow", "policy sno said no"},
		{"a yes beside a no", "no syes", all, "policy no said no", "no deny, syes pass in shadow", "policy no said no"},
		{"a no first", "sno yes", all, "", "yes pass, sno deny in shadow", "policy sno said no"},
		{"a yes that would do", "no syes", anyOf, "policy no said no", "no deny, syes pass in shadow", ""},
		{"a no among any", "yes sno", anyOf, "", "yes pass, sno deny in shadow", ""},
		{"two", "sno sthrows", all, "", "sno deny in shadow, sthrows error in shadow", "policy sno said no"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDaemon(t)
			until := d.Clock.Now().Add(time.Hour)
			spec := oneAccess("service_account.ci")
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
			spec.Policies = []engine.PolicySource{
				shadowed("yes", "return true", time.Time{}), shadowed("no", "return false", time.Time{}),
				shadowed("syes", "return true", until), shadowed("sno", `message("not you"); return false`, until), shadowed("sthrows", "throw 1", until),
			}
			access := &spec.Providers[0].Accesses[0]
			access.Mode = tt.mode
			for name := range strings.FieldsSeq(tt.policies) {
				access.Policies = append(access.Policies, enginetest.Refs("policy."+name)...)
			}
			d.Serve(t, spec)
			password := d.Password(t, "ci", nil)
			checkAccess(t, d, password, nil, "all", tt.before)
			decision := d.Audit.Last(t)
			if got := asked(decision); got != tt.asked {
				t.Errorf("asked %q, want %q", got, tt.asked)
			}
			if len(decision.Messages) != 0 {
				t.Errorf("in shadow, the policies told %q", decision.Messages)
			}
			d.Clock.Advance(time.Hour) // no reload: the clock alone ends it
			checkAccess(t, d, password, nil, "all", tt.after)
			if got := asked(d.Audit.Last(t)); strings.Contains(got, "shadow") {
				t.Errorf("after the shadow: %q", got)
			}
		})
	}
}

// Under "any" somebody must say yes. Compile refuses an access whose policies
// are all in shadow; the engine lets nobody in by it even if there were one.
func TestAnyOfPoliciesInShadowIsNobody(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Policies = []engine.PolicySource{shadowed("yes", "return true", d.Clock.Now().Add(time.Hour))}
	access := &spec.Providers[0].Accesses[0]
	access.Decl = enginetest.Declare("all", 2, "from", "policies")
	access.Policies, access.Mode = enginetest.Refs("policy.yes"), engine.AnyPolicy
	_, found := d.Compile(spec)
	if i := slices.IndexFunc(found, func(f engine.Finding) bool {
		return f.Summary == "no policy counts yet, and one must say yes" && f.At.Start.Line == 4 && f.Severity == engine.Error
	}); i < 0 {
		t.Errorf("told %v", found)
	}

	// The clock of a machine may go back after the configuration was taken.
	d.Clock.Advance(2 * time.Hour)
	d.Serve(t, spec)
	password := d.Password(t, "ci", nil)
	checkAccess(t, d, password, nil, "all", "")
	d.Clock.Advance(-90 * time.Minute)
	checkAccess(t, d, password, nil, "all", "no policy counts yet, and one must say yes")
}

func TestWhatIsToldOfShadows(t *testing.T) {
	d := newDaemon(t)
	now := d.Clock.Now()
	key := enginetest.NewKey(t, "k", "ES256")
	base := func() engine.Spec {
		spec := oneAccess("oauth_source.gh")
		spec.Sources = []engine.OAuthSource{github("gh", key)}
		access := &spec.Providers[0].Accesses[0]
		access.AllowAnySubject, access.Policies = false, enginetest.Refs("policy.p")
		return spec
	}
	tests := []struct {
		name    string
		until   time.Time
		summary string // "" where nothing is told
		detail  string
	}{
		{"none", time.Time{}, "", ""},
		{"over", now.Add(-time.Second), `the shadow of policy "p" is over`, "Remove shadow_until"},
		{"just over", now.Add(-time.Millisecond), `the shadow of policy "p" is over`, ""},
		// The trap: the policy that narrows a shared issuer does not count yet.
		{"of the only one that narrows", now.Add(day), `access "all" lets every tenant of oauth_source.gh in`, "those that are named are all in shadow"},
		{"long", now.Add(91 * day), `policy "p" is in shadow for more than 90 days`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := base()
			spec.Policies = []engine.PolicySource{shadowed("p", "return true", tt.until)}
			_, found := d.Compile(spec)
			i := slices.IndexFunc(found, func(f engine.Finding) bool { return f.Summary == tt.summary && strings.Contains(f.Detail, tt.detail) })
			if tt.summary == "" && len(found) > 0 || tt.summary != "" && i < 0 {
				t.Errorf("told %v", found)
			}
		})
	}
	spec := base() // a second policy that counts narrows enough
	spec.Policies = []engine.PolicySource{shadowed("p", "return true", now.Add(day)), shadowed("q", "return true", time.Time{})}
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.p", "policy.q")
	if _, found := d.Compile(spec); len(found) > 0 {
		t.Errorf("told %v", found)
	}
}

// guarded is a provider whose door asks policies.
func guarded(d *enginetest.Daemon, mode engine.PolicyMode, policies ...string) engine.Spec {
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Policies = policySources()
	door := &engine.ForwardAuth{Decl: enginetest.Declare("", 60, "policies", "policy_headers"), Mode: mode}
	door.Policies = enginetest.Refs(policies...)
	spec.Providers[0].ForwardAuth = door
	return spec
}

// knock asks at the door with an app password.
func knock(t *testing.T, d *enginetest.Daemon, password string, header map[string][]string) error {
	t.Helper()
	caller := engine.Caller{HTTP: engine.PolicyHTTP{Door: engine.DoorForwardAuth, Method: "GET", Path: "/x"}, Header: header}
	_, err := d.Live.Load().Guard(t.Context(), caller, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Password: password}})
	return err
}

func TestPoliciesOfADoorCombine(t *testing.T) {
	tests := []struct {
		policies string
		mode     engine.PolicyMode
		reason   string
	}{
		{"policy.yes", engine.AllPolicies, ""},
		{"policy.yes policy.no", engine.AllPolicies, "forward_auth of provider p: policy no said no"},
		{"policy.yes policy.no", engine.AnyPolicy, ""},
		{"policy.no policy.throws", engine.AnyPolicy, "policy no said no, policy throws failed"},
	}
	for _, tt := range tests {
		d := newDaemon(t)
		d.Serve(t, guarded(d, tt.mode, strings.Fields(tt.policies)...))
		err := knock(t, d, d.Password(t, "ci", nil), nil)
		if decision := d.Audit.Last(t); (err == nil) != (tt.reason == "") || !strings.Contains(decision.Reason, tt.reason) || len(decision.Policies) == 0 || decision.Policies[0].Access != "" {
			t.Errorf("%s: %v, %+v", tt.policies, err, decision)
		}
	}
}

func TestAPolicySeesOnlyTheHeadersThatAreLetThrough(t *testing.T) {
	d := newDaemon(t)
	spec := guarded(d, engine.AllPolicies, "policy.agent")
	spec.Providers[0].ForwardAuth.PolicyHeaders = []string{"User-Agent", "X-Team"}
	spec.Policies = append(spec.Policies, shadowed("agent", `
		const {headers} = request.http;
		return Object.keys(headers).join() === "user-agent,x-team" && headers["user-agent"] === "curl/8" && headers["x-team"] === "a, b"`, time.Time{}))
	d.Serve(t, spec)
	password := d.Password(t, "ci", nil)
	header := map[string][]string{"User-Agent": {"curl/8"}, "X-Team": {"a", "b"}, "Authorization": {"Basic c2VjcmV0"}, "Cookie": {"secret"}}
	if err := knock(t, d, password, header); err != nil {
		t.Error(err)
	}
	decision := d.Audit.Last(t)
	if want := map[string]string{"user-agent": "curl/8", "x-team": "a, b"}; !maps.Equal(decision.Input.HTTP.Headers, want) {
		t.Errorf("the decision holds %v", decision.Input.HTTP.Headers)
	}
	if err := knock(t, d, password, map[string][]string{"User-Agent": {"curl/8"}}); err == nil {
		t.Error("a header that is not there was seen")
	}
	// Where a token is asked for, it is a short list of m2md's.
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.token")
	spec.Policies = append(spec.Policies, shadowed("token", `return request.http.headers["user-agent"] === "curl/8" && Object.keys(request.http.headers).length === 1`, time.Time{}))
	live := d.Serve(t, spec)
	_, err := live.Token(t.Context(), engine.Caller{HTTP: engine.PolicyHTTP{Door: "token"}, Header: header}, client("p", password))
	if err != nil {
		t.Error(err)
	}
}

func TestSecretsAndWordsOfProxiesAreNoHeadersForPolicies(t *testing.T) {
	d := newDaemon(t)
	for _, name := range []string{"Authorization", "proxy-authorization", "Cookie", "X-Forwarded-For", "x-forwarded-user", "X-Original-URL", "Forwarded", "X-Real-IP", "Host", "X-M2md-Subject", "X-Auth-Request-User", "X-Api-Key", "X-Vault-Token", "X-Session-Id", "X-Amz-Signature"} {
		spec := guarded(d, engine.AllPolicies, "policy.yes")
		spec.Providers[0].ForwardAuth.PolicyHeaders = []string{name}
		_, found := d.Compile(spec)
		if i := slices.IndexFunc(found, func(f engine.Finding) bool {
			return strings.HasPrefix(f.Summary, "policies cannot see the header") && f.At.Start.Line == 62
		}); i < 0 {
			t.Errorf("%s: told %v", name, found)
		}
	}
}

func TestAPolicySeesByWhichCertificateAJWTWasVerified(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "", "ES256")
	now := d.Clock.Now()
	script := `const {cert} = request.context; return cert !== null && cert.subject === "" && cert.serial === "1" && cert.not_after === "` +
		now.Add(365*day).UTC().Truncate(time.Second).Format(time.RFC3339) + `" && regexMatch(cert.fingerprint, "[0-9a-f]{64}")`
	claims := map[string]any{"iss": "https://ci.partner.example", "aud": audience, "sub": "x", "exp": now.Add(time.Minute).Unix()}
	for _, tt := range []struct {
		name   string
		pem    engine.Secret
		reason string
	}{
		{"a certificate", selfSigned(t, key, now.Add(-time.Hour), now.Add(365*day)), ""},
		{"a bare public key", engine.Secret(key.PublicPEM()), "policy cert said no"},
	} {
		spec := partner(tt.pem)
		spec.Policies = append(spec.Policies, shadowed("cert", script, time.Time{}))
		spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.cert")
		d.Serve(t, spec)
		claims["iss"] = spec.Certificates[0].Issuer
		claims["aud"] = spec.Certificates[0].Audiences
		for range 2 { // the second time from memory
			if _, err := show(t, d, key.Mint(claims)); (err == nil) != (tt.reason == "") || !strings.Contains(d.Audit.Last(t).Reason, tt.reason) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

func TestClientsAreToldOfPoliciesOnlyWhereTheProviderSaysSo(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Policies = []engine.PolicySource{shadowed("tells", `message('only "main" \\ ü'); message("on weekdays"); log("hidden"); return false`, time.Time{})}
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.tells")
	d.Serve(t, spec)
	password := d.Password(t, "ci", nil)
	said := func() string {
		_, err := d.Live.Load().Token(t.Context(), engine.Caller{}, client("p", password))
		var public *oauth2.Error
		if !errors.As(err, &public) {
			t.Fatal(err)
		}
		return public.Description
	}
	if got := said(); strings.Contains(got, "main") {
		t.Errorf("the client is told %q", got)
	}
	decision := d.Audit.Last(t)
	if want := []string{`only "main" \ ü`, "on weekdays"}; !slices.Equal(decision.Messages, want) || !slices.Equal(decision.Policies[0].Messages, want) || !slices.Equal(decision.Policies[0].Log, []string{"hidden"}) {
		t.Errorf("the decision is %+v", decision)
	}
	spec.Providers[0].PolicyMessages = true
	d.Serve(t, spec)
	if got, want := said(), "The proof was accepted, but no access of this provider lets it in. only 'main' ? ? on weekdays"; got != want {
		t.Errorf("the client is told %q, want %q", got, want)
	}
}

func TestPoliciesThatAskOthersAreJudgedBeforeTheyServe(t *testing.T) {
	d := newDaemon(t)
	compile := func(scripts map[string]string) engine.Findings {
		spec := oneAccess("service_account.ci")
		spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
		for _, label := range slices.Sorted(maps.Keys(scripts)) {
			spec.Policies = append(spec.Policies, shadowed(label, scripts[label], time.Time{}))
		}
		spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.a")
		_, found := d.Compile(spec)
		return found
	}
	tests := []struct {
		name    string
		scripts map[string]string
		told    []string
	}{
		{"one asks one", map[string]string{"a": `return callPolicy("b")`, "b": `return true`}, nil},
		{"two ask one", map[string]string{"a": `return callPolicy("b") && callPolicy("c")`, "b": `return callPolicy("c")`, "c": `return true`}, nil},
		{"one that is not there", map[string]string{"a": `return callPolicy("bb")`, "b": `return callPolicy("a")`}, []string{`policy "b" decides nothing`, "policy.bb is not declared"}},
		{"itself", map[string]string{"a": `return callPolicy("a")`}, []string{`policy "a" asks itself`}},
		{"in a circle", map[string]string{"a": `return callPolicy("b")`, "b": `return callPolicy("c")`, "c": `return callPolicy("b")`}, []string{`policy "b" asks itself`}},
	}
	for _, tt := range tests {
		found := compile(tt.scripts)
		var got []string
		for _, one := range found {
			got = append(got, one.Summary)
		}
		if !slices.Equal(got, tt.told) {
			t.Errorf("%s: told %q, want %q", tt.name, got, tt.told)
		}
	}
	if found := compile(map[string]string{"a": `return callPolicy("b")`, "b": `return true`}); len(found) > 0 {
		t.Fatal(found)
	}
}

func TestAPolicyAsksAnotherInThePipeline(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	// What is in shadow where an access names it is asked all the same.
	spec.Policies = []engine.PolicySource{shadowed("a", `return callPolicy("b")`, time.Time{}), shadowed("b", `message("from b"); return request.user.username !== "ci"`, d.Clock.Now().Add(day))}
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.a", "policy.b")
	d.Serve(t, spec)
	checkAccess(t, d, d.Password(t, "ci", nil), nil, "", "policy a said no")
	if decision := d.Audit.Last(t); !slices.Equal(decision.Messages, []string{"from b"}) || asked(decision) != "a deny, b deny in shadow" {
		t.Errorf("the decision is %+v", decision)
	}
}
