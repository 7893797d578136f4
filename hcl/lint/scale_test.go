package lint_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/hcl/lint"
)

// Many accesses, many sources, and as many comments as a file may hold: the
// time must grow with them, not with their square.
func TestManyBlocksAndManyCommentsAreJudgedInTime(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "oauth_source \"s%d\" {\n  issuer = \"https://s%d.example.com\"\n  oidc_jwks_url = \"https://s%d.example.com/jwks\"\n  audiences = [\"a\"]\n}\n", i, i, i)
		fmt.Fprintf(&text, "provider \"p%d\" {\n  access \"a\" {\n    from = [oauth_source.s%d]\n    require_claims = { a = \"b\" }\n    allow_any_subject = true\n  }\n}\n", i, i)
	}
	read := loaded(t, "m2md.hcl", text.String(), hcl.Options{})
	began := time.Now()
	if found := lint.Check(read.Spec, lint.Options{Now: noon}); len(found) != 1000 {
		t.Errorf("%d findings, want one of each allow_any_subject", len(found))
	}
	ignores := hcl.Sources{
		"a.hcl":      []byte(strings.Repeat("# m2md:ignore WIF003 x\n", 15_000)),
		"b.hcl.json": []byte("[" + strings.Repeat("{\"//\":\"m2md:ignore WIF003 x\"},", 10_000) + "1]"),
		"c.hcl":      []byte(strings.Repeat("x = 1 # m2md:ignore WOF003 x\n", 10_000)),
	}
	found := make(engine.Findings, 15_000)
	for i := range found {
		found[i] = engine.Finding{Severity: engine.Warning, ID: "WIF003", At: engine.Range{File: "a.hcl", Start: engine.Pos{Line: i + 1, Column: 1}}}
	}
	if left := lint.Silence(found, ignores, lint.Options{Now: noon}); len(left) != 20_000 {
		t.Errorf("%d findings are left", len(left))
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s", took)
	}
	t.Logf("it took %s", time.Since(began))
}
