package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// mapsTo is a configuration of one provider with these mappings.
func mapsTo(key *enginetest.Key, scripts ...string) engine.Spec {
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	p := &spec.Providers[0]
	p.Decl = enginetest.Declare("p", 1, "mappings")
	p.Scopes = []string{"openid"}
	for i, script := range scripts {
		label := fmt.Sprintf("m%d", i)
		spec.Mappings = append(spec.Mappings, engine.MappingSource{Decl: enginetest.Declare(label, 600+10*i), Script: engine.Script{Text: script, At: enginetest.At(601 + 10*i)}})
		p.Mappings = append(p.Mappings, enginetest.Refs("mapping."+label)...)
	}
	return spec
}

// added are the claims of a token that m2md does not set itself, as JSON.
func added(t *testing.T, token string) string {
	t.Helper()
	claims := payloadOf(t, token)
	for _, name := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope"} {
		delete(claims, name)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMappingsAddClaims(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	static := map[string]any{"team": "sre", "kept": json.Number("1")}
	tests := []struct {
		name     string
		mappings []string
		want     string
	}{
		{"none", nil, `{"kept":1,"team":"sre"}`},
		{"nothing", []string{`return {}`}, `{"kept":1,"team":"sre"}`},
		{"a claim of the JWT", []string{`return {repository: request.context.oauth_jwt.repository}`}, `{"kept":1,"repository":"acme/api","team":"sre"}`},
		{"over a claim of the files", []string{`return {team: "ops"}`}, `{"kept":1,"team":"ops"}`},
		{"the later over the earlier, whole", []string{`return {a: {x: 1}, b: 1}`, `return {a: {y: 2}}`}, `{"a":{"y":2},"b":1,"kept":1,"team":"sre"}`},
		{"values of all kinds", []string{`return {n: null, t: true, l: [1, "a"], o: {f: 1.5}}`}, `{"kept":1,"l":[1,"a"],"n":null,"o":{"f":1.5},"t":true,"team":"sre"}`},
		{"what asks a policy", []string{`return {trusted: callPolicy("yes")}`}, `{"kept":1,"team":"sre","trusted":true}`},
		{"names and values that JSON escapes", []string{`return {'a"b\\': '</script>"\u2028'}`}, `{"a\"b\\":"\u003c/script\u003e\"\u2028","kept":1,"team":"sre"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := mapsTo(key, tt.mappings...)
			spec.Providers[0].Claims = static
			spec.Policies = policySources()
			live := d.Serve(t, spec)
			token, err := live.Token(t.Context(), engine.Caller{}, client("p", key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience)), "openid"))
			if err != nil {
				t.Fatal(err)
			}
			if got := added(t, token.AccessToken); got != tt.want {
				t.Errorf("the access token has %s, want %s", got, tt.want)
			}
			if got := added(t, token.IDToken); got != tt.want {
				t.Errorf("the ID token has %s, want %s", got, tt.want)
			}
		})
	}
}

// A mapping that fails is m2md's own fault: nothing is issued, the log says
// which and where, and the client learns nothing.
func TestAMappingThatFailsIssuesNothing(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	tests := []struct{ mapping, reason string }{
		{`throw new Error("no")`, "mapping m1 threw Error: no at main.hcl:"},
		{`return`, "mapping m1 (main.hcl:"},
		{`return {a: () => 1}`, `"a" is a function, which no token can hold`},
		{`return {large: "x".repeat(5000)}`, "mappings of provider p: the claims of a token, with those of the files, have 5"},
		{`return {"": 1}`, "mapping m1: a claim's name is empty"},
		{`return {"a\u0000": 1}`, "mapping m1: a claim's name is empty"},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "may_act", "cnf", "auth_time", "acr", "amr", "azp", "typ", "nonce", "at_hash", "c_hash", "s_hash", "events", "sub_id", "m2md_source", "m2md_anything", "ISS", "Aud", "\u017fub", "Client_ID", "M2MD_source"} {
		tests = append(tests, struct{ mapping, reason string }{fmt.Sprintf(`return {%q: "evil"}`, name), fmt.Sprintf("mapping m1: the claim %q is m2md's to set", name)})
	}
	for _, tt := range tests {
		t.Run(tt.mapping, func(t *testing.T) {
			d.Serve(t, mapsTo(key, `return {ok: true}`, tt.mapping))
			token, err := show(t, d, key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience)))
			var public *oauth2.Error
			if token != nil || err == nil || errors.As(err, &public) {
				t.Fatalf("got %v, %v", token, err)
			}
			if decision := d.Audit.Last(t); decision.Outcome != engine.Failed || !strings.Contains(decision.Reason, tt.reason) || decision.TokenID != "" {
				t.Errorf("the decision is %s because %q, want %q", decision.Outcome, decision.Reason, tt.reason)
			}
		})
	}
}

// A token that is taken once is not spent on a request that gets nothing.
func TestAMappingThatFailsSpendsNothing(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := mapsTo(key, `throw 1`)
	spec.Sources[0].UseOnce = true
	d.Serve(t, spec)
	jwt := key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"jti": "one"}))
	if _, err := show(t, d, jwt); err == nil {
		t.Fatal("a token was issued")
	}
	spec.Mappings[0].Script.Text = `return {}`
	d.Serve(t, spec)
	accepted(t, d, jwt)
	refused(t, d, jwt, "used before")
}

func TestMappingsAreResolvedBeforeTheyServe(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	tests := []struct {
		name   string
		change func(*engine.Spec)
		told   []string
	}{
		{"as it is", func(*engine.Spec) {}, nil},
		{"one that is not there", func(s *engine.Spec) {
			s.Providers[0].Mappings = append(s.Providers[0].Mappings, enginetest.Refs("mapping.m")...)
		}, []string{"mapping.m is not declared"}},
		{"one twice", func(s *engine.Spec) {
			s.Providers[0].Mappings = append(s.Providers[0].Mappings, s.Providers[0].Mappings...)
		}, []string{"mapping.m0 has no effect"}},
		{"one that nothing names", func(s *engine.Spec) { s.Providers[0].Mappings = nil }, []string{`mapping "m0" maps nothing`}},
		{"two of a name", func(s *engine.Spec) { s.Mappings = append(s.Mappings, s.Mappings...) }, []string{`the mapping "m0" is declared twice`}},
		{"one that does not parse", func(s *engine.Spec) { s.Mappings[0].Script.Text = "return (" }, []string{"invalid JavaScript: unexpected token }"}},
		{"one that asks a policy that is not there", func(s *engine.Spec) { s.Mappings[0].Script.Text = `return {a: callPolicy("x")}` }, []string{"policy.x is not declared"}},
		{"one that misspells a member", func(s *engine.Spec) { s.Mappings[0].Script.Text = `return {a: request.usr}` }, []string{`request has no member "usr"`}},
	}
	for _, tt := range tests {
		spec := mapsTo(key, `return {}`)
		tt.change(&spec)
		_, found := d.Compile(spec)
		var got []string
		for _, one := range found {
			got = append(got, one.Summary)
		}
		if !slices.Equal(got, tt.told) {
			t.Errorf("%s: told %q, want %q", tt.name, got, tt.told)
		}
	}
}

// At the door, a token has the claims that it was issued with: mappings do not
// run again.
func TestMappingsDoNotRunAtTheDoor(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := mapsTo(key, `return {}`)
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptInput: true}
	live := d.Serve(t, spec)
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	token, err := live.Token(t.Context(), engine.Caller{}, client("p", jwt))
	if err != nil {
		t.Fatal(err)
	}
	spec.Mappings[0].Script.Text = "throw 1"
	live = d.Serve(t, spec)
	for _, bearer := range []string{token.AccessToken, jwt} {
		if _, err := live.Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: bearer}}); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkTokenWithAMapping(b *testing.B) {
	d := newBenchDaemon(b)
	key := enginetest.NewKey(b, "k", "ES256")
	spec := mapsTo(key, `const jwt = request.context.oauth_jwt; return {repository: jwt.repository, ref: jwt.ref}`)
	benchmarkToken(b, d.Serve(b, spec), key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience)))
}
