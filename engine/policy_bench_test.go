package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/scripting"
)

// manyPolicies is a configuration with 1000 policies of 2 kB, no two alike.
func manyPolicies() engine.Spec {
	spec := oneAccess()
	for i := range 1000 {
		var script strings.Builder
		fmt.Fprintf(&script, "const jwt = request.context.oauth_jwt;\nif (!jwt) return false; // policy %d\n", i)
		for rule := 0; script.Len() < 2000; rule++ {
			fmt.Fprintf(&script, "// rule %d: the release branches, for those who may\n", rule)
			fmt.Fprintf(&script, "if (jwt.repository === \"acme/api\" && jwt.ref.startsWith(\"refs/heads/rel-%d\")\n    && request.user.groups.some(g => g === \"release-%d\")) return true;\n", rule, i)
		}
		spec.Policies = append(spec.Policies, engine.PolicySource{
			Decl:   enginetest.Declare(fmt.Sprintf("policy_%d", i), 100+i),
			Script: engine.Script{Text: script.String() + "return false;", At: enginetest.At(100 + i)},
		})
	}
	return spec
}

// BenchmarkCompileOf1000Policies is a first start.
func BenchmarkCompileOf1000Policies(b *testing.B) {
	spec := manyPolicies()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		d := newBenchDaemon(b)
		d.Deps.Policies = scripting.New(scripting.Options{})
		b.StartTimer()
		if _, found := d.Compile(spec); found.Err() != nil {
			b.Fatal(found)
		}
	}
}

// BenchmarkCompileOf1000PoliciesUnchanged is a reload while they serve.
func BenchmarkCompileOf1000PoliciesUnchanged(b *testing.B) {
	spec, d := manyPolicies(), newBenchDaemon(b)
	serving := d.Serve(b, spec)
	b.ReportAllocs()
	for b.Loop() {
		if _, found := d.Compile(spec); found.Err() != nil {
			b.Fatal(found)
		}
	}
	if serving == nil {
		b.Fatal("nothing serves")
	}
}
