package lint_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/hcl/lint"
)

var update = flag.Bool("update", false, "write docs/lint.md anew")

func TestTheDocumentationIsThatOfTheTable(t *testing.T) {
	const path = "../../docs/lint.md"
	if *update {
		if err := os.WriteFile(path, []byte(lint.Markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != lint.Markdown() {
		t.Errorf("docs/lint.md is not what the table says (%v): go test ./hcl/lint -update", err)
	}
}

func TestEachRuleIsThereOnce(t *testing.T) {
	var ids []string
	for _, r := range lint.Rules() {
		ids = append(ids, r.ID)
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("the ids are %q", ids)
	}
	for n := 1; n <= 25; n++ {
		if id := fmt.Sprintf("WIF%03d", n); !slices.Contains(ids, id) {
			t.Errorf("%s is missing", id)
		}
	}
}

// noon is a time at which nothing of the tests begins or ends.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// loaded reads a configuration of one file that must be sound in form.
func loaded(t testing.TB, name, text string, o hcl.Options) *hcl.Loaded {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(o.Path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read := hcl.Load(o)
	if err := read.Findings.Err(); err != nil {
		t.Fatalf("the configuration is refused:\n%v", err)
	}
	return read
}

// told are findings as LINE ID.
func told(found engine.Findings) []string {
	var out []string
	for _, one := range found {
		out = append(out, fmt.Sprintf("%d %s", one.At.Start.Line, one.ID))
	}
	return out
}

// github is a provider to which an access can be added.
func github(access string) string {
	return `oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}
provider "files" {
  access "ci" {
    from = [oauth_source.github]
` + access + `
  }
}
`
}

// The first line of an access is the tenth.
func TestACommentSilencesItsLineOrTheNext(t *testing.T) {
	const name = `require_claims = { repository = "acme/api", ref = "refs/heads/main" }`
	tests := []struct {
		name, access string
		want         []string
	}{
		{"none", name, []string{"10 WIF003"}},
		{"at its line", name + " # m2md:ignore WIF003 ours for ever", nil},
		{"with other marks", name + " // m2md:ignore WIF003 ours for ever", nil},
		{"without space", name + " #m2md:ignore  WIF003  ours", nil},
		{"on the line before", "# m2md:ignore WIF003 ours for ever\n" + name, nil},
		{"before more comments", "# m2md:ignore WIF003 ours for ever\n# because\n// so it is\n" + name, nil},
		{"two lines before", "# m2md:ignore WIF003 ours for ever\n\n" + name, []string{"10 LNT003", "12 WIF003"}},
		{"behind it", name + "\n# m2md:ignore WIF003 ours for ever", []string{"10 WIF003", "11 LNT003"}},
		{"at the end of another line", "policies = [] # m2md:ignore WIF003 ours for ever\n" + name, []string{"10 LNT003", "11 WIF003"}},
		{"for something else", name + " # m2md:ignore WIF004 ours for ever", []string{"10 WIF003", "10 LNT003"}},
		{"without a reason", name + " # m2md:ignore WIF003", []string{"10 WIF003", "10 LNT001"}},
		{"of nothing", name + " # m2md:ignore", []string{"10 WIF003", "10 LNT001"}},
		{"of what there is not", name + " # m2md:ignore WIF999 ours", []string{"10 WIF003", "10 LNT002"}},
		{"of what stands in scripts", name + " # m2md:ignore POL003 ours", []string{"10 WIF003", "10 LNT003"}},
		{"twice", "# m2md:ignore WIF003 ours\n" + name + " # m2md:ignore WIF003 ours", nil},
		{"of an ignore", name + " # m2md:ignore LNT003 so", []string{"10 WIF003", "10 LNT003"}},
		{"another word", name + " # m2md:ignored WIF003 ours", []string{"10 WIF003"}},
		{"in prose", name + " /* m2md:ignore WIF003 ours */", []string{"10 WIF003"}},
		{"in text", "require_claims = { repository = \"# m2md:ignore WIF003 x\", ref = \"refs/heads/main\" }", []string{"10 WIF003"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read := loaded(t, "m2md.hcl", github(tt.access), hcl.Options{})
			o := lint.Options{Now: noon, Others: []string{"POL003"}}
			got := told(lint.Silence(lint.Check(read.Spec, o), read.Sources, o))
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestErrorsAndWhatWasNotLookedForAreNotSilenced(t *testing.T) {
	at := engine.Range{File: "a.hcl", Start: engine.Pos{Line: 1, Column: 1}}
	text := hcl.Sources{"a.hcl": []byte("x = 1 # m2md:ignore WIF011 so it is\ny = 1 # m2md:ignore SEC002 the file is nowhere\n")}
	fault := engine.Findings{{ID: "WIF011", Summary: "x", At: at}}
	o, partial := lint.Options{Now: noon}, lint.Options{Now: noon, Partial: true}
	if got := told(lint.Silence(fault, text, partial)); !slices.Equal(got, []string{"1 WIF011", "1 LNT003"}) {
		t.Errorf("of an error: %q", got)
	}
	if got := told(lint.Silence(nil, text, o)); !slices.Equal(got, []string{"1 LNT003"}) {
		t.Errorf("where no file has a mode: %q", got)
	}
	if got := lint.Silence(nil, text, partial); len(got) > 0 {
		t.Errorf("of what may yet be found: %q", told(got))
	}
	unknown := lint.Silence(nil, hcl.Sources{"a.hcl": []byte("# m2md:ignore WIF05 so\n")}, o)
	if len(unknown) != 1 || !strings.Contains(unknown[0].Detail, `Did you mean "WIF005"?`) {
		t.Errorf("of a slip: %+v", unknown)
	}
}

// What is not known may narrow who gets in.
func TestWhatIsMissingIsToldOnlyWhereNothingElseCanNarrow(t *testing.T) {
	const branch = `require_claims = { ref = "refs/heads/main" }`
	policy := func(more string) string {
		return "\npolicy \"p\" {\n  script = \"return true\"\n" + more + "}\n"
	}
	tests := []struct {
		name, text string
		want       bool
	}{
		{"claims alone", github(branch), true},
		{"a policy", github(branch+"\npolicies = [policy.p]") + policy(""), false},
		{"a policy in shadow", github(branch+"\npolicies = [policy.p]") + policy("  shadow_until = \"2026-11-02T00:00:00Z\"\n"), true},
		{"everybody is meant", github(branch + "\nallow_any_subject = true"), false},
		{"a value that is not known", github(`require_claims = { ref = env("NOT_SET") }`), false},
		{"the tenant at the source", strings.Replace(github(branch), "audiences ", "require_claims = { repository_owner_id = \"1\" }\n  audiences ", 1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			read := loaded(t, "m2md.hcl", tt.text, hcl.Options{AllowMissingSecrets: true, LookupEnv: func(string) (string, bool) { return "", false }})
			found := lint.Check(read.Spec, lint.Options{Now: noon})
			if got := slices.ContainsFunc(found, func(f engine.Finding) bool { return f.ID == "WIF001" }); got != tt.want {
				t.Errorf("found %q", told(found))
			}
		})
	}
}

// Values may have come from env() or file().
func TestNoFindingShowsAValue(t *testing.T) {
	const sentinel = "sentinel"
	text := strings.ReplaceAll(github(`require_claims = { repository = env("V"), workflow_ref = pattern("${env("V")}.x/.*"), sub = "repo:${env("V")}-1/a-2:x", event_name = "${env("V")}$${x}" }`), `"https://auth.example.com"`, `env("A"), "https://token.actions.githubusercontent.com"`)
	read := loaded(t, "m2md.hcl", text, hcl.Options{LookupEnv: func(name string) (string, bool) {
		if name == "A" {
			return "https://github.com/" + sentinel, true
		}
		return sentinel, true
	}})
	found := lint.Check(read.Spec, lint.Options{Now: noon})
	if len(found) < 4 {
		t.Errorf("found only %q", told(found))
	}
	for _, one := range found {
		if strings.Contains(one.Summary+one.Detail, sentinel) {
			t.Errorf("%s: %s: %s", one.ID, one.Summary, one.Detail)
		}
	}
}

func TestKeyFilesAreJudgedByWhoMayReadThem(t *testing.T) {
	tests := []struct {
		mode  fs.FileMode
		known bool
		want  bool
	}{
		{0o644, true, true},
		{0o604, true, true},
		{0o640, true, false}, // a group of few
		{0o600, true, false},
		{0o666, false, false}, // a revision of Git, or Windows
	}
	dir := t.TempDir()
	for _, name := range []string{"a.key", "b.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "m2md.hcl")
	if err := os.WriteFile(path, []byte("signing_key \"main\" {\n  private_key_file = \"a.key\"\n  password_file = \""+dir+"/b.key\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		var asked []string
		found := lint.Check(hcl.Load(hcl.Options{Path: path}).Spec, lint.Options{Now: noon, FileMode: func(path string) (fs.FileMode, bool) {
			asked = append(asked, path)
			return tt.mode, tt.known
		}})
		if got := len(found) == 2; got != tt.want || len(found) == 1 {
			t.Errorf("%o: found %q", tt.mode, told(found))
		}
		if want := []string{filepath.Join(dir, "a.key"), filepath.Join(dir, "b.key")}; !slices.Equal(asked, want) {
			t.Errorf("asked of %q", asked)
		}
	}
}

// Whatever stands in files, looking at it ends, and tells places that there are.
func FuzzCheck(f *testing.F) {
	f.Add(github(`require_claims = { sub = pattern("repo:a.*|b(c|d){3}:[a-z]+") } # m2md:ignore WIF005 x`))
	f.Add("oauth_source \"a\" {\n  issuer = \"http://x/\"\n  oidc_jwks = \"{}\"\n  allow_any_audience = true\n}\nserver {\n  listen = \":1\"\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "m2md.hcl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		read := hcl.Load(hcl.Options{Path: path})
		o := lint.Options{Now: noon}
		for _, one := range lint.Silence(lint.Check(read.Spec, o), read.Sources, o) {
			if one.ID == "" || one.Severity == engine.Error {
				t.Errorf("told %+v", one)
			}
		}
	})
}

// A configuration of ten thousand accounts is judged while its reading takes a
// second.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	text.WriteString(github(`require_claims = { repository_id = "1", ref = "refs/heads/main" }`))
	for i := range 2500 {
		fmt.Fprintf(&text, "service_account \"a%d\" {\n  jwt {\n    source = oauth_source.github\n    require_claims = { repository_id = \"%d\", ref = pattern(\"refs/heads/(main|release-.+)\") }\n  }\n}\n", i, i)
	}
	read := loaded(b, "m2md.hcl", text.String(), hcl.Options{})
	b.ReportMetric(2500, "accounts")
	for b.Loop() {
		lint.Check(read.Spec, lint.Options{Now: noon})
	}
}
