package engine_test

import (
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// accountOf is an account whose JWTs are those of a source with these claims.
func accountOf(label string, line int, source string, require map[string]any) engine.ServiceAccount {
	return engine.ServiceAccount{
		Decl: enginetest.Declare(label, line), Groups: []string{"metrics"},
		JWTs: []engine.AccountJWT{{Decl: enginetest.Declare("", line+1), Source: &enginetest.Refs(source)[0], Require: enginetest.Require(require)}},
	}
}

func TestAJWTCanBeAServiceAccounts(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	job := "gh/repo:acme@1234/api@5678:ref:refs/heads/main"
	fits, other := map[string]any{"repository_id": "5678"}, map[string]any{"repository_id": "1"}
	policy := `return request.user.username === "deploy" && request.user.groups.includes("metrics")
		&& request.context.oauth_jwt.repository === "acme/api" && request.context.source === "gh";`
	tests := []struct {
		name     string
		from     [][]string // of one access each
		accounts []engine.ServiceAccount
		subject  string // "" where it is refused
		reason   string
	}{
		{"where an access names the account", [][]string{{"service_account.deploy"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", fits)}, "deploy", ""},
		{"where its claims are others", [][]string{{"service_account.deploy"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", other)}, "", "access a: the token has not the claims of a jwt block of service_account deploy"},
		{"where no access names the account", [][]string{{"oauth_source.gh"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", fits)}, job, ""},
		{"where one access names both", [][]string{{"oauth_source.gh", "service_account.deploy"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", fits)}, "deploy", ""},
		{"where one names both, and its claims are others", [][]string{{"oauth_source.gh", "service_account.deploy"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", other)}, job, ""},
		{"where the first access names the source", [][]string{{"oauth_source.gh"}, {"service_account.deploy"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", fits)}, job, ""},
		{"where the first access names the account", [][]string{{"service_account.deploy"}, {"oauth_source.gh"}}, []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", fits)}, "deploy", ""},
		{"where it is two accounts'", [][]string{{"service_account.deploy", "service_account.release"}}, []engine.ServiceAccount{
			accountOf("deploy", 10, "oauth_source.gh", fits), accountOf("release", 20, "oauth_source.gh", map[string]any{"repository": "acme/api"}),
		}, "", "the token is that of service_account deploy and of release"},
		{"where it is two accounts', of two accesses", [][]string{{"service_account.release"}, {"service_account.deploy"}}, []engine.ServiceAccount{
			accountOf("deploy", 10, "oauth_source.gh", fits), accountOf("release", 20, "oauth_source.gh", map[string]any{"repository": "acme/api"}),
		}, "release", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := oneAccess()
			spec.Sources, spec.Accounts = []engine.OAuthSource{github("gh", key)}, tt.accounts
			spec.Policies = []engine.PolicySource{{Decl: enginetest.Declare("sees", 500), Script: engine.Script{Text: policy, At: enginetest.At(501)}}}
			spec.Providers[0].Accesses = nil
			for i, from := range tt.from {
				access := engine.Access{Decl: enginetest.Declare(string(rune('a'+i)), 50+i), From: enginetest.Refs(from...), AllowAnySubject: true}
				if tt.subject == "deploy" && len(tt.from) == 1 {
					access.Policies = enginetest.Refs("policy.sees")
				}
				spec.Providers[0].Accesses = append(spec.Providers[0].Accesses, access)
			}
			d.Serve(t, spec)
			token, err := show(t, d, jwt)
			decision := d.Audit.Last(t)
			if tt.subject == "" {
				if err == nil || !strings.Contains(decision.Reason, tt.reason) || decision.Subject != job {
					t.Fatalf("got %v, and the decision %+v", err, decision)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if sub := payloadOf(t, token.AccessToken)["sub"]; sub != tt.subject || decision.Subject != tt.subject {
				t.Errorf("sub is %q, and the decision %q, want %q", sub, decision.Subject, tt.subject)
			}
		})
	}
}

func TestAnAccountIsTheSameByPasswordAndByJWT(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("service_account.deploy")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Accounts = []engine.ServiceAccount{accountOf("deploy", 10, "oauth_source.gh", map[string]any{"repository_id": "5678"})}
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptInput: true}
	d.Serve(t, spec)
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	byJWT, err := show(t, d, jwt)
	if err != nil {
		t.Fatal(err)
	}
	password := d.Password(t, "deploy", nil)
	for name, credential := range map[string]engine.Credential{
		"its token": {Bearer: byJWT.AccessToken}, "its JWT": {Bearer: jwt}, "its app password": {Password: password},
	} {
		admission, err := d.Live.Load().Guard(t.Context(), engine.Caller{}, engine.GuardRequest{Provider: "p", Credential: credential})
		if err != nil {
			t.Errorf("%s: %s", name, err)
			continue
		}
		for _, h := range admission.Headers {
			if h.Name == "X-M2md-Subject" && h.Value[0] != "deploy" || h.Name == "X-M2md-Groups" && h.Value[0] != "metrics" {
				t.Errorf("%s: %s is %q", name, h.Name, h.Value)
			}
		}
	}
}
