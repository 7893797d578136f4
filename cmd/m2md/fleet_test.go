package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

// fleetFiles are 10,000 accounts in 200 files, fifty for each of 200
// providers, as a company with many machines keeps them.
func fleetFiles() map[string]string {
	const teams, machines = 200, 50
	files := map[string]string{"m2md.hcl": listeners}
	for team := range teams {
		files[fmt.Sprintf("team-%03d.hcl", team)] = teamFile(team, machines)
	}
	return files
}

// teamFile is one file of a fleet.
func teamFile(team, machines int) string {
	var accounts, from strings.Builder
	for i := range machines {
		fmt.Fprintf(&accounts, `
service_account "machine-%[1]d-%[2]d" {
  display_name = "Machine %[2]d of team %[1]d"
  groups       = ["metrics", "team-%[1]d"]
  attributes   = { team = "t%[1]d", cost_centre = 4711 }
  app_passwords {
    max_age    = "2160h"
    max_active = 3
  }
}
`, team, i)
		fmt.Fprintf(&from, "service_account.machine-%d-%d, ", team, i)
	}
	return fmt.Sprintf("%s\nprovider \"team-%d\" {\n  access \"machines\" {\n    from = [%s]\n  }\n}\n", accounts.String(), team, from.String())
}

// fleet writes the files of a fleet and gives their folder.
func fleet(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range fleetFiles() {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func BenchmarkValidate10000Accounts(b *testing.B) {
	options := hcl.Options{Path: fleet(b), WithTests: true}
	b.ReportAllocs()
	for b.Loop() {
		a := judged(b, options)
		if a.Findings = linted(a, lintOptions()); a.Findings.Err() != nil {
			b.Fatal(a.Findings)
		}
	}
}

// What a reload does, where everything has to be read.
func BenchmarkReload10000Accounts(b *testing.B) {
	options := hcl.Options{Path: fleet(b)}
	b.ReportAllocs()
	for b.Loop() {
		options.Cache = new(hcl.Cache)
		judged(b, options)
	}
}

// What a reload does where one of 200 files has changed.
func BenchmarkReloadOneOf200Files(b *testing.B) {
	options := hcl.Options{Path: fleet(b), Cache: new(hcl.Cache)}
	judged(b, options)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		writeFile(b, filepath.Join(options.Path, "team-007.hcl"), fmt.Sprintf("# %d\n%s", i, teamFile(7, 50)))
		judged(b, options)
	}
}

// judged is a fleet that was read and compiled.
func judged(b *testing.B, options hcl.Options) *assessment {
	b.Helper()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	a := assess(b.Context(), options, 1, rehearsalDeps(keys))
	if a.Engine == nil || a.Engine.Summary().Accounts != 10_000 {
		b.Fatal(a.Findings)
	}
	return a
}
