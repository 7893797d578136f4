package hcl_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// folder makes a configuration folder of the given files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// load reads a configuration that must have no fault.
func load(t testing.TB, o hcl.Options) *hcl.Loaded {
	t.Helper()
	loaded := hcl.Load(o)
	if err := loaded.Findings.Err(); err != nil {
		t.Fatalf("the configuration is refused:\n%v", err)
	}
	return loaded
}

// loadText reads one file that must have no fault.
func loadText(t testing.TB, text string) *hcl.Loaded {
	t.Helper()
	return load(t, hcl.Options{Path: folder(t, map[string]string{"m2md.hcl": text})})
}

// refuse reads one file and gives its findings as "LINE: SUMMARY"; each must
// have a place.
func refuse(t testing.TB, name, text string) []string {
	t.Helper()
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{name: text})})
	return lines(t, loaded.Findings)
}

func lines(t testing.TB, found engine.Findings) []string {
	t.Helper()
	var out []string
	for _, one := range found {
		if one.At.File == "" || one.At.Start.Line < 1 || one.At.Start.Column < 1 {
			t.Errorf("a finding without a place: %+v", one)
		}
		if one.Severity == engine.Error && one.Detail == "" {
			t.Errorf("a fault without a remedy: %+v", one)
		}
		out = append(out, one.Summary)
	}
	return out
}

func wantSummary(t testing.TB, got []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, want) }) {
		t.Errorf("found %q, want %q among them", got, want)
	}
}
