package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/plan"
)

// planned is what most cases begin with.
const planned = `
server {
  external_url    = "https://auth.example.com"
  trusted_proxies = ["10.0.0.0/16"]
}

oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
  leeway        = "10s"
  max_token_age = "10m"
}

oauth_source "cluster" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "keys/one.json"
  audiences      = ["m2md"]
}

service_account "prometheus" {
  groups = ["metrics"]
  app_passwords {
    max_age       = "2160h"
    allowed_cidrs = ["192.0.2.0/24"]
  }
}

service_account "grafana" {
}

policy "main_branch" {
  script = <<-JS
    return request.context.oauth_jwt.ref === "refs/heads/main";
  JS
}

policy "pushes" {
  script = <<-JS
    return request.context.oauth_jwt.event_name === "push";
  JS
}

provider "loki" {
  access_token_ttl = "15m"
  scopes           = ["logs:read"]
  access "ci" {
    from           = [oauth_source.github]
    require_claims = { repository_id = "5678" }
    policies       = [policy.main_branch, policy.pushes]
  }
  access "pods" {
    from           = [oauth_source.cluster]
    require_claims = { "kubernetes.io" = { namespace = "monitoring" } }
  }
  access "metrics" {
    from = [service_account.prometheus]
  }
  forward_auth {
    external_host = "loki.example.com"
    skip_paths    = ["/ready"]
  }
}
`

const (
	keyOne = `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`
	keyTwo = `{"keys":[{"kty":"EC","crv":"P-256","kid":"2","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`
)

// plannedFiles are files of one revision, main.hcl with some replacements.
func plannedFiles(changes ...string) map[string]string {
	return map[string]string{"main.hcl": strings.NewReplacer(changes...).Replace(planned), "keys/one.json": keyOne}
}

// planOf compares two folders as the command does.
func planOf(t *testing.T, was, is map[string]string) *planRun {
	t.Helper()
	keys := jwks.NewCache(jwks.Options{})
	t.Cleanup(keys.Close)
	run, err := makePlan(t.Context(), &planSide{name: "old", path: planFolder(t, was)}, &planSide{name: "new", path: planFolder(t, is)}, keys, nil, plan.Options{MaxTries: 400})
	if err != nil {
		t.Fatal(err)
	}
	if run.faulty != nil {
		t.Fatalf("%s has faults: %v", run.faulty.name, run.faulty.judged.Findings.Err())
	}
	return run
}

// planFolder writes files into a new folder.
func planFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

// planTold are the directions of a plan, with what each is about.
func planTold(run *planRun) string {
	var all []string
	for _, e := range run.Effects {
		all = append(all, fmt.Sprintf("%s %s%s", e.Direction, concerns(e), e.What))
		for _, id := range e.Identities {
			all = append(all, "    "+identityText(id))
		}
	}
	return strings.Join(all, "\n")
}

// Whatever widens says so, for the provider, with an identity where one can be
// made; and the contrary change narrows.
func TestAChangeThatWidensIsToldAndItsContraryNarrows(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []string
		is      map[string]string // besides, or in the place of others
		says    string            // of what widens
		who     string            // of some identity that gains; "" for none
		// back is the direction of the contrary, where it does not narrow.
		back plan.Direction
	}{
		"an id for a wildcard":                {changes: []string{`repository_id = "5678"`, `repository = pattern("acme/.*")`}, says: "repository_id need no longer be", who: `repository="acme/another"`},
		"a wildcard before the owner":         {changes: []string{`repository_id = "5678"`, `repository = pattern(".*/api")`}, says: "repository must newly be", who: `repository="someone-else/api" repository_id="999999"`},
		"one of several":                      {changes: []string{`repository_id = "5678"`, `repository_id = ["5678", "777"]`}, says: `repository_id may be ["5678", "777"]`, who: `repository_id="777"`},
		"a requirement that is gone":          {changes: []string{`    require_claims = { repository_id = "5678" }` + "\n", ""}, says: "repository_id need no longer be", who: `repository_id="999999"`},
		"a requirement in an object":          {changes: []string{`{ namespace = "monitoring" }`, `{ namespace = pattern("moni.*") }`}, says: "kubernetes.io.namespace may be", who: `kubernetes.io.namespace="moni`},
		"another source":                      {changes: []string{"from = [service_account.prometheus]", "from = [service_account.prometheus, oauth_source.cluster]"}, says: "oauth_source.cluster is newly named here", who: `kubernetes.io.namespace="another"`},
		"another account":                     {changes: []string{"from = [service_account.prometheus]", "from = [service_account.prometheus, service_account.grafana]"}, says: "service_account.grafana may newly get in", who: "service_account.grafana"},
		"a policy that is no longer asked":    {changes: []string{"policies       = [policy.main_branch, policy.pushes]", "policies       = [policy.pushes]"}, says: "policy.main_branch is no longer asked", who: `repository_id="5678"`},
		"one policy of several":               {changes: []string{"policy.pushes]", "policy.pushes]\n    policy_mode = \"any\""}, says: `policy_mode is "any"`, who: `repository_id="5678"`},
		"a policy in shadow":                  {changes: []string{`policy "pushes" {`, "policy \"pushes\" {\n  shadow_until = \"2999-01-01T00:00:00Z\""}, says: "policy.pushes counts only from 2999", who: `repository_id="5678"`},
		"any audience":                        {changes: []string{`audiences     = ["https://auth.example.com"]`, "allow_any_audience = true"}, says: "tokens for any audience count", who: `aud="https://another.example"`},
		"another audience of a source":        {changes: []string{`["m2md"]`, `["m2md", "vault"]`}, says: `audiences has "vault" besides`, who: `kubernetes.io.namespace="monitoring"`},
		"more leeway":                         {changes: []string{`"10s"`, `"60s"`}, says: "leeway is 1m (was: 10s)"},
		"no bound of age":                     {changes: []string{`  max_token_age = "10m"` + "\n", ""}, says: "max_token_age is without a bound"},
		"another provider":                    {changes: []string{`provider "loki" {`, "provider \"tempo\" {\n  access \"all\" {\n    from = [service_account.grafana]\n  }\n}\nprovider \"loki\" {"}, says: "the provider is new: service_account.grafana", who: "service_account.grafana"},
		"an open path":                        {changes: []string{`["/ready"]`, `["/ready", "/api/*"]`}, says: `"/api/*" newly need no proof`, who: `path="/api/any"`},
		"tokens of sources at the door":       {changes: []string{`external_host = "loki.example.com"`, "external_host = \"loki.example.com\"\n    accept = [\"input_jwt\"]"}, says: "passes the door itself", who: "kubernetes.io.namespace"},
		"another issuer":                      {changes: []string{`"https://kubernetes.default.svc.cluster.local"`, `"https://kubernetes.default.svc"`}, says: "the issuer changed", who: "oauth_source.cluster", back: plan.Widens},
		"another key":                         {is: map[string]string{"keys/one.json": keyTwo}, says: "other keys may sign", back: plan.Widens},
		"another key besides":                 {is: map[string]string{"keys/one.json": strings.TrimSuffix(keyOne, "]}") + "," + strings.TrimPrefix(keyTwo, `{"keys":[`)}, says: "another key may sign, besides"},
		"tokens that live longer":             {changes: []string{`"15m"`, `"1h"`}, says: "tokens are valid for 1h (was: 15m)"},
		"another scope":                       {changes: []string{`["logs:read"]`, `["logs:read", "logs:write"]`}, says: `tokens may newly have the scope "logs:write"`},
		"another audience of tokens":          {changes: []string{`  scopes `, "  audience = [\"loki\", \"mimir\"]\n  scopes "}, says: `tokens are newly for the audience "mimir"`},
		"another trusted proxy":               {changes: []string{`"10.0.0.0/16"`, `"10.0.0.0/8"`}, says: `"10.0.0.0/8" may newly tell from where`},
		"app passwords from anywhere":         {changes: []string{`    allowed_cidrs = ["192.0.2.0/24"]` + "\n", ""}, says: "they work from anywhere"},
		"app passwords that live longer":      {changes: []string{`"2160h"`, `"8760h"`}, says: "max_age is 8760h (was: 2160h)"},
		"another group":                       {changes: []string{`["metrics"]`, `["metrics", "admins"]`}, says: `service_account.prometheus newly belongs to "admins"`},
		"an account by the token of a source": {changes: []string{`service_account "prometheus" {`, "service_account \"prometheus\" {\n  jwt {\n    source = oauth_source.github\n    require_claims = { repository_id = \"42\" }\n  }"}, says: "tokens of oauth_source.github are those of service_account.prometheus", who: `repository_id="42"`},
		"a guarded service":                   {changes: []string{"provider \"loki\" {", "provider \"loki\" {"}, says: "it guards a service"},
	} {
		t.Run(name, func(t *testing.T) {
			was, is := plannedFiles(), plannedFiles(tt.changes...)
			maps.Copy(is, tt.is)
			if name == "a guarded service" {
				was = plannedFiles("  forward_auth {\n    external_host = \"loki.example.com\"\n    skip_paths    = [\"/ready\"]\n  }\n", "")
			}
			run := planOf(t, was, is)
			i := slices.IndexFunc(run.Effects, func(e plan.Effect) bool { return e.Direction == plan.Widens && strings.Contains(e.What, tt.says) })
			if i < 0 {
				t.Fatalf("nothing widens by %q:\n%s", tt.says, planTold(run))
			}
			if e := run.Effects[i]; e.At.Start.Line == 0 {
				t.Errorf("it has no place: %+v", e)
			}
			if !strings.Contains(planTold(run), tt.who) || tt.who != "" && run.Effects[i].Identities == nil {
				t.Errorf("nobody gains who is %s:\n%s", tt.who, planTold(run))
			}
			if run.stop("widen"); run.failed != "widen" {
				t.Error("--fail-on widen does not stop it")
			}
			back := planOf(t, is, was)
			want := tt.back
			if want == "" {
				want = plan.Narrows
			}
			if !back.Has(want) {
				t.Errorf("the contrary narrows nothing:\n%s", planTold(back))
			}
			if want == plan.Narrows && !strings.Contains(name, "wildcard") && (back.Has(plan.Widens) || back.Has(plan.Undecided)) {
				t.Errorf("the contrary widens:\n%s", planTold(back))
			}
		})
	}
}

// What means the same is no change, however it is written.
func TestWhatMeansTheSameIsNoChange(t *testing.T) {
	provider := strings.Index(planned, "provider \"loki\"")
	for name, is := range map[string]map[string]string{
		"the same":              plannedFiles(),
		"moved to other files":  {"a.hcl": planned[provider:], "z/b.hcl": strings.ReplaceAll(planned[:provider], "keys/one.json", "../keys/one.json"), "keys/one.json": keyOne},
		"a key file that moved": {"main.hcl": strings.Replace(planned, "keys/one.json", "other.json", 1), "other.json": keyOne},
		"comments and space":    plannedFiles("access \"ci\" {", "# by CI\n  access \"ci\" {\n\n"),
		"by a local":            plannedFiles(`"5678"`, "local.id", "server {", "locals {\n  id = \"5678\"\n}\nserver {"),
		"another order":         plannedFiles("policies       = [policy.main_branch, policy.pushes]", "policies       = [policy.pushes, policy.main_branch]"),
		"a list of one":         plannedFiles(`["logs:read"]`, `concat(["logs:read"], [])`),
		"a script in a file":    {"main.hcl": strings.Replace(planned, "script = <<-JS\n    return request.context.oauth_jwt.event_name === \"push\";\n  JS", `script_file = "p.js"`, 1), "p.js": "return request.context.oauth_jwt.event_name === \"push\";\n", "keys/one.json": keyOne},
	} {
		t.Run(name, func(t *testing.T) {
			run := planOf(t, plannedFiles(), is)
			if name == "a script in a file" { // which is JavaScript by its name as well
				if run.Has(plan.Widens) || run.Has(plan.Narrows) {
					t.Errorf("it does something:\n%s", planTold(run))
				}
				return
			}
			if !run.Empty() {
				t.Errorf("changes %v, effects:\n%s", run.Changes, planTold(run))
			}
			if run.stop("any"); run.failed != "" {
				t.Error("--fail-on any stops it")
			}
		})
	}
}

// What a policy's full language means is not known: where no identity shows it,
// it is told as not decided, and never as no change.
func TestWhatCannotBeKnownIsNotDecided(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []string
		says    string
	}{
		"a policy that asks something no identity has": {[]string{`event_name === "push"`, `event_name === "push" && request.context.oauth_jwt.actor_id !== "666"`}, "policy.pushes changed"},
		"a pattern that matches about the same":        {[]string{`{ namespace = "monitoring" }`, `{ namespace = pattern("monitoring") }`}, "kubernetes.io.namespace may be"},
		"keys that are elsewhere":                      {[]string{"githubusercontent.com/.well-known/jwks", "githubusercontent.com/.well-known/other"}, "who signs with them is not known here"},
		"what is not known here":                       {[]string{`repository_id = "5678"`, `repository_id = env("REPOSITORY")`}, "require_claims is not known here"},
		"what services make of claims":                 {[]string{`  scopes `, "  claims = { role = \"admin\" }\n  scopes "}, "tokens have other claims"},
		"another host":                                 {[]string{`"loki.example.com"`, `"mimir.example.com"`}, "another host is guarded"},
	} {
		t.Run(name, func(t *testing.T) {
			run := planOf(t, plannedFiles(), plannedFiles(tt.changes...))
			i := slices.IndexFunc(run.Effects, func(e plan.Effect) bool { return e.Direction == plan.Undecided && strings.Contains(e.What, tt.says) })
			if i < 0 || run.Effects[i].At.Start.Line == 0 {
				t.Fatalf("that is not told, or without a place:\n%s", planTold(run))
			}
			for _, of := range []string{"widen", "narrow", "any"} {
				run.failed = ""
				if run.stop(of); run.failed != of {
					t.Errorf("--fail-on %s does not stop it", of)
				}
			}
		})
	}
}

// What is unknown on both sides, and written alike, is the same.
func TestWhatIsUnknownOnBothSidesAndWrittenAlikeIsNoChange(t *testing.T) {
	unknown := []string{`repository_id = "5678"`, `repository_id = env("REPOSITORY")`}
	if run := planOf(t, plannedFiles(unknown...), plannedFiles(append(unknown, "server {", "# said otherwise\nserver {")...)); !run.Empty() {
		t.Errorf("changes %v:\n%s", run.Changes, planTold(run))
	}
	run := planOf(t, plannedFiles(unknown...), plannedFiles(append(unknown, `"15m"`, `"5m"`)...))
	if run.Has(plan.Undecided) || run.Has(plan.Widens) || !run.Has(plan.Narrows) {
		t.Errorf("another change made it doubtful:\n%s", planTold(run))
	}
}

// Names may change without a meaning: of sources, policies and providers, but
// not of accounts, whose app passwords follow the name.
func TestBlocksThatAreOnlyRenamedMeanTheSame(t *testing.T) {
	run := planOf(t, plannedFiles(), plannedFiles("policy.main_branch", "policy.main", `"main_branch"`, `"main"`, "oauth_source.cluster", "oauth_source.k8s", `"cluster"`, `"k8s"`, `provider "loki"`, `provider "logs"`, `access "ci"`, `access "builds"`))
	for _, e := range run.Effects {
		if e.Direction != plan.Alters && !strings.Contains(e.What, "audience") {
			t.Errorf("a name means something:\n%s", planTold(run))
		}
	}
	for _, want := range []string{"policy.main", "oauth_source.k8s", "provider.logs"} {
		if !slices.ContainsFunc(run.Changes, func(c plan.Change) bool { return c.How == plan.Renamed && c.Block == want }) {
			t.Errorf("%s is not told as renamed: %v", want, run.Changes)
		}
	}
	run = planOf(t, plannedFiles(), plannedFiles("service_account.prometheus", "service_account.prom", `"prometheus"`, `"prom"`))
	if !run.Has(plan.Widens) || !run.Has(plan.Narrows) {
		t.Errorf("another account is taken for the same:\n%s", planTold(run))
	}
}
