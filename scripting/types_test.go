package scripting_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/scripting"
)

// typedSpec is a configuration with a source of every profile.
func typedSpec() engine.Spec {
	ref := func(kind engine.Kind, label string) engine.Ref { return engine.Ref{Kind: kind, Label: label} }
	spec := engine.Spec{
		Certificates: []engine.VerificationCertificate{{Decl: engine.Decl{Label: "partner"}}},
		Accounts:     []engine.ServiceAccount{{Decl: engine.Decl{Label: "backup"}}},
		Policies: []engine.PolicySource{
			{Decl: engine.Decl{Label: "only_repo"}, Inputs: map[string]any{"repository": "acme/api", "owners": []any{"a", json.Number("1")}, "deep": map[string]any{"odd-name": true}}},
			{Decl: engine.Decl{Label: "anybody"}},
		},
		Mappings: []engine.MappingSource{{Decl: engine.Decl{Label: "repo_claims"}}},
		Providers: []engine.Provider{{
			Decl:     engine.Decl{Label: "loki"},
			Mappings: []engine.Ref{ref(engine.KindMapping, "repo_claims")},
			Accesses: []engine.Access{
				{From: []engine.Ref{ref(engine.KindOAuthSource, "github-actions"), ref(engine.KindCertificate, "partner")}, Policies: []engine.Ref{ref(engine.KindPolicy, "only_repo")}},
				{From: []engine.Ref{ref(engine.KindServiceAccount, "backup"), ref(engine.KindOAuthSource, "gone")}},
			},
		}},
	}
	for _, name := range issuer.Names() {
		spec.Sources = append(spec.Sources, engine.OAuthSource{Decl: engine.Decl{Label: name}, Profile: name})
	}
	return spec
}

// check has tsc check the files, and returns what it complains of.
func check(t *testing.T, spec engine.Spec, files map[string]string) (faults string) {
	t.Helper()
	modules := os.Getenv("M2MD_NODE_MODULES")
	if modules == "" {
		t.Skip("left out: the npm packages are installed by make test and make e2e, where there are Node and npm, which say so by M2MD_NODE_MODULES")
	}
	dir := t.TempDir()
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
	}
	writeFile(t, filepath.Join(dir, scripting.TypesFile), scripting.Types(spec))
	writeFile(t, filepath.Join(dir, scripting.TSConfigFile), scripting.TSConfig())
	out, err := exec.CommandContext(t.Context(), "node", filepath.Join(modules, "typescript", "bin", "tsc"), "--strict", "--pretty", "false", "-p", dir).CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatal(err)
	}
	return string(out)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const onlyRepo = `import { main } from "./lib/refs.ts";
import table from "./lib/table.json";
import { helper } from "./lib/plain.js";

export default function (request: PolicyRequest<"only_repo">, inputs: Inputs<"only_repo">): boolean {
  const context = request.context;
  if (context.source !== "github-actions") return false;
  const jwt = context.oauth_jwt;
  message("asked for " + jwt.repository_id + " of " + inputs.repository + inputs.deep["odd-name"]);
  return jwt.repository === inputs.repository && main(request) && jwt.environment !== "dev" && table.ids.includes(jwt.repository_id) &&
    (jwt.repo_property_team ?? "none") !== "none" && jwt.exp > 0 && helper(request.time) &&
    request.client_ip !== null && ipInNetwork(request.client_ip, ["10.0.0.0/8"]) && regexMatch(jwt.ref, "refs/heads/.+");
}
`

// typedFiles are a configuration's folder that tsc and m2md both take.
var typedFiles = map[string]string{
	"only_repo.ts":   onlyRepo,
	"lib/refs.ts":    "export const main = (request: PolicyRequest): boolean => {\n  const jwt = request.context.oauth_jwt;\n  return jwt !== null && \"ref\" in jwt && jwt.ref === \"refs/heads/main\";\n};\n",
	"lib/table.json": `{"ids": ["5678"]}`,
	"lib/plain.js":   "export const helper = (time) => time !== \"\";\n",
	"mappings/m.ts":  "export default (request: PolicyRequest<\"repo_claims\">): MappedClaims => {\n  const jwt = request.context.oauth_jwt;\n  return jwt === null ? {} : { issuer: jwt.iss ?? null };\n};\n",
}

func TestThePoliciesThatTSCTakesDecide(t *testing.T) {
	src := files(t, "-- only_repo.ts --\n"+onlyRepo+"-- lib/refs.ts --\n"+typedFiles["lib/refs.ts"]+"-- lib/table.json --\n"+typedFiles["lib/table.json"]+"\n-- lib/plain.js --\n"+typedFiles["lib/plain.js"])
	src.Inputs = typedSpec().Policies[0].Inputs
	policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	in := github(t)
	in.Source = "github-actions"
	in.JWT["repo_property_team"], in.JWT["exp"] = "sre", json.Number("1")
	in.HTTP.ClientIP = netip.MustParseAddr("10.1.2.3")
	got, err := policy.Evaluate(t.Context(), in)
	if err != nil || !got.Pass || len(got.Messages) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTSCTakesThePoliciesThatTheTypesAreFor(t *testing.T) {
	if faults := check(t, typedSpec(), typedFiles); faults != "" {
		t.Errorf("tsc: %s", faults)
	}
}

func TestTSCRefusesWhatWouldNeverWork(t *testing.T) {
	policy := func(body string) string {
		return "export default function (request: PolicyRequest<\"only_repo\">, inputs: Inputs<\"only_repo\">): boolean {\n  const context = request.context;\n  if (context.source !== \"github-actions\") return false;\n  const jwt = context.oauth_jwt;\n  return " + body + ";\n}\n"
	}
	tests := []struct{ name, body, code string }{
		{"a member that there is not", `request.contxt === null`, "TS2551"},
		{"an id compared with a number", `jwt.repository_id === 5678`, "TS2367"},
		{"a boolean of GitHub's, which is a string", `jwt.ref_protected === true`, "TS2367"},
		{"a claim that GitHub does not sign", `jwt.project_path === "acme/api"`, "TS2339"},
		{"a misspelt claim", `jwt.repositry === "acme/api"`, "TS2551"},
		{"an input that there is not", `jwt.repository === inputs.repo`, "TS2339"},
		{"an input of another type", `inputs.owners === "a"`, "TS2367"},
		{"a misspelt helper", `regexMatsch(jwt.ref, "x")`, "TS2552"},
		{"a claim that may be absent, as text", `regexMatch(jwt.environment, "x")`, "TS2345"},
		{"an address that may be unknown", `ipInNetwork(request.client_ip, "10.0.0.0/8")`, "TS2345"},
		{"a write", `(jwt.repository = "x") === "x"`, "TS2540"},
		{"an answer that is no boolean", `jwt.repository`, "TS2322"},
		{"a source that the policy is not asked about", `request.context.source === "gitlab"`, "TS2367"},
		{"a timer", `setTimeout(() => {}, 1) === 1`, "TS2304"},
		{"the console", `console.log(jwt) === undefined`, "TS2584"},
	}
	files := map[string]string{}
	for i, tt := range tests {
		files["p"+string(rune('a'+i))+".ts"] = policy(tt.body)
	}
	faults := check(t, typedSpec(), files)
	for i, tt := range tests {
		if want := "p" + string(rune('a'+i)) + ".ts(5,"; !strings.Contains(faults, want) || !strings.Contains(lineWith(faults, want), tt.code) {
			t.Errorf("%s: got %q, want %s", tt.name, lineWith(faults, want), tt.code)
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestTheTypesOfAnEmptyConfigurationAreSound(t *testing.T) {
	files := map[string]string{"lib.ts": "export const f = (request: PolicyRequest) => request.context.oauth_jwt === null;\n"}
	if faults := check(t, engine.Spec{}, files); faults != "" {
		t.Errorf("tsc: %s", faults)
	}
}

func TestTheTypesNameWhatAScriptSeesAndNothingElse(t *testing.T) {
	types := scripting.Types(typedSpec())
	for _, name := range scripting.Helpers() {
		if !strings.Contains(strings.ReplaceAll(types, "<T>", ""), "declare function "+name+"(") {
			t.Errorf("the helper %s has no type", name)
		}
	}
	if got, want := strings.Count(types, "declare function "), len(scripting.Helpers()); got != want {
		t.Errorf("%d functions, want %d", got, want)
	}
	for _, name := range scripting.RequestMembers() {
		if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.Contains(types, "readonly "+last+": ") {
			t.Errorf("%s has no type", name)
		}
	}
	if strings.Contains(types, "acme/api") {
		t.Error("the value of an input, which may be a secret")
	}
}
