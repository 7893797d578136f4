package scripting_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// longPolicy is one of 2 kB, another for each n.
func longPolicy(n int) string {
	var script strings.Builder
	fmt.Fprintf(&script, "// policy %d\nconst jwt = request.context.oauth_jwt;\nif (!jwt) return false;\n", n)
	for i := 0; script.Len() < 2000; i++ {
		fmt.Fprintf(&script, "// rule %d: the release branches, for those who may\n", i)
		fmt.Fprintf(&script, "if (jwt.repository === inputs.repository && jwt.ref.startsWith(\"refs/heads/rel-%d\")\n    && request.user.groups.some(g => g === \"release-%d\")) return true;\n", i, n)
	}
	return script.String() + "return false;"
}

func longPolicies(n int) []engine.PolicySource {
	sources := make([]engine.PolicySource, n)
	for i := range sources {
		sources[i] = source(longPolicy(i), map[string]any{"repository": "acme/api"})
	}
	return sources
}

func compileAll(b *testing.B, compiler *scripting.Compiler, sources []engine.PolicySource) []engine.Policy {
	policies := make([]engine.Policy, len(sources))
	for i, src := range sources {
		var err error
		if policies[i], err = compiler.CompilePolicy(src); err != nil {
			b.Fatal(err)
		}
	}
	return policies
}

// BenchmarkCompileOf1000Policies compiles policies of 2 kB, by one processor.
func BenchmarkCompileOf1000Policies(b *testing.B) {
	sources := longPolicies(1000)
	b.ReportAllocs()
	for b.Loop() {
		compileAll(b, scripting.New(scripting.Options{}), sources)
	}
}

// BenchmarkCompileOf1000PoliciesUnchanged is what a reload does with those that
// already serve.
func BenchmarkCompileOf1000PoliciesUnchanged(b *testing.B) {
	sources, compiler := longPolicies(1000), scripting.New(scripting.Options{})
	serving := compileAll(b, compiler, sources)
	b.ReportAllocs()
	for b.Loop() {
		serving = compileAll(b, compiler, sources)
	}
	if len(serving) != 1000 {
		b.Fatal("not all")
	}
}

func BenchmarkEvaluate20Policies(b *testing.B) {
	policies := compileAll(b, scripting.New(scripting.Options{Deadline: deadline}), slices.Repeat([]engine.PolicySource{source(productPolicy, map[string]any{"repository": "acme/api"})}, 20))
	in := github(b)
	b.ReportAllocs()
	for b.Loop() {
		for _, policy := range policies {
			if verdict, err := policy.Evaluate(b.Context(), in); !verdict.Pass || err != nil {
				b.Fatal(verdict, err)
			}
		}
	}
}
