package engine_test

import (
	"fmt"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// forgetful is an Auditor that keeps nothing.
type forgetful struct{}

func (forgetful) Record(*engine.Decision) {}

// newBenchDaemon is a daemon under serving conditions.
func newBenchDaemon(b *testing.B) *enginetest.Daemon {
	b.Helper()
	d := enginetest.NewDaemon(b, enginetest.Parts{Store: memory.New(), Policies: scripting.New(scripting.Options{})})
	d.Deps.Audit = forgetful{}
	return d
}

func benchmarkToken(b *testing.B, e *engine.Engine, secret string) {
	req := &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: secret}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Token(b.Context(), engine.Caller{RequestID: "r"}, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTokenForAnAppPassword(b *testing.B) {
	d := newBenchDaemon(b)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	benchmarkToken(b, d.Serve(b, spec), d.Password(b, "ci", nil))
}

func BenchmarkTokenForAnRS256JWTWithAPolicy(b *testing.B) {
	d := newBenchDaemon(b)
	key := enginetest.NewKey(b, "k", "RS256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Policies = []engine.PolicySource{{Decl: enginetest.Declare("only_repo", 40), Inputs: map[string]any{"repository": "acme/api"}, Script: engine.Script{At: enginetest.At(41), Text: `
		const jwt = request.context.oauth_jwt;
		if (!jwt) return false;
		return jwt.iss === "https://token.actions.githubusercontent.com" && jwt.repository === inputs.repository;`}}}
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.only_repo")
	benchmarkToken(b, d.Serve(b, spec), key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience)))
}

// guardedEngine is an engine behind forward-auth, and an access token for it.
func guardedEngine(b *testing.B) (*enginetest.Daemon, engine.Spec, string) {
	b.Helper()
	d := newBenchDaemon(b)
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 20)}
	token, err := d.Serve(b, spec).Token(b.Context(), engine.Caller{}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: d.Password(b, "ci", nil)},
	})
	if err != nil {
		b.Fatal(err)
	}
	return d, spec, token.AccessToken
}

func BenchmarkGuardRemembered(b *testing.B) {
	d, _, token := guardedEngine(b)
	e := d.Live.Load()
	req := engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Guard(b.Context(), engine.Caller{RequestID: "r"}, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGuardNewES256 alternates between 16,384 tokens, more than a provider
// remembers: each is new when it comes again.
func BenchmarkGuardNewES256(b *testing.B) {
	d, _, _ := guardedEngine(b)
	e := d.Live.Load()
	password := d.Password(b, "ci", nil)
	tokens := make([]string, 1<<14)
	for i := range tokens {
		token, err := e.Token(b.Context(), engine.Caller{}, &oauth2.Request{GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: password}})
		if err != nil {
			b.Fatal(err)
		}
		tokens[i] = token.AccessToken
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		if _, err := e.Guard(b.Context(), engine.Caller{RequestID: "r"}, engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: tokens[i%len(tokens)]}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequirementMatch(b *testing.B) {
	require := enginetest.Require(map[string]any{
		"repository_owner_id": "1234", "event_name": []any{"push", "workflow_dispatch"}, "ref": enginetest.Pattern(`refs/(heads|tags)/.*`),
	})
	claims := decodeClaims(b, `{"repository_owner_id":"1234","event_name":"push","ref":"refs/heads/main"}`)
	b.ReportAllocs()
	for b.Loop() {
		if !require.Match(claims) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkCompileOf1000Accounts(b *testing.B) {
	d := newBenchDaemon(b)
	spec := oneAccess()
	for i := range 1000 {
		label := fmt.Sprintf("account_%d", i)
		spec.Accounts = append(spec.Accounts, engine.ServiceAccount{Decl: enginetest.Declare(label, 10+i), Groups: []string{"a", "b"}})
		spec.Providers[0].Accesses[0].From = append(spec.Providers[0].Accesses[0].From, enginetest.Refs("service_account."+label)...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, found := d.Compile(spec); found.Err() != nil {
			b.Fatal(found)
		}
	}
}
