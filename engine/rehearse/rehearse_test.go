package rehearse_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/opaque"
	"github.com/m2md/m2md/engine/rehearse"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// deps are those of a configuration that serves nobody.
func deps(t testing.TB) engine.Deps {
	t.Helper()
	hasher, err := engine.NewPasswordHasher(engine.PasswordHasherOptions{Random: rand.Reader, Cost: enginetest.HashCost()})
	if err != nil {
		t.Fatal(err)
	}
	keys, opaques := jwks.NewCache(jwks.Options{}), opaque.NewCache(opaque.Options{})
	t.Cleanup(keys.Close)
	t.Cleanup(opaques.Close)
	return engine.Deps{
		Now: time.Now, Random: rand.Reader, Policies: scripting.New(scripting.Options{}), SigningKeys: memory.New(), Hasher: hasher,
		Published: &engine.PublishedKeys{}, KeySets: keys, Opaque: opaques, Verified: engine.NewVerifiedTokens(),
	}
}

func rehearsal(t testing.TB, spec engine.Spec) *rehearse.Rehearsal {
	t.Helper()
	r, found := rehearse.New(t.Context(), spec, deps(t))
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

const here = "https://auth.example.com"

// theSpec has a source of each kind, and an account.
func theSpec() engine.Spec {
	trust := func(issuer string) engine.Trust { return engine.Trust{Issuer: issuer, Audiences: []string{here}} }
	once := trust(enginetest.GitHub)
	once.UseOnce, once.MaxTokenAge = true, 4*time.Minute
	return engine.Spec{
		Server: engine.Server{Decl: enginetest.Declare("", 1), ExternalURL: here, Listen: "127.0.0.1:9440"},
		Sources: []engine.OAuthSource{
			{Decl: enginetest.Declare("github", 10, "oidc_jwks_url"), Trust: once, Profile: "github-actions", JWKSURL: "https://token.actions.githubusercontent.com/.well-known/jwks"},
			{Decl: enginetest.Declare("cluster", 20, "oidc_well_known_url"), Trust: trust(enginetest.Kubernetes), Profile: "kubernetes", WellKnownURL: enginetest.Kubernetes + "/.well-known/openid-configuration"},
			{Decl: enginetest.Declare("opaque", 30, "introspection_url"), Trust: trust("https://opaque.example"), Opaque: engine.OpaqueTokens{IntrospectionURL: "https://opaque.example/introspect", ConsumerKey: "m2md", ConsumerSecret: "x"}},
			{Decl: enginetest.Declare("profiled", 40, "profile_url"), Trust: engine.Trust{Issuer: "https://profile.example", AllowAnyAudience: true}, Opaque: engine.OpaqueTokens{ProfileURL: "https://profile.example/me"}},
		},
		Certificates: []engine.VerificationCertificate{{Decl: enginetest.Declare("partner", 50, "certificate"), Trust: trust("https://partner.example"), Certificate: engine.File{Content: "absent"}}},
		Accounts:     []engine.ServiceAccount{{Decl: enginetest.Declare("backup", 60), AppPasswords: engine.AppPasswordRules{MaxAge: 24 * time.Hour}}},
		Policies:     []engine.PolicySource{policy("main", 70, `return request.context.oauth_jwt.ref === "refs/heads/main";`), policy("june", 80, `return request.time.startsWith("2026-06");`)},
		Providers: []engine.Provider{
			{Decl: enginetest.Declare("p", 100), ClientID: "the-p", Scopes: []string{"read"}, Claims: map[string]any{"team": "sre", "zones": []any{"a", "b"}},
				Accesses: []engine.Access{
					{Decl: enginetest.Declare("main", 101), From: enginetest.Refs("oauth_source.github"), Policies: enginetest.Refs("policy.main")},
					{Decl: enginetest.Declare("others", 110), From: enginetest.Refs("oauth_source.cluster", "oauth_source.opaque", "verification_certificate.partner", "service_account.backup")},
				},
				ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 120), ExternalHost: "p.example.com", SkipPaths: []string{"/ready"}, Policies: enginetest.Refs("policy.june")}},
			{Decl: enginetest.Declare("q", 130), Accesses: []engine.Access{{Decl: enginetest.Declare("of_p", 131), From: enginetest.Refs("provider.p")}}},
			{Decl: enginetest.Declare("r", 140), Accesses: []engine.Access{{Decl: enginetest.Declare("profiled", 141), From: enginetest.Refs("oauth_source.profiled"), Require: enginetest.Require(map[string]any{"team": "x"})}}},
		},
	}
}

func policy(label string, line int, text string) engine.PolicySource {
	return engine.PolicySource{Decl: enginetest.Declare(label, line), Script: engine.Script{Text: text, At: enginetest.At(line)}}
}

func from(name string) engine.Ref {
	if name == "" {
		return engine.Ref{}
	}
	return enginetest.Refs(name)[0]
}

var june = time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)

func TestCasesGoTheWholeWay(t *testing.T) {
	door := func(c engine.Case, shows engine.Showing, path string) engine.Case {
		c.Door, c.Request = engine.DoorForwardAuth, engine.Request{Shows: shows, PolicyHTTP: engine.PolicyHTTP{Path: path}}
		return c
	}
	github := engine.Case{Provider: "p", From: from("oauth_source.github")}
	cluster := engine.Case{Provider: "p", From: from("oauth_source.cluster")}
	backup := engine.Case{Provider: "p", From: from("service_account.backup")}
	with := func(c engine.Case, change func(*engine.Case)) engine.Case {
		change(&c)
		return c
	}
	claims := func(c engine.Case, changes map[string]any) engine.Case {
		return with(c, func(c *engine.Case) { c.Claims = changes })
	}
	tests := []struct {
		name    string
		asked   engine.Case
		subject string // "" where it is refused
		access  string
		by      string // what says no
	}{
		{"a source's usual token", github, "github/repo:acme@1234/api@5678:ref:refs/heads/main", "main", ""},
		{"a changed one", claims(github, map[string]any{"ref": "refs/heads/x"}), "", "", "policy.main"},
		{"one without a claim", claims(github, map[string]any{"ref": nil}), "", "", "policy.main"},
		{"one that is old", with(github, func(c *engine.Case) { c.Age = 10 * time.Minute }), "", "", "times"},
		{"one that is too old, and valid", with(claims(github, map[string]any{"exp": "1h"}), func(c *engine.Case) { c.Age = 4*time.Minute + time.Second }), "", "", "times"},
		{"one that is not yet valid", claims(github, map[string]any{"nbf": "+5m"}), "", "", "times"},
		{"one that is dated", claims(github, map[string]any{"exp": "2026-01-01T00:00:00Z"}), "", "", "times"},
		{"one for somebody else", claims(github, map[string]any{"aud": "https://else.example"}), "", "", "audience"},
		{"one of another issuer", claims(github, map[string]any{"iss": "https://else.example"}), "", "", "issuer"},
		{"one shown twice", with(github, func(c *engine.Case) { c.ShownBefore = []string{"p"} }), "", "", "replay"},
		{"one shown twice where that is right", with(cluster, func(c *engine.Case) { c.ShownBefore = []string{"p"} }), "cluster/system:serviceaccount:monitoring:prometheus", "others", ""},
		{"years ago", with(github, func(c *engine.Case) { c.Now = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC) }), "github/repo:acme@1234/api@5678:ref:refs/heads/main", "main", ""},
		{"a certificate's", engine.Case{Provider: "p", From: from("verification_certificate.partner")}, "partner/machine", "others", ""},
		{"an app password", backup, "backup", "others", ""},
		{"an app password that is old", with(backup, func(c *engine.Case) { c.Age = 25 * time.Hour }), "", "", "app_password"},
		{"an opaque token", engine.Case{Provider: "p", From: from("oauth_source.opaque"), Claims: map[string]any{"exp": nil}}, "opaque/machine", "others", ""},
		{"an opaque token for somebody else", engine.Case{Provider: "p", From: from("oauth_source.opaque"), Claims: map[string]any{"aud": "x"}}, "", "", "audience"},
		{"the token of a profile_url", engine.Case{Provider: "r", From: from("oauth_source.profiled"), Claims: map[string]any{"team": "x"}}, "profiled/machine", "profiled", ""},
		{"the token of a profile_url, with other claims", engine.Case{Provider: "r", From: from("oauth_source.profiled")}, "", "", "require_claims"},
		{"where nobody names it", engine.Case{Provider: "q", From: from("service_account.backup")}, "", "", "access"},
		{"by the token of another provider", engine.Case{Provider: "q", Via: "p", From: from("oauth_source.github")}, "github/repo:acme@1234/api@5678:ref:refs/heads/main", "of_p", ""},
		{"at the door", with(door(github, engine.ShowsToken, "/"), func(c *engine.Case) { c.Now = june }), "github/repo:acme@1234/api@5678:ref:refs/heads/main", "main", ""},
		{"at the door at another time", with(door(github, engine.ShowsToken, "/"), func(c *engine.Case) { c.Now = june.AddDate(0, 1, 0) }), "", "", "policy.june"},
		{"at the door with an app password", with(door(backup, engine.ShowsProof, "/"), func(c *engine.Case) { c.Now = june }), "backup", "others", ""},
		{"at the door with the source's token", with(door(github, engine.ShowsProof, "/"), func(c *engine.Case) { c.Now = june }), "", "", "signature"},
		{"at the door with nothing", door(engine.Case{Provider: "p"}, engine.ShowsNothing, "/"), "", "", ""},
		{"at an open path", door(engine.Case{Provider: "p"}, engine.ShowsNothing, "/ready"), "", "skip_paths", ""},
	}
	r := rehearsal(t, theSpec())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := r.Trace(t.Context(), tt.asked)
			if refused := tt.access == ""; refused != (got.Err != nil) || !refused && got.Decision.Subject != tt.subject || got.Access() != tt.access {
				t.Fatalf("%q got in by %q (%v), want %q by %q", got.Decision.Subject, got.Access(), got.Err, tt.subject, tt.access)
			}
			if tt.by == "" {
				return
			}
			test := engine.Test{Case: tt.asked, Expect: engine.Expectation{Outcome: engine.Denied, DeniedBy: tt.by}}
			if trial := r.Try(t.Context(), test); !trial.Passed() {
				t.Errorf("%s; steps:\n%+v", trial.Missed, got.Trace.Steps)
			}
		})
	}
}

func TestNothingOfACaseReachesAnother(t *testing.T) {
	r := rehearsal(t, theSpec())
	test := engine.Test{Case: engine.Case{Provider: "p", From: from("oauth_source.github"), Claims: map[string]any{"jti": "always the same"}}, Expect: engine.Expectation{Outcome: engine.Allowed}}
	for _, trial := range r.TryAll(t.Context(), slices.Repeat([]engine.Test{test}, 200)) {
		if !trial.Passed() {
			t.Fatal(trial.Missed)
		}
	}
}

func TestWhatWasExpectedIsComparedWithWhatCame(t *testing.T) {
	github := engine.Case{Provider: "p", From: from("oauth_source.github"), Scopes: []string{"read", "write"}}
	want := func(claims map[string]any) engine.Expectation {
		return engine.Expectation{Outcome: engine.Allowed, Claims: enginetest.Require(claims)}
	}
	tests := []struct {
		name   string
		expect engine.Expectation
		missed string // a part of what is said; "" where all came
	}{
		{"to get in", engine.Expectation{Outcome: engine.Allowed, Access: "main"}, ""},
		{"to be denied", engine.Expectation{Outcome: engine.Denied}, "expected deny, but oauth_source.github repo:acme@1234/api@5678:ref:refs/heads/main got in by access main of provider p; policy main said yes"},
		{"another access", engine.Expectation{Outcome: engine.Allowed, Access: "others"}, "expected access others, but oauth_source.github repo:acme@1234/api@5678:ref:refs/heads/main got in by access main"},
		{"claims", want(map[string]any{"team": "sre", "scope": "read", "client_id": "the-p", "sub": enginetest.Pattern("github/.*")}), ""},
		{"a whole list", want(map[string]any{"zones": []any{"a", "b"}}), ""},
		{"another order", want(map[string]any{"zones": []any{"b", "a"}}), `expected the claim zones[0] to be "b", but the issued token has "a"`},
		{"a part of a list", want(map[string]any{"zones": []any{"a"}}), `expected the claim zones to be ["a"], but the issued token has ["a","b"]`},
		{"a member of a list", want(map[string]any{"zones": "a"}), `expected the claim zones to be "a", but the issued token has ["a","b"]`},
		{"another value", want(map[string]any{"team": "web"}), `expected the claim team to be "web", but the issued token has "sre"`},
		{"another type", want(map[string]any{"team": true}), `expected the claim team to be true, but the issued token has "sre"`},
		{"a pattern", want(map[string]any{"team": enginetest.Pattern("s")}), `expected the claim team to be pattern("s"), but the issued token has "sre"`},
		{"a claim that is not there", want(map[string]any{"role": "x"}), "expected the claim role, but the issued token has none"},
		{"an object", want(map[string]any{"team": map[string]any{"a": "x"}}), "expected the claim team.a, but the issued token has none"},
		{"a message", engine.Expectation{Outcome: engine.Allowed, Messages: []string{"x"}}, `expected the message "x", but policies told nothing`},
	}
	r := rehearsal(t, theSpec())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := strings.Join(r.Try(t.Context(), engine.Test{Case: github, Expect: tt.expect}).Missed, "\n")
			if (tt.missed == "") != (said == "") || !strings.Contains(said, tt.missed) {
				t.Errorf("said %q, want %q", said, tt.missed)
			}
		})
	}
}

func TestARefusalIsComparedWithWhatWasExpected(t *testing.T) {
	topic := engine.Case{Provider: "p", From: from("oauth_source.github"), Claims: map[string]any{"ref": "refs/heads/x"}}
	tests := []struct {
		expect engine.Expectation
		missed string
	}{
		{engine.Expectation{Outcome: engine.Denied, DeniedBy: "policy.main", Error: "unauthorized_client"}, ""},
		{engine.Expectation{Outcome: engine.Denied, DeniedBy: "audience"}, "expected oauth_source.github repo:acme@1234/api@5678:ref:refs/heads/main to be denied by audience, but it was denied by policy.main"},
		{engine.Expectation{Outcome: engine.Denied, DeniedBy: "policy.june"}, "expected oauth_source.github repo:acme@1234/api@5678:ref:refs/heads/main to be denied by policy.june, but it was denied by policy.main"},
		{engine.Expectation{Outcome: engine.Denied, Error: "invalid_client"}, "expected the error invalid_client, but it was unauthorized_client"},
		{engine.Expectation{Outcome: engine.Allowed}, "expected allow, but oauth_source.github repo:acme@1234/api@5678:ref:refs/heads/main was denied by provider p: access main: policy main said no"},
	}
	r := rehearsal(t, theSpec())
	for _, tt := range tests {
		said := strings.Join(r.Try(t.Context(), engine.Test{Case: topic, Expect: tt.expect}).Missed, "\n")
		if (tt.missed == "") != (said == "") || !strings.HasPrefix(said, tt.missed) {
			t.Errorf("%+v: said %q, want %q", tt.expect, said, tt.missed)
		}
	}
}

func TestChangesOfClaimsAreAMergePatch(t *testing.T) {
	was := map[string]any{"a": "1", "b": map[string]any{"c": "2", "d": "3"}, "e": []any{"4"}}
	got := rehearse.Patch(was, map[string]any{"a": nil, "b": map[string]any{"c": nil, "x": json.Number("5")}, "e": []any{}, "f": map[string]any{"g": nil, "h": true}})
	const want = `{"b":{"d":"3","x":5},"e":[],"f":{"h":true}}`
	if text := rehearse.Written(got); text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	if text := rehearse.Written(was); text != `{"a":"1","b":{"c":"2","d":"3"},"e":["4"]}` {
		t.Errorf("what was patched is now %s", text)
	}
}

func TestACertificateCountsAsLongAsTheOneInItsPlace(t *testing.T) {
	key := enginetest.NewKey(t, "", "RS256")
	spec := theSpec()
	spec.Certificates[0].Certificate = engine.File{Content: selfSigned(t, key, june.AddDate(-1, 0, 0), june)}
	r := rehearsal(t, spec)
	asked := engine.Case{Provider: "p", From: from("verification_certificate.partner"), Now: june.Add(-time.Hour)}
	if got := r.Run(t.Context(), asked); got.Err != nil {
		t.Errorf("in its time: %s", got.Err)
	}
	asked.Now = june.Add(time.Hour)
	if got := r.Run(t.Context(), asked); got.Err == nil {
		t.Error("it counts after its end")
	}
}

func TestPoliciesSeeTheRequestOfTheCase(t *testing.T) {
	spec := theSpec()
	spec.Policies[1] = policy("june", 80, `return request.http.headers["x-team"] === "sre" && request.http.method === "POST" && request.http.host === "p.example.com" && request.http.client_ip === "192.0.2.1";`)
	spec.Providers[0].ForwardAuth.PolicyHeaders = []string{"x-team"}
	r := rehearsal(t, spec)
	asked := engine.Case{Provider: "p", From: from("oauth_source.github"), Door: engine.DoorForwardAuth}
	if got := r.Run(t.Context(), asked); got.Err == nil {
		t.Error("the policy says yes to a request that says nothing")
	}
	asked.Request = engine.Request{PolicyHTTP: engine.PolicyHTTP{Method: "POST"}, Header: map[string][]string{"X-Team": {"sre"}}}
	if got := r.Run(t.Context(), asked); got.Err != nil {
		t.Error(got.Err)
	}
}

// What only the machine that serves has may be absent; what decides may not.
func TestATestThatNeedsWhatIsAbsentIsSkipped(t *testing.T) {
	spec := theSpec()
	spec.Incomplete = true
	spec.Sources[0].Unknown = map[string]bool{"oidc_jwks_file": true, "audiences": true, "issuer": true}
	spec.Sources[0].Audiences, spec.Sources[0].Issuer = nil, ""
	spec.Policies[1].Unknown = map[string]bool{"inputs": true}
	spec.Providers[0].ForwardAuth = nil
	r := rehearsal(t, spec)
	test := engine.Test{Case: engine.Case{Provider: "p", From: from("oauth_source.github")}, Expect: engine.Expectation{Outcome: engine.Allowed}}
	if trial := r.Try(t.Context(), test); !trial.Passed() {
		t.Errorf("only keys, issuer and audiences are absent: %s%s", trial.Missed, trial.Skipped)
	}
	spec.Providers[0].Accesses[1].Policies = enginetest.Refs("policy.june")
	if trial := rehearsal(t, spec).Try(t.Context(), test); trial.Skipped != `"inputs" of policy.june is not known here` {
		t.Errorf("skipped: %q, missed: %s", trial.Skipped, trial.Missed)
	}
}

func TestReachTellsWhatTestsWentThrough(t *testing.T) {
	r := rehearsal(t, theSpec())
	tests := []engine.Test{
		{Case: engine.Case{Provider: "p", From: from("oauth_source.github")}, Expect: engine.Expectation{Outcome: engine.Allowed}},
		{Case: engine.Case{Provider: "p", From: from("oauth_source.github"), Claims: map[string]any{"ref": "x"}}, Expect: engine.Expectation{Outcome: engine.Allowed}}, // fails
		{Case: engine.Case{Provider: "q", From: from("service_account.backup")}, Expect: engine.Expectation{Outcome: engine.Denied}},
	}
	trials := r.TryAll(t.Context(), tests)
	reach := r.Reach(trials)
	var told []string
	for _, one := range slices.Concat(reach.Providers, reach.Accesses, reach.Sources, reach.Policies) {
		if one.Yes+one.No > 0 {
			told = append(told, fmt.Sprintf("%s %d/%d", one.Name, one.Yes, one.No))
		}
	}
	want := "provider.p 1/0, provider.q 0/1, p.main 1/0, oauth_source.github 1/0, service_account.backup 1/0, policy.main 1/0"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	tests[1].Expect.Outcome = engine.Denied
	var never []string
	for _, p := range r.NeverDenying(r.TryAll(t.Context(), tests)) {
		never = append(never, p.Label)
	}
	if !slices.Equal(never, []string{"june"}) {
		t.Errorf("never said no: %q", never)
	}
}

func BenchmarkCases(b *testing.B) {
	r := rehearsal(b, theSpec())
	tests := []engine.Test{
		{Case: engine.Case{Provider: "p", From: from("oauth_source.github")}, Expect: engine.Expectation{Outcome: engine.Allowed}},
		{Case: engine.Case{Provider: "p", From: from("oauth_source.github"), Claims: map[string]any{"ref": "x"}}, Expect: engine.Expectation{Outcome: engine.Denied, DeniedBy: "policy.main"}},
		{Case: engine.Case{Provider: "p", From: from("service_account.backup")}, Expect: engine.Expectation{Outcome: engine.Allowed}},
		{Case: engine.Case{Provider: "p", From: from("oauth_source.cluster"), Claims: map[string]any{"kubernetes.io": map[string]any{"namespace": "x"}}}, Expect: engine.Expectation{Outcome: engine.Allowed}},
	}
	all := slices.Repeat(tests, 250)
	cases := 0
	for b.Loop() {
		for _, trial := range r.TryAll(b.Context(), all) {
			if !trial.Passed() {
				b.Fatal(trial.Missed)
			}
		}
		cases += len(all)
	}
	b.ReportMetric(float64(cases)/b.Elapsed().Seconds(), "cases/s")
}
