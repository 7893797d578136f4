package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// scripts are the scripts that the tests of accesses ask, by name.
var scripts = map[string]string{
	"yes":     `return true;`,
	"no":      `return false;`,
	"throws":  `throw new Error("broken");`,
	"loops":   `for (;;) {}`,
	"string":  `return "true";`,
	"one":     `return 1;`,
	"promise": `return Promise.resolve(true);`,
	"nothing": ``,
	"object":  `return { valueOf() { return true; } };`,
	"sees": `
		const jwt = request.context.oauth_jwt;
		return jwt.repository === inputs.repository
			&& request.context.JWT.repository_id === "5678"
			&& request.context.oauth_grant_type === "client_credentials"
			&& request.context.oauth_scopes.includes("logs:read")
			&& request.user.name === "gh/" + jwt.sub;`,
	"sees_account": `
		return !request.context.oauth_jwt
			&& request.user.name === "ci"
			&& request.user.groups.includes("metrics")
			&& request.user.attributes.team === "sre";`,
}

func policySources() []engine.PolicySource {
	var all []engine.PolicySource
	for name, script := range scripts {
		all = append(all, engine.PolicySource{
			Decl: enginetest.Declare(name, 500), Script: engine.Script{Text: script, At: enginetest.At(501)},
			Inputs: map[string]any{"repository": "acme/api"},
		})
	}
	return all
}

func TestPoliciesOfAnAccess(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	const all, anyOf = engine.AllPolicies, engine.AnyPolicy
	tests := []struct {
		name     string
		policies string
		mode     engine.PolicyMode
		reason   string // "" where it lets in
	}{
		{"none", "", all, ""},
		{"none, any of which", "", anyOf, ""},
		{"yes", "yes", all, ""},
		{"no", "no", all, "access all: policy no said no"},
		{"yes and no", "yes no", all, "policy no said no"},
		{"no and yes", "no yes", all, "policy no said no"},
		{"yes or no", "yes no", anyOf, ""},
		{"no or yes", "no yes", anyOf, ""},
		{"no or no", "no nothing", anyOf, "policy no said no, policy nothing failed"},
		{"throws", "throws", all, "policy throws failed"},
		{"throws or yes", "throws yes", anyOf, ""},
		{"throws or no", "throws no", anyOf, "policy throws failed"},
		{"yes and throws", "yes throws", all, "policy throws failed"},
		{"a string", "string", all, "policy string failed"},
		{"one", "one", all, "policy one failed"},
		{"a promise of true", "promise", all, "policy promise failed"},
		{"nothing", "nothing", all, "policy nothing failed"},
		{"an object that is like true", "object", all, "policy object failed"},
		{"what a policy sees of a JWT", "sees", all, "policy sees said no"}, // no scope was asked for
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := oneAccess("oauth_source.gh")
			spec.Sources = []engine.OAuthSource{github("gh", key)}
			spec.Policies = policySources()
			access := &spec.Providers[0].Accesses[0]
			access.Mode = tt.mode
			for name := range strings.FieldsSeq(tt.policies) {
				access.Policies = append(access.Policies, enginetest.Refs("policy."+name)...)
			}
			d.Serve(t, spec)
			checkAccess(t, d, jwt, nil, "all", tt.reason)
		})
	}
}

// checkAccess asks the provider p for a token, and checks by which access it
// is given, or why it is not.
func checkAccess(t *testing.T, d *enginetest.Daemon, secret string, scopes []string, rule, reason string) {
	t.Helper()
	_, err := d.Live.Load().Token(t.Context(), engine.Caller{HTTP: engine.PolicyHTTP{Door: "token"}}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: secret}, Scopes: scopes,
	})
	decision := d.Audit.Last(t)
	if reason == "" {
		if err != nil || decision.Outcome != engine.Allowed || decision.Rule != rule {
			t.Fatalf("got %v by rule %q, want one by %q", err, decision.Rule, rule)
		}
		return
	}
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || refusal.Public.Code != oauth2.UnauthorizedClient {
		t.Fatalf("got %v, want unauthorized_client", err)
	}
	if decision.Outcome != engine.Denied || !strings.Contains(decision.Reason, reason) || decision.Rule != "" {
		t.Errorf("the decision is %s by %q because %q, want because %q", decision.Outcome, decision.Rule, decision.Reason, reason)
	}
	if strings.Contains(refusal.Public.Description, "policy ") || strings.Contains(refusal.Public.Description, "access all") {
		t.Errorf("the client is told %q", refusal.Public.Description)
	}
}

func TestWhatAPolicySeesOfTheWholePipeline(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh", "service_account.ci")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10), Groups: []string{"metrics"}, Attributes: map[string]any{"team": "sre"}}}
	spec.Policies = policySources()
	access := &spec.Providers[0].Accesses[0]
	access.Policies, access.Mode = enginetest.Refs("policy.sees", "policy.sees_account"), engine.AnyPolicy
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	checkAccess(t, d, key.Mint(claims), []string{"logs:read"}, "all", "")
	checkAccess(t, d, key.Mint(claims), nil, "", "policy sees said no")
	checkAccess(t, d, key.Mint(enginetest.With(claims, map[string]any{"repository": "evil/api"})), []string{"logs:read"}, "", "policy sees said no")
	checkAccess(t, d, d.Password(t, "ci", nil), nil, "all", "")
}

func TestALoopingPolicyEndsAndDenies(t *testing.T) {
	d := enginetest.NewDaemon(t, enginetest.Parts{Store: memory.New(), Policies: scripting.New(scripting.Options{Deadline: 20 * time.Millisecond})})
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Policies = policySources()
	spec.Providers[0].Accesses[0].Policies = enginetest.Refs("policy.loops")
	d.Serve(t, spec)
	checkAccess(t, d, d.Password(t, "ci", nil), nil, "", "policy loops failed")
}

func TestTheFirstAccessThatFitsLetsIn(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess()
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	spec.Policies = policySources()
	only := func(claim, value string) *engine.Requirement { return enginetest.Require(map[string]any{claim: value}) }
	spec.Providers[0].Accesses = []engine.Access{
		{Decl: enginetest.Declare("account", 20), From: enginetest.Refs("service_account.ci")},
		{Decl: enginetest.Declare("main", 21), From: enginetest.Refs("oauth_source.gh"), Require: only("ref", "refs/heads/main")},
		{Decl: enginetest.Declare("denied", 22), From: enginetest.Refs("oauth_source.gh"), Policies: enginetest.Refs("policy.no")},
		{Decl: enginetest.Declare("acme", 23), From: enginetest.Refs("oauth_source.gh"), Require: only("repository_owner", "acme")},
		{Decl: enginetest.Declare("claims_of_an_account", 24), From: enginetest.Refs("service_account.ci"), Require: only("sub", "ci")},
	}
	d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	mint := func(changes map[string]any) string { return key.Mint(enginetest.With(claims, changes)) }
	checkAccess(t, d, d.Password(t, "ci", nil), nil, "account", "")
	checkAccess(t, d, mint(nil), nil, "main", "")
	checkAccess(t, d, mint(map[string]any{"ref": "refs/heads/dev"}), nil, "acme", "")
	checkAccess(t, d, mint(map[string]any{"ref": "refs/heads/dev", "repository_owner": "evil"}), nil, "",
		"access main: the claims do not fulfil require_claims; access denied: policy no said no; access acme: the claims do not fulfil require_claims")
}

// An access that names one source must not let in the tokens of another.
func TestAnAccessIsForWhomItNames(t *testing.T) {
	d := newDaemon(t)
	one, two := enginetest.NewKey(t, "1", "ES256"), enginetest.NewKey(t, "2", "ES256")
	spec := oneAccess("oauth_source.one")
	spec.Sources = []engine.OAuthSource{github("one", one), github("two", two)}
	spec.Providers[0].Accesses = append(spec.Providers[0].Accesses, engine.Access{
		Decl: enginetest.Declare("main", 30), From: enginetest.Refs("oauth_source.two"), Require: enginetest.Require(map[string]any{"ref": "refs/heads/main"}),
	})
	d.Serve(t, spec)
	dev := enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"ref": "refs/heads/dev"})
	checkAccess(t, d, one.Mint(dev), nil, "all", "")
	checkAccess(t, d, two.Mint(dev), nil, "", "access main: the claims")
}

// scripted is a PolicyCompiler, and each of its policies, that answers as its
// field says and counts how often it is asked.
type scripted struct {
	pass  bool
	err   error
	asked *atomic.Int64
}

func (s scripted) CompilePolicy(engine.PolicySource) (engine.Policy, error) { return s, nil }

func (s scripted) CompileMapping(engine.MappingSource) (engine.Mapping, error) { return nil, s.err }

func (s scripted) Calls() []engine.Ref { return nil }

func (s scripted) Evaluate(context.Context, *engine.PolicyInput) (engine.Verdict, error) {
	s.asked.Add(1)
	return engine.Verdict{Pass: s.pass}, s.err
}

// The engine does not lean on policies to keep their contract, and asks no
// further once it is decided.
func TestAPolicyThatFailsIsANoWhateverElseItSays(t *testing.T) {
	tests := []struct {
		name   string
		answer scripted
		mode   engine.PolicyMode
		asked  int64
		reason string
	}{
		{"true and an error", scripted{pass: true, err: errors.New("broken")}, engine.AllPolicies, 1, "policy a failed: broken"},
		{"true and an error, any of", scripted{pass: true, err: errors.New("broken")}, engine.AnyPolicy, 2, "policy a failed: broken, policy b failed: broken"},
		{"no ends all", scripted{}, engine.AllPolicies, 1, "policy a said no"},
		{"yes ends any", scripted{pass: true}, engine.AnyPolicy, 1, ""},
		{"yes does not end all", scripted{pass: true}, engine.AllPolicies, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.answer.asked = &atomic.Int64{}
			d := enginetest.NewDaemon(t, enginetest.Parts{Store: memory.New(), Policies: tt.answer})
			spec := oneAccess("service_account.ci")
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
			spec.Policies = []engine.PolicySource{{Decl: enginetest.Declare("a", 20)}, {Decl: enginetest.Declare("b", 21)}}
			spec.Providers[0].Accesses[0].Policies, spec.Providers[0].Accesses[0].Mode = enginetest.Refs("policy.a", "policy.b"), tt.mode
			d.Serve(t, spec)
			checkAccess(t, d, d.Password(t, "ci", nil), nil, "all", tt.reason)
			if asked := tt.answer.asked.Load(); asked != tt.asked {
				t.Errorf("policies were asked %d times, want %d", asked, tt.asked)
			}
		})
	}
}
