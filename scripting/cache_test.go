package scripting_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// TestWhatServesIsNotCompiledAgain tells a compilation by what it allocates.
func TestWhatServesIsNotCompiledAgain(t *testing.T) {
	base := source(longPolicy(1), map[string]any{"repository": "acme/api"})
	moved, renamed, changed, other := base, base, base, base
	moved.Script.At.Start.Line += 7
	renamed.Label = "another"
	changed.Script.Text += " "
	other.Inputs = map[string]any{"repository": "acme/other"}
	tests := []struct {
		name  string
		src   engine.PolicySource
		again bool
	}{
		{"the same", base, false},
		{"further down in its file", moved, false},
		{"under another label", renamed, false},
		{"another text", changed, true},
		{"other inputs", other, true}, // they are checked against the script
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compiler := scripting.New(scripting.Options{})
			serving, err := compiler.CompilePolicy(base)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			policy, err := compiler.CompilePolicy(tt.src)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if allocations := after.Mallocs - before.Mallocs; (allocations > 500) != tt.again {
				t.Errorf("%d allocations, want compiled again = %v", allocations, tt.again)
			}
			runtime.KeepAlive(policy)
			runtime.KeepAlive(serving)
		})
	}
}

func TestAPolicyThatMovedTellsItsNewPlace(t *testing.T) {
	compiler := scripting.New(scripting.Options{Deadline: deadline})
	src := source("throw new Error('no')", nil)
	first, err := compiler.CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	src.Script.At.Start.Line, src.Label = 41, "moved"
	second, err := compiler.CompilePolicy(src)
	if err != nil {
		t.Fatal(err)
	}
	for policy, want := range map[engine.Policy]string{first: "policy p threw Error: no at p.js:1:", second: "policy moved threw Error: no at p.js:41:"} {
		if _, err := policy.Evaluate(t.Context(), github(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEachPolicyHasItsOwnInputs(t *testing.T) {
	compiler := scripting.New(scripting.Options{Deadline: deadline})
	for _, repository := range []string{"acme/api", "acme/other"} {
		policy, err := compiler.CompilePolicy(source(productPolicy, map[string]any{"repository": repository}))
		if err != nil {
			t.Fatal(err)
		}
		if verdict, err := policy.Evaluate(t.Context(), github(t)); verdict.Pass != (repository == "acme/api") || err != nil {
			t.Errorf("%s: %v, %v", repository, verdict, err)
		}
	}
}
