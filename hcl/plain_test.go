package hcl

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzPlain holds the glance against the look: what is plain keeps all bounds.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{
		"a = 1\n", "a \"b\" {\n c = [d.e, {f = \"g\"}]\n}\n", "a = [{\n} + {\n}]", "a = 1.e9", "a = -1 # x\n// y", "a = \"x\"\"y\"",
		"a = [for x in y : x]", "a = x-for", "a = {for = 1}", "a = 1-2", "a = 1-e9", "a = a.1e9",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 64<<10 || !plain(src) {
			return
		}
		tokens, _ := hclsyntax.LexConfig(src, "x.hcl", hcl.InitialPos)
		if _, bad := newMeter(false).check(tokens); bad != (fault{}) {
			t.Errorf("plain, and yet: %s", bad.summary)
		}
		if scripts := interpolatedScripts(tokens, new(findings)); len(scripts) > 0 {
			t.Errorf("plain, and yet interpolated at %v", scripts)
		}
	})
}

// The files that people write most are plain; else the glance is for nothing.
func TestFilesOfPlainBlocksArePlain(t *testing.T) {
	for text, want := range map[string]bool{
		"service_account \"a\" {\n  groups = [\"x\", \"y\"] # z\n  app_passwords {\n    max_active = 3\n  }\n}\n": true,
		"provider \"p\" {\n  access \"a\" {\n    from = [service_account.a]\n  }\n}\n":                            true,
		"a = \"${b}\"\n": false,
		"a = <<X\nX\n":   false,
		"/* a */\n":      false,
		"a = 1e9\n":      false,
		"a = 1.5\n":      false,
		"a = \"\n":       false,
		"a = [}\n":       false,
	} {
		if plain([]byte(text)) != want {
			t.Errorf("plain(%q) = %v", text, !want)
		}
	}
}

// FuzzLoad reads anything as a configuration, in both syntaxes: it never
// panics, and each finding has a place in the file.
func FuzzLoad(f *testing.F) {
	seeds := 0
	for _, pattern := range []string{"../testdata/valid/*.hcl", "../testdata/valid/*/*.hcl*", "../testdata/invalid/*.hcl", "../testdata/invalid/*/*.hcl*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			seeds++
			f.Add(text, filepath.Ext(path) == ".json")
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte, json bool) {
		if len(text) > 64<<10 {
			return
		}
		path := filepath.Join(dir, "m2md.hcl")
		if json {
			path += ".json"
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		loaded := Load(Options{Path: path, LookupEnv: func(string) (string, bool) { return "", false }})
		for _, one := range loaded.Findings {
			if one.At.File == "" || one.At.Start.Line < 1 {
				t.Errorf("a finding without a place: %+v", one)
			}
		}
	})
}
