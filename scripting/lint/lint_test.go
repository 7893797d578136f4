package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/scripting/lint"
)

// spec is a configuration with one policy, as the first line of its script says.
func spec(t *testing.T, name, text string) engine.Spec {
	t.Helper()
	start := engine.Pos{Line: 1, Column: 1}
	at := engine.Range{File: name, Start: start, End: start}
	policy := engine.PolicySource{
		Decl:   engine.Decl{Label: "p", At: at, Attrs: map[string]engine.Range{"inputs": at}},
		Script: engine.Script{Text: text, At: at, Path: name},
		Inputs: map[string]any{},
	}
	access := engine.Access{Policies: []engine.Ref{{Kind: engine.KindPolicy, Label: "p"}}}
	var out engine.Spec
	first, _, _ := strings.Cut(text, "\n")
	first, _, _ = strings.Cut(strings.TrimPrefix(first, "// "), "//")
	for word := range strings.FieldsSeq(first) {
		input, isInput := strings.CutSuffix(word, "=")
		switch {
		case isInput:
			policy.Inputs[input] = "x"
		case word == "accounts":
			access.From = append(access.From, engine.Ref{Kind: engine.KindServiceAccount, Label: "a"})
		default:
			if !slices.Contains(append(issuer.Names(), "unknown"), word) {
				t.Fatalf("%s: no profile %q", name, word)
			}
			out.Sources = append(out.Sources, engine.OAuthSource{Decl: engine.Decl{Label: word}, Profile: word})
			access.From = append(access.From, engine.Ref{Kind: engine.KindOAuthSource, Label: word})
		}
	}
	out.Policies = []engine.PolicySource{policy}
	out.Providers = []engine.Provider{{Accesses: []engine.Access{access}}}
	return out
}

var want = regexp.MustCompile(`// want (POL[0-9]+)`)

func archive(t *testing.T, name string, atLeast int) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Files) < atLeast {
		t.Fatalf("%s has %d files", name, len(a.Files))
	}
	return a
}

func TestPlantedFaultsAreFoundAtTheirLines(t *testing.T) {
	found := map[string]bool{}
	for _, file := range archive(t, "planted.txtar", 25).Files {
		t.Run(file.Name, func(t *testing.T) {
			text := string(file.Data)
			if _, err := scripting.Parse(spec(t, file.Name, text).Policies[0].Script); err != nil {
				t.Fatal(err)
			}
			var expected, got []string
			for i, line := range strings.Split(text, "\n") {
				for _, m := range want.FindAllStringSubmatch(line, -1) {
					expected = append(expected, fmt.Sprintf("%d %s", i+1, m[1]))
				}
			}
			// The expectation itself is no reason.
			clean := want.ReplaceAllString(text, "")
			for _, one := range lint.Check(spec(t, file.Name, clean)) {
				if one.ID == "POL013" && strings.Contains(one.Summary, "gives no reason") {
					found[one.ID] = true
					continue // beside what it does not silence
				}
				got = append(got, fmt.Sprintf("%d %s", one.At.Start.Line, one.ID))
				found[one.ID] = true
				if one.Severity == engine.Error || one.Summary == "" || one.Detail == "" || one.At.File != file.Name {
					t.Errorf("incomplete: %+v", one)
				}
			}
			if slices.Sort(got); !slices.Equal(got, expected) {
				t.Errorf("got %q, want %q", got, expected)
			}
		})
	}
	for _, rule := range lint.Rules() {
		if !found[rule.ID] {
			t.Errorf("no script has %s", rule.ID)
		}
	}
}

func TestNothingIsFoundInScriptsThatAreSound(t *testing.T) {
	for _, file := range archive(t, "clean.txtar", 25).Files {
		t.Run(file.Name, func(t *testing.T) {
			s := spec(t, file.Name, string(file.Data))
			if _, err := scripting.New(scripting.Options{}).CompilePolicy(s.Policies[0]); err != nil {
				t.Fatal(err)
			}
			for _, one := range lint.Check(s) {
				t.Errorf("%s %s: %s", one.At, one.Title(), one.Detail)
			}
		})
	}
}

func TestTheExamplesOfARuleAreFoundAndNot(t *testing.T) {
	for _, rule := range lint.Rules() {
		if rule.ID == "POL009" || rule.ID == "POL013" {
			continue // of the configuration, and of comments
		}
		for text, bad := range map[string]bool{rule.Bad: true, rule.Good: false} {
			if !strings.Contains(text, "return request") && !strings.Contains(text, "const jwt") {
				text = "const jwt = request.context.oauth_jwt; let allowed; allowed = jwt;\n" + text
			}
			header := "// gitlab id= environment=\n"
			if strings.Contains(text, "repo") || rule.ID == "POL003" {
				header = "// github-actions id=\n"
			}
			if rule.ID == "POL011" {
				header = "// github-actions accounts\n"
			}
			all := lint.Check(spec(t, "p.js", header+text))
			if got := slices.ContainsFunc(all, func(f engine.Finding) bool { return f.ID == rule.ID }); got != bad {
				t.Errorf("%s: %q: found %v, want %v", rule.ID, text, got, bad)
			}
		}
	}
}

func TestANameIsNotNotedWhereAnIDIsRequiredBesides(t *testing.T) {
	s := spec(t, "p.js", "// github-actions\nreturn request.context.oauth_jwt.repository === \"acme/api\";")
	if found := lint.Check(s); len(found) != 1 || found[0].ID != "POL012" || found[0].Severity != engine.Note {
		t.Errorf("got %v", found)
	}
	s.Providers[0].Accesses[0].Require = &engine.Requirement{Fields: []engine.FieldRequirement{{Name: "repository_owner_id", Requirement: engine.Requirement{Equal: "1234"}}}}
	if found := lint.Check(s); len(found) != 0 {
		t.Errorf("got %v", found)
	}
}

// TestTheReferenceIsThatOfTheRules writes docs/lint-policies.md with UPDATE=1.
func TestTheReferenceIsThatOfTheRules(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "lint-policies.md")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(lint.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != lint.Reference() {
		t.Error("docs/lint-policies.md is not that of the rules: run this test with UPDATE=1")
	}
	ids := map[string]bool{}
	for i, rule := range lint.Rules() {
		if rule.ID != fmt.Sprintf("POL%03d", i+1) || ids[rule.ID] || rule.Why == "" || rule.Remedy == "" || rule.Bad == "" || rule.Good == "" {
			t.Errorf("%+v", rule)
		}
		ids[rule.ID] = true
	}
}

func FuzzCheck(f *testing.F) {
	for _, name := range []string{"planted.txtar", "clean.txtar"} {
		a, err := txtar.ParseFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(string(file.Data), filepath.Ext(file.Name) == ".ts")
		}
	}
	f.Fuzz(func(t *testing.T, text string, typed bool) {
		name := "p.js"
		if typed {
			name = "p.ts"
		}
		lint.Check(spec(t, name, "// github-actions accounts a= b=\n"+text))
	})
}
