package hcl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2md/m2md/hcl"
)

// fleet is a folder of accounts in 20 files, as a team with many machines
// keeps them.
func fleet(t testing.TB, accounts int) string {
	t.Helper()
	files := make(map[string]string)
	const inFiles = 20
	for f := range inFiles {
		var text strings.Builder
		for i := range accounts / inFiles {
			fmt.Fprintf(&text, `service_account "machine-%d-%d" {
  display_name = "Machine %d of team %d"
  groups       = ["metrics", "team-%d"]
  attributes   = { team = "t%d", cost_centre = 4711 }
  app_passwords {
    max_age    = "2160h"
    max_active = 3
  }
}
`, f, i, i, f, f, f)
		}
		files[fmt.Sprintf("accounts-%02d.hcl", f)] = text.String()
	}
	return folder(t, files)
}

func BenchmarkLoad1000Accounts(b *testing.B)  { benchmarkLoad(b, 1000) }
func BenchmarkLoad10000Accounts(b *testing.B) { benchmarkLoad(b, 10_000) }

func benchmarkLoad(b *testing.B, accounts int) {
	dir := fleet(b, accounts)
	b.ReportAllocs()
	for b.Loop() {
		loaded := hcl.Load(hcl.Options{Path: dir})
		if len(loaded.Spec.Accounts) != accounts || len(loaded.Findings) > 0 {
			b.Fatalf("%d accounts, %v", len(loaded.Spec.Accounts), loaded.Findings)
		}
	}
}
