package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/plan"
	"github.com/m2md/m2md/hcl"
)

// recordedPush is a line of the decision log, with the claims of a token.
func recordedPush(outcome, claims string) string {
	return fmt.Sprintf(`{"time":"2026-11-22T03:00:00Z","msg":"decision","request_id":"A","door":"token","provider":"loki","grant":"client_credentials","proof":"jwt","subject":"github/repo","source":"oauth_source.github","via":"","actor":"","rule":"ci","outcome":%q,"reason":"","generation":1,"config_hash":"","token_id":"","client_ip":"192.0.2.1","duration_us":1,"policies":[],"messages":[],"input":{"verified":true,"claims":%s,"actor":null,"scopes":[],"targets":[],"method":"","host":"","path":"","headers":{}},"cut":[]}`, outcome, claims)
}

// Recorded decisions tell who loses that no made-up identity is.
func TestRecordedDecisionsAreMadeAgainByBoth(t *testing.T) {
	const claims = `{"iss":"https://token.actions.githubusercontent.com","aud":"https://auth.example.com","sub":"repo:acme/api:ref:refs/heads/main","iat":1795316390,"exp":1795316700,"repository_id":"5678","ref":"refs/heads/main","event_name":"push","actor_id":"4711"}`
	log := filepath.Join(t.TempDir(), "decisions.jsonl")
	writeFile(t, log, recordedPush("allow", claims)+"\nno record\n"+recordedPush("deny", `null`)+"\n")
	was := planFolder(t, plannedFiles())
	is := planFolder(t, plannedFiles(`event_name === "push"`, `event_name === "push" && request.context.oauth_jwt.actor_id !== "4711"`))
	said, code := planCommandOf(t, "--replay", log, "--fail-on", "narrow", was, is)
	if code != exitPlan || !strings.Contains(said, `no longer gets in: oauth_source.github sub="repo:acme/api:ref:refs/heads/main" repository_id="5678" (recorded)`) {
		t.Errorf("code %d:\n%s", code, said)
	}
	if !strings.Contains(said, "1 recorded decisions were made again, 1 could not be") || !strings.Contains(said, "policy.pushes changed") {
		t.Errorf("it is not told how many:\n%s", said)
	}
	if said, code := planCommandOf(t, "--replay", filepath.Join(was, "main.hcl"), was, is); code != exitFault || !strings.Contains(said, "is a record") {
		t.Errorf("code %d:\n%s", code, said)
	}
}

// The identities of tests are shown to both, by the names of the tests.
func TestTheIdentitiesOfTestsAreShownToBoth(t *testing.T) {
	const test = `
test "the bot of the releases" {
  provider = provider.loki
  source   = oauth_source.github
  claims   = { repository_id = "5678", actor_id = "4711" }
  expect   = "allow"
}
`
	files := plannedFiles(`event_name === "push"`, `event_name === "push" && request.context.oauth_jwt.actor_id !== "4711"`)
	files["t.m2mdtest.hcl"] = test
	run := planOf(t, plannedFiles(), files)
	if !run.Has(plan.Narrows) || !strings.Contains(planTold(run), `actor_id="4711" repository_id="5678" (test "the bot of the releases")`) {
		t.Errorf("nobody loses:\n%s", planTold(run))
	}
}

// What came from a file of the revision is compared, and never shown.
func TestValuesOfFilesAreComparedAndNotShown(t *testing.T) {
	files := func(id string) map[string]string {
		f := plannedFiles(`"5678"`, `trimspace(file("id.txt"))`)
		f["id.txt"] = id
		return f
	}
	run := planOf(t, files("31415926"), files("27182818"))
	said := fmt.Sprint(planTold(run), run.Changes)
	if !run.Has(plan.Widens) || strings.Contains(said, "31415926") || strings.Contains(said, "27182818") {
		t.Errorf("a value is shown, or the change is not told:\n%s", said)
	}
	if !strings.Contains(said, "repository_id=(sensitive)") {
		t.Errorf("nobody is named:\n%s", said)
	}
	if run := planOf(t, files("31415926"), files("31415926")); !run.Empty() {
		t.Errorf("the same was not the same:\n%s", planTold(run))
	}
}

// Whatever attribute the language has, another value of it is a change: none is
// passed over because plan was not told of it.
func TestEveryAttributeOfTheLanguageIsCompared(t *testing.T) {
	known := plan.Attributes()
	checked := 0
	var walk func(path string, blocks []hcl.BlockDoc)
	walk = func(path string, blocks []hcl.BlockDoc) {
		for _, b := range blocks {
			if b.NotYet || b.Name == "locals" || b.Name == "test" {
				continue
			}
			name := strings.TrimPrefix(path+" "+b.Name, " ")
			for _, a := range b.Attributes {
				if a.NoEffect {
					continue
				}
				checked++
				if !slices.Contains(known[name], a.Name) {
					t.Errorf("%s of %s is not compared", a.Name, name)
				}
			}
			walk(name, b.Blocks)
		}
	}
	walk("", hcl.Blocks())
	if checked < 80 {
		t.Errorf("only %d attributes were looked at", checked)
	}
}

// fleetOf are 10,000 accounts in 200 files, each team's let in by a provider.
func fleetOf(b *testing.B, ttl string) string {
	files := map[string]string{"server.hcl": "server {\n  external_url = \"https://auth.example.com\"\n}\n"}
	for team := range 200 {
		var text, from strings.Builder
		for i := range 50 {
			fmt.Fprintf(&text, "service_account \"machine-%d-%d\" {\n  display_name = \"Machine %d\"\n  groups       = [\"metrics\", \"team-%d\"]\n  app_passwords {\n    max_age = \"2160h\"\n  }\n}\n", team, i, i, team)
			fmt.Fprintf(&from, "service_account.machine-%d-%d, ", team, i)
		}
		if team%20 == 0 {
			fmt.Fprintf(&text, "provider \"team-%d\" {\n  access_token_ttl = %q\n  access \"all\" {\n    from = [%s]\n  }\n}\n", team, ttl, strings.TrimSuffix(from.String(), ", "))
		}
		files[fmt.Sprintf("team-%03d.hcl", team)] = text.String()
	}
	return planFolder(b, files)
}

func BenchmarkPlan10000Accounts(b *testing.B) {
	was, is := fleetOf(b, "15m"), fleetOf(b, "30m")
	writeFile(b, filepath.Join(is, "new.hcl"), "provider \"everything\" {\n  access \"all\" {\n    from = [service_account.machine-0-0, service_account.machine-1-1]\n  }\n}\n")
	b.ReportAllocs()
	for b.Loop() {
		var out strings.Builder
		if code := run([]string{"m2md", "plan", "--fail-on", "widen", was, is}, &out, &out); code != exitPlan || !strings.Contains(out.String(), "machine-1-1") {
			b.Fatalf("code %d: %s", code, out.String())
		}
	}
}

// A stranger's policy that never ends does not keep the plan from ending.
func TestAPolicyWithoutEndEndsWithThePlan(t *testing.T) {
	was := planFolder(t, plannedFiles())
	is := planFolder(t, plannedFiles(`return request.context.oauth_jwt.event_name === "push";`, `for (;;) {} return true;`))
	began := time.Now()
	said, code := planCommandOf(t, "--timeout", "1s", "--fail-on", "widen", was, is)
	if code != exitPlan || !strings.Contains(said, "policy.pushes changed") || time.Since(began) > 20*time.Second {
		t.Errorf("code %d after %s:\n%s", code, time.Since(began), said)
	}
}

// A token that is two accounts' is nobody's, so that to take one of them away
// can let the other in.
func TestWhatIsTakenFromOneAccountCanLetAnotherIn(t *testing.T) {
	jwt := "\n  jwt {\n    source         = oauth_source.github\n    require_claims = { repository_id = \"42\" }\n  }\n"
	two := []string{`service_account "prometheus" {`, `service_account "prometheus" {` + jwt, `service_account "grafana" {`, `service_account "grafana" {` + jwt, "from = [service_account.prometheus]", "from = [service_account.prometheus, service_account.grafana]"}
	one := append(slices.Clone(two[:2]), two[4:]...)
	run := planOf(t, plannedFiles(two...), plannedFiles(one...))
	if !run.Has(plan.Undecided) && !run.Has(plan.Widens) {
		t.Errorf("nobody is told to gain:\n%s", planTold(run))
	}
}

// Who gets in at one provider gets in where its tokens are taken.
func TestWhatWidensAProviderWidensWhereItsTokensAreTaken(t *testing.T) {
	behind := "provider \"grafana\" {\n  access \"logs\" {\n    from = [provider.loki]\n  }\n}\n\nprovider \"loki\" {"
	was := plannedFiles(`provider "loki" {`, behind)
	is := plannedFiles(`provider "loki" {`, behind, `repository_id = "5678"`, `repository_id = ["5678", "777"]`)
	run := planOf(t, was, is)
	i := slices.IndexFunc(run.Effects, func(e plan.Effect) bool { return e.Direction == plan.Widens && e.Provider == "grafana" })
	if i < 0 || !strings.Contains(planTold(run), `oauth_source.github by a token of provider.loki repository_id="777"`) {
		t.Errorf("nobody gains at grafana:\n%s", planTold(run))
	}
	if back := planOf(t, is, was); back.Has(plan.Widens) || back.Has(plan.Undecided) || !back.Has(plan.Narrows) {
		t.Errorf("the contrary:\n%s", planTold(back))
	}
}
