package scripting_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

func TestFaultsOfAScriptStandAtTheirPlace(t *testing.T) {
	tests := []struct {
		name, script, at, summary, detail string
	}{
		{"a missing bracket", "if (a { return true }", "1:7", "unexpected token {", "body of function"},
		{"the second line", "const a = 1;\nconst = 2;", "2:7", "unexpected token =", ""},
		{"behind umlauts", `const ä = "öü"; const = 2;`, "1:23", "unexpected token =", ""},
		{"an end that comes too early", "if (true) {\n  return true", "", "", "still open"},
		{"a closed function", "return true } ; (function(){", "", "", ""},
		{"a closed function, well formed", "return true }, function(){", "1:13", "unmatched }", "body of function"},
		{"a closed wrapper", "return true }}); (function(){ return function(){ ", "1:13", "unmatched }", ""},
		{"a called wrapper", "return true }})(), (function(a,b,c){ return function(){ ", "1:13", "unmatched }", ""},
		{"a closed function and a block", "return true }; {", "1:13", "unmatched }", ""},
		{"import", "import x from 'y'", "1:1", "import is only for scripts in files of their own", "script_file"},
		{"export", "\n  export default 1", "2:3", "export is only for scripts in files of their own", ""},
		{"async", "const f = async () => true; return f()", "1:11", "async functions are not supported", "at once"},
		{"async function", "async function f() {}", "1:1", "async functions are not supported", ""},
		{"a generator", "function* f() {}", "1:1", "Generators are not supported", ""},
		{"a BigInt", "return 1n < 2n", "1:8", "BigInt is not supported", ""},
		{"with", "with (request) { return true }", "1:1", "strict mode", ""},
		{"a bound twice", "const a = 1;\n let a = 2;", "2:6", "already been declared", ""},
		{"Python", "jwt = request.context.get('oauth_jwt', None)\nif not jwt:\n  return False", "2:", "", "looks like Python"},
		{"a source map", "//# sourceMappingURL=/etc/passwd\nreturn (", "", "", "still open"},
		{"rest of a parameter", "const f = ([a, ...r]) => r; return true", "1:12", "Rest element", "slice()"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scripting.New(scripting.Options{}).CompilePolicy(source(tt.script, nil))
			var found engine.Findings
			if !errors.As(err, &found) || len(found) == 0 {
				t.Fatalf("got %v", err)
			}
			first := found[0]
			at := strings.ReplaceAll(strings.TrimPrefix(first.At.String(), "p.js:"), ",", ":")
			if !strings.HasPrefix(at, tt.at) || !strings.Contains(first.Summary, tt.summary) || !strings.Contains(first.Detail, tt.detail) {
				t.Errorf("%s %s (%s), want %s %s (%s)", at, first.Summary, first.Detail, tt.at, tt.summary, tt.detail)
			}
			if first.At.File == "" || first.At.Start.Line == 0 || first.Severity != engine.Error || first.Detail == "" {
				t.Errorf("incomplete finding %+v", first)
			}
		})
	}
}

func TestPlacesAreThoseOfTheHCLFile(t *testing.T) {
	// As hcl.Load gives a <<-JS heredoc that is indented by four and begins in line 12.
	src := source("const a = 1;\nreturn ] a;\n", nil)
	src.Script.At.File = "policies.hcl"
	src.Script.At.Start = engine.Pos{Line: 12, Column: 5, Byte: 204}
	src.Script.Indent = 4
	_, err := scripting.New(scripting.Options{}).CompilePolicy(src)
	found := engine.AsFindings(err, engine.Range{})
	if len(found) == 0 {
		t.Fatal("no finding")
	}
	if want := (engine.Pos{Line: 13, Column: 12, Byte: 204 + 20 + 4}); found[0].At.File != "policies.hcl" || found[0].At.Start != want {
		t.Errorf("at %+v, want %+v", found[0].At, want)
	}

	src.Script.Text = "const a = 1;\nthrow new Error('x')"
	policy, err := scripting.New(scripting.Options{}).CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Evaluate(t.Context(), github(t)); err == nil || !strings.Contains(err.Error(), "at policies.hcl:13:11") {
		t.Errorf("got %v", err)
	}
}

func TestASourceMapIsNotRead(t *testing.T) {
	for _, script := range []string{"return true\n//# sourceMappingURL=/nowhere/at/all.map", "return true //# sourceMappingURL=data:application/json;base64,e30="} {
		if got, err := evaluate(t, script, github(t)); !got || err != nil {
			t.Errorf("%s: %v, %v", script, got, err)
		}
	}
}

func TestAllFaultsComeAtOnce(t *testing.T) {
	_, err := scripting.New(scripting.Options{}).CompilePolicy(source("const a = async () => 1;\nconst b = 1n;\nfunction* c() {}", nil))
	if found := engine.AsFindings(err, engine.Range{}); len(found) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestScriptsThatWouldOverflowTheParserAreFindings(t *testing.T) {
	for _, open := range []string{"(", "[", "{", "function f(){", "!", "- ", "a=>", "if(a)", "new ", "a?b:", "a+", "a=", "x.", "`${", "a,", "typeof ", "...", "for(;;)", "do ", "a:", "else if(a)", "a??", "a**", "class A extends ", "/(", "\\u{", "a?."} {
		script := "return " + strings.Repeat(open, (16<<10-100)/len(open)) + "1"
		if strings.HasPrefix(open, "if") || strings.HasPrefix(open, "for") || strings.HasPrefix(open, "do") || strings.HasPrefix(open, "{") || open == "a:" {
			script = strings.TrimPrefix(script, "return ")
		}
		policy, err := scripting.New(scripting.Options{}).CompilePolicy(source(script, nil))
		if err == nil { // long but well formed
			_, err = policy.Evaluate(t.Context(), github(t))
		}
		if open != "!" && err == nil || err != nil && len(err.Error()) > 5000 {
			t.Errorf("%q...: %.200v", open, err)
		}
	}
	_, err := scripting.New(scripting.Options{}).CompilePolicy(source(strings.Repeat(" ", 17<<10), nil))
	if found := engine.AsFindings(err, engine.Range{}); len(found) != 1 || found[0].Summary != "policy too long" {
		t.Errorf("got %v", err)
	}
}

// FuzzCompileAndRun looks for a script that gets through where it may not: with
// an error, after it threw, twice with two answers, or long after its deadline.
func FuzzCompileAndRun(f *testing.F) {
	for _, script := range []string{repositoryPolicy, serviceAccountPolicy, issuerPolicy, productPolicy, "return true }, function(){", "const [a, ...b] = request.context.oauth_scopes; return `${a}` + b"} {
		f.Add(script)
	}
	for _, file := range hostileFiles(f) {
		script, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(script))
	}
	const limit = 2 * time.Second // beyond the deadline: fuzzing takes every processor
	compiler := scripting.New(scripting.Options{})
	f.Fuzz(func(t *testing.T, script string) {
		evaluate := func(script string) (engine.Verdict, error) {
			policy, err := compiler.CompilePolicy(source(script, nil))
			if err != nil {
				var found engine.Findings
				if !errors.As(err, &found) || found.Err() == nil {
					t.Fatalf("not findings: %v", err)
				}
				return engine.Verdict{}, nil
			}
			began := time.Now()
			verdict, err := policy.Evaluate(t.Context(), github(t))
			if took := time.Since(began); took > limit {
				t.Fatalf("took %v", took)
			}
			if verdict.Pass && err != nil {
				t.Fatalf("passed with the error %v", err)
			}
			return verdict, err
		}
		first, err := evaluate(script)
		if second, again := evaluate(script); err == nil && again == nil && first.Pass != second.Pass {
			t.Fatalf("answered %v, then %v", first, second)
		}
		if verdict, _ := evaluate("throw null;" + script); verdict.Pass {
			t.Fatal("passed although it threw")
		}
	})
}
