package scripting_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// noon is a time that no clock shows during a test.
var noon = time.Date(2001, 2, 3, 12, 0, 0, 0, time.UTC)

// claims decodes a payload as the engine does.
func claims(t testing.TB, payload string) engine.Claims {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(payload))
	d.UseNumber()
	var out engine.Claims
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// compile makes a policy of a script that stands alone in its file.
func compile(t testing.TB, script string, inputs map[string]any) engine.Policy {
	t.Helper()
	policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(source(script, inputs))
	if err != nil {
		t.Fatalf("compiling %q: %v", script, err)
	}
	return policy
}

func source(script string, inputs map[string]any) engine.PolicySource {
	start := engine.Pos{Line: 1, Column: 1}
	return engine.PolicySource{
		Decl:   engine.Decl{Label: "p"},
		Script: engine.Script{Text: script, At: engine.Range{File: "p.js", Start: start, End: start}},
		Inputs: inputs,
	}
}

// deadline is generous, so that a busy machine fails no test that is not about time.
const deadline = 2 * time.Second

func evaluate(t testing.TB, script string, in *engine.PolicyInput) (bool, error) {
	t.Helper()
	verdict, err := compile(t, script, map[string]any{"repository": "acme/api", "nested": map[string]any{"a": []any{"b"}}}).Evaluate(t.Context(), in)
	return verdict.Pass, err
}

// github is a request with the claims of a workflow run.
func github(t testing.TB) *engine.PolicyInput {
	return &engine.PolicyInput{
		JWT:       claims(t, githubClaims),
		Scopes:    []string{"read", "write"},
		GrantType: "client_credentials",
		Source:    "github",
		User: engine.PolicyUser{
			Name: "github/repo:acme@1234/api@5678:ref:refs/heads/main", DisplayName: "acme/api",
			Groups: []string{"ci"}, Attributes: map[string]any{"team": "sre", "list": []any{"x"}},
		},
		Provider: "loki",
		HTTP: engine.PolicyHTTP{
			Door: "token", Method: "POST", Host: "auth.example.com", Path: "/oauth2/token",
			ClientIP: netip.MustParseAddr("192.0.2.7"),
		},
		Time: noon,
	}
}

const githubClaims = `{"iss":"https://token.actions.githubusercontent.com","aud":"https://m2md.example","sub":"repo:acme@1234/api@5678:ref:refs/heads/main","repository":"acme/api","repository_id":"5678","repository_owner":"acme","repository_owner_id":"1234","repository_visibility":"private","ref":"refs/heads/main","ref_type":"branch","event_name":"push","workflow_ref":"acme/api/.github/workflows/d.yml@refs/heads/main","job_workflow_ref":"acme/api/.github/workflows/d.yml@refs/heads/main","runner_environment":"github-hosted","actor":"bo","actor_id":"9","run_id":"1","jti":"x"}`

const kubernetesClaims = `{"iss":"https://kubernetes.default.svc.cluster.local","aud":["m2md"],"sub":"system:serviceaccount:prom:prom-sa","kubernetes.io":{"namespace":"prom","node":{"name":"n1","uid":"u1"},"pod":{"name":"p","uid":"u2"},"serviceaccount":{"name":"prom-sa","uid":"u3"},"warnafter":1717674962},"jti":"y"}`

// The seeds' policies, as their users would write them in JavaScript.
const (
	serviceAccountPolicy = `// Replace these values with the namespace and service-account name for your prometheus instance
const allowed_namespace = "prom";
const allowed_service_account = "prom-sa";

const jwt = request.context.oauth_jwt;
if (!jwt) {
  return false;
}
const allowed_sa = [
  ` + "`system:serviceaccount:${allowed_namespace}:${allowed_service_account}`" + `,
];
return allowed_sa.includes(jwt["sub"]);
`
	repositoryPolicy = `// Replace the two values below
const github_user = "acme";
const github_repo = "api";

const jwt = request.context.oauth_jwt;
if (!jwt)
  return false;
if (jwt["iss"] !== "https://token.actions.githubusercontent.com")
  return false;
if (jwt["repository"] !== ` + "`${github_user}/${github_repo}`" + `)
  return false;
return true;
`
	issuerPolicy = `return request.context["JWT"]["iss"] === "https://my.issuer"`
)

func TestThePoliciesOfTheSeedsDecideOnRealClaims(t *testing.T) {
	tests := []struct {
		name, script, claims string
		want                 bool
	}{
		{"the service account gets in", serviceAccountPolicy, kubernetesClaims, true},
		{"another account of the namespace does not", serviceAccountPolicy, strings.Replace(kubernetesClaims, "prom:prom-sa", "prom:other", 1), false},
		{"a longer name does not", serviceAccountPolicy, strings.Replace(kubernetesClaims, "prom:prom-sa", "prom:prom-sa2", 1), false},
		{"no JWT at all does not", serviceAccountPolicy, "null", false},
		{"the repository gets in", repositoryPolicy, githubClaims, true},
		{"a fork does not", repositoryPolicy, strings.Replace(githubClaims, `"repository":"acme/api"`, `"repository":"evil/api"`, 1), false},
		{"the same repository of another issuer does not", repositoryPolicy, strings.Replace(githubClaims, "token.actions.githubusercontent.com", "evil.example", 1), false},
		{"an app password does not", repositoryPolicy, "null", false},
		{"my issuer gets in", issuerPolicy, `{"iss":"https://my.issuer"}`, true},
		{"another issuer does not", issuerPolicy, githubClaims, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := evaluate(t, tt.script, &engine.PolicyInput{JWT: claims(t, tt.claims), Time: noon})
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	bench := func(name, script string, in *engine.PolicyInput) {
		b.Run(name, func(b *testing.B) {
			policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(source(script, map[string]any{"repository": "acme/api"}))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if verdict, err := policy.Evaluate(b.Context(), in); !verdict.Pass || err != nil {
					b.Fatal(verdict, err)
				}
			}
		})
	}
	bench("simple", productPolicy, github(b))
	bench("github seed", repositoryPolicy, github(b))
	bench("kubernetes seed", serviceAccountPolicy, &engine.PolicyInput{JWT: claims(b, kubernetesClaims), Time: noon})
	bench("methods", `const j = request.context.oauth_jwt; return j.sub.startsWith("repo:acme") && /^refs\/heads\/(main|rel)$/.test(j.ref) && request.user.groups.includes("ci")`, github(b))
	bench("parts", `const [owner, name] = request.context.oauth_jwt.repository.split("/"); return [owner, name].join("/") === inputs.repository`, github(b))
}

// productPolicy is that of product.md.
const productPolicy = `const jwt = request.context.oauth_jwt;
if (!jwt) return false;
return jwt.iss === "https://token.actions.githubusercontent.com"
    && jwt.repository === inputs.repository;`

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	compiler := scripting.New(scripting.Options{})
	for b.Loop() {
		if _, err := compiler.CompilePolicy(source(productPolicy, map[string]any{"repository": "acme/api"})); err != nil {
			b.Fatal(err)
		}
	}
}
