package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/hcl/lint"
)

// lintFolder is a copy of testdata/lint in which the only key files
// that others can read are called so: Git keeps no such rights.
func lintFolder(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("../../testdata/lint")); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "material", "secrets", "*.key"))
	if err != nil || len(found) < 4 {
		t.Fatalf("%d key files (%v)", len(found), err)
	}
	for _, file := range found {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(filepath.Base(file), "readable") {
			mode = 0o644
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// lintedFile is what validate says of a configuration, as LINE: SEVERITY: ID.
func lintedFile(t *testing.T, path string) (told []string, a *assessment) {
	t.Helper()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	a = assess(t.Context(), hcl.Options{Path: path, WithTests: true}, 1, rehearsalDeps(keys))
	a.Findings = linted(a, lintOptions())
	for _, one := range a.Findings {
		if one.ID == "" {
			t.Errorf("%s: %s: a finding without an ID", one.At, one.Summary)
		}
		told = append(told, fmt.Sprintf("%d: %s: %s", one.At.Start.Line, one.Severity, one.ID))
	}
	return told, a
}

// Each configuration of the corpus says at its lines what is found there; the
// clean ones say nothing.
func TestTheCorpusIsJudgedAsItSays(t *testing.T) {
	root := lintFolder(t)
	seen := map[string]bool{}
	for _, folder := range []string{"faulty", "clean"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.hcl*"))
		if err != nil || len(files) < 25 {
			t.Fatalf("%d configurations in %s (%v), want 25 and more", len(files), folder, err)
		}
		for _, file := range files {
			t.Run(folder+"/"+filepath.Base(file), func(t *testing.T) {
				got, a := lintedFile(t, file)
				want := plantedIn(t, a.Sources[file])
				for _, one := range want {
					seen[one[strings.LastIndex(one, " ")+1:]] = true
				}
				if faulty := folder == "faulty"; faulty != (len(want) > 0) {
					t.Errorf("a %s configuration states %d findings", folder, len(want))
				}
				slices.Sort(got)
				if slices.Sort(want); !slices.Equal(got, want) {
					t.Errorf("found %q, want %q\n%s", got, want, text(a))
				}
			})
		}
	}
	for _, rule := range lint.Rules() {
		if !seen[rule.ID] {
			t.Errorf("no configuration of the corpus has %s", rule.ID)
		}
	}
}

// planted is how a configuration of the corpus states what is found at a line.
var planted = regexp.MustCompile(`(ERROR|WARNING|NOTE): ((?:WIF|CFG|SEC|LNT)[0-9]{3})`)

func plantedIn(t *testing.T, content []byte) (want []string) {
	t.Helper()
	for i, line := range strings.Split(string(content), "\n") {
		for _, m := range planted.FindAllStringSubmatch(line, -1) {
			want = append(want, fmt.Sprintf("%d: %s: %s", i+1, strings.ToLower(m[1]), m[2]))
		}
	}
	return want
}

// What the documentation shows of a rule is what it finds, and its remedy is
// one.
func TestTheExamplesOfEachRuleAreWhatTheySay(t *testing.T) {
	root := lintFolder(t)
	for _, rule := range lint.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			if rule.Fault == "" || rule.Fix == "" || rule.Why == "" || rule.Title == "" {
				t.Fatal("the rule is not explained")
			}
			for _, example := range []struct {
				hcl  string
				want []string
			}{{rule.Fault, []string{rule.ID}}, {rule.Fix, nil}} {
				path := filepath.Join(root, "material", "example.hcl")
				writeFile(t, path, completed(example.hcl))
				_, a := lintedFile(t, path)
				var got []string
				for _, one := range a.Findings {
					got = append(got, one.ID)
				}
				if !slices.Equal(got, example.want) {
					t.Errorf("found %q, want %q, in\n%s\n%s", got, example.want, completed(example.hcl), text(a))
				}
			}
		})
	}
}

// surroundings are blocks that an example refers to, and what is sound to
// require of a source where the example does not say.
func surroundings() (blocks, sound map[string]string) {
	source := func(label, profile, issuer, more string) string {
		return fmt.Sprintf("oauth_source %q {\n  profile = %q\n  issuer = %q\n  oidc_well_known_url = \"%s/.well-known/openid-configuration\"\n  audiences = [\"https://auth.example.com\"]\n  %s\n}\n", label, profile, issuer, issuer, more)
	}
	blocks = map[string]string{
		"oauth_source.github":    source("github", "github-actions", "https://token.actions.githubusercontent.com", ""),
		"oauth_source.gitlab":    source("gitlab", "gitlab", "https://gitlab.com", `max_token_age = "1h"`),
		"oauth_source.terraform": source("terraform", "terraform", "https://app.terraform.io", `max_token_age = "1h"`),
		"oauth_source.google":    source("google", "google", "https://accounts.google.com", ""),
		"oauth_source.circleci":  source("circleci", "circleci", "https://oidc.circleci.com/org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e", ""),
		"oauth_source.cluster":   source("cluster", "kubernetes", "https://oidc.eks.eu-west-1.amazonaws.com/id/4F5A", `max_token_age = "1h"`),
		"service_account.backup": "service_account \"backup\" {\n}\n",
		"service_account.other":  "service_account \"other\" {\n}\n",
	}
	sound = map[string]string{
		"oauth_source.github": `{ repository_id = "5678", ref = "refs/heads/main" }`,
		"oauth_source.entra":  `{ tid = "72f988bf-86f1-41af-91ab-2d7cd011db47", oid = "690222be-ff1a-4d56-abd1-7e4f7d38e474" }`,
	}
	return blocks, sound
}

// completed makes a configuration of an example.
func completed(example string) string {
	blocks, sound := surroundings()
	out := example + "\n"
	switch {
	case strings.HasPrefix(example, "access "):
		out = "provider \"files\" {\n" + out + "}\n"
	case strings.HasPrefix(example, "forward_auth "):
		out = "provider \"files\" {\n  access \"backup\" {\n    from = [service_account.backup]\n  }\n" + out + "}\n"
	case !strings.Contains(example, "provider \""):
		out += "provider \"files\" {\n" + accessesFor(example, sound) + "}\n"
	}
	if !strings.Contains(out, "server {") {
		out += "server {\n  external_url = \"https://auth.example.com\"\n  trusted_proxies = [\"127.0.0.1/32\"]\n}\n"
	}
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		kind, label, _ := strings.Cut(name, ".")
		if strings.Contains(out, name) && !strings.Contains(out, kind+` "`+label+`"`) {
			out += blocks[name]
		}
	}
	return out
}

// accessesFor let in the sources that an example declares or refers to, or
// some account.
func accessesFor(example string, sound map[string]string) string {
	var all []string
	for _, m := range regexp.MustCompile(`(oauth_source|verification_certificate)(?: "|\.)([a-z]+)`).FindAllStringSubmatch(example, -1) {
		if name := m[1] + "." + m[2]; !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		all = []string{"service_account.other"}
	}
	var out strings.Builder
	for i, name := range all {
		fmt.Fprintf(&out, "  access \"a%d\" {\n    from = [%s]\n", i, name)
		if require := sound[name]; require != "" {
			fmt.Fprintf(&out, "    require_claims = %s\n", require)
		}
		out.WriteString("  }\n")
	}
	return out.String()
}

// With --strict what is warned of is refused, unless a comment says why not.
func TestStrictRefusesWhatIsWarnedOf(t *testing.T) {
	root := lintFolder(t)
	path := filepath.Join(root, "material", "strict.hcl")
	tests := []struct {
		name, comment string
		flags         []string
		code          int
	}{
		{"as it is", "", nil, 0},
		{"strict", "", []string{"--strict"}, 1},
		{"strict, and said why", "# m2md:ignore WIF003 the owner never gives the name up", []string{"--strict"}, 0},
		{"strict, and not said why", "# m2md:ignore WIF003", []string{"--strict"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			writeFile(t, path, completed("access \"ci\" {\n  from = [oauth_source.github]\n  require_claims = { repository = \"acme/api\", ref = \"refs/heads/main\" } "+tt.comment+"\n}"))
			var stdout, stderr bytes.Buffer
			code := run(append([]string{"m2md", "validate", "--config", path, "--format", "json"}, tt.flags...), &stdout, &stderr)
			var report struct {
				Valid       bool
				Diagnostics []struct{ ID, Severity string }
			}
			if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			if code != tt.code || report.Valid != (code == 0) || stderr.Len() > 0 {
				t.Errorf("exit %d, valid %t: %s%s", code, report.Valid, &stdout, &stderr)
			}
			for _, one := range report.Diagnostics {
				if one.ID == "" {
					t.Errorf("a finding without an ID: %+v", one)
				}
			}
		})
	}
}

// The daemon says nothing of what only lint finds: what it serves is the same.
func TestLintLeavesTheVerdict(t *testing.T) {
	root := lintFolder(t)
	files, err := filepath.Glob(filepath.Join(root, "faulty", "*.hcl*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d configurations (%v)", len(files), err)
	}
	for _, file := range files {
		before := assessed(t, file)
		if after := linted(before, lintOptions()); (after.Err() == nil) != (before.Findings.Err() == nil) {
			t.Errorf("%s: lint changes the verdict", file)
		} else if before.Engine == nil && before.Findings.Err() == nil {
			t.Errorf("%s: no engine and no error", file)
		}
	}
}
