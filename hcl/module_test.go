package hcl_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// imports stands for what package scripting finds in a script: a line such as
// import "./x.js".
func imports(name, text string) ([]engine.Import, error) {
	var all []engine.Import
	for i, line := range strings.Split(text, "\n") {
		if found := regexp.MustCompile(`^import "(.*)"$`).FindStringSubmatch(line); found != nil {
			at := engine.Range{File: name, Start: engine.Pos{Line: i + 1, Column: 8}, End: engine.Pos{Line: i + 1, Column: 8}}
			if !strings.HasPrefix(found[1], ".") {
				return all, engine.Findings{{Summary: "a package", Detail: "There are none.", At: at}}
			}
			all = append(all, engine.Import{Name: found[1], At: at})
		}
	}
	return all, nil
}

const oneModule = `policy "p" { script_file = "policies/p.js" }`

func TestWhatAScriptImportsIsReadWithIt(t *testing.T) {
	dir := folder(t, map[string]string{
		"m2md.hcl":      oneModule + "\npolicy \"q\" { script_file = \"policies/q.ts\" }\n",
		"policies/p.js": "import \"./a.js\"\nimport \"../lib/b.ts\"\n",
		"policies/a.js": "import \"../lib/b.ts\"\n",
		"policies/q.ts": "import \"../lib/b.ts\"\n",
		"lib/b.ts":      "import \"./c.json\"\n",
		"lib/c.json":    "{}",
		"lib/unused.js": "x",
	})
	loaded := load(t, hcl.Options{Path: dir, Imports: imports})
	script := loaded.Spec.Policies[0].Script
	want := []string{filepath.Join(dir, "lib/b.ts"), filepath.Join(dir, "lib/c.json"), filepath.Join(dir, "policies/a.js")}
	if got := slices.Sorted(maps.Keys(script.Modules)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(loaded.Spec.Policies[1].Script.Modules) != 2 {
		t.Errorf("got %v", loaded.Spec.Policies[1].Script.Modules)
	}
	for _, name := range want {
		if string(loaded.Sources[name]) != script.Modules[name] {
			t.Errorf("%s is not among the sources", name)
		}
		if !slices.Contains(loaded.Files, name) {
			t.Errorf("%s is not watched", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "lib/c.json"), []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := load(t, hcl.Options{Path: dir, Imports: imports}); again.Spec.Hash == loaded.Spec.Hash || again.Spec.Fingerprint == loaded.Spec.Fingerprint {
		t.Error("a module that changed does not change the hash")
	}
}

func TestImportsThatCannotBeFollowedAreFaultsAtTheirPlace(t *testing.T) {
	outside := folder(t, map[string]string{"o.js": "x"})
	many := map[string]string{"m2md.hcl": oneModule}
	var all strings.Builder
	for i := range 40 {
		many[fmt.Sprintf("policies/m%d.js", i)] = "x"
		fmt.Fprintf(&all, "import \"./m%d.js\"\n", i)
	}
	many["policies/p.js"] = all.String()
	tests := []struct {
		name          string
		files         map[string]string
		at            string
		summary, hint string
	}{
		{"a missing file", map[string]string{"policies/p.js": "\nimport \"./a.js\"\n"}, "policies/p.js:2,8", `"./a.js" does not exist`, "folder of the file that says it"},
		{"one that is missing further on", map[string]string{"policies/p.js": "import \"./a.js\"\n", "policies/a.js": "x\nx\nimport \"../b.js\""}, "policies/a.js:3,8", `"../b.js" does not exist`, ""},
		{"above the configuration", map[string]string{"policies/p.js": "import \"../../../etc/passwd.js\"\n"}, "policies/p.js:1,8", "lies outside of the configuration", "--allow-path"},
		{"behind a link", map[string]string{"policies/p.js": "import \"./link.js\"\n"}, "policies/p.js:1,8", "lies outside of the configuration", "links followed"},
		{"a circle", map[string]string{"policies/p.js": "import \"./a.js\"\n", "policies/a.js": "import \"./b.js\"", "policies/b.js": "x\nimport \"./a.js\""}, "policies/b.js:2,8", `"./a.js" leads in a circle`, "a.js imports "},
		{"itself", map[string]string{"policies/p.js": "import \"./p.js\"\n"}, "policies/p.js:1,8", `"./p.js" leads in a circle`, ""},
		{"a large one", map[string]string{"policies/p.js": "import \"./a.js\"\n", "policies/a.js": strings.Repeat("x", 17<<10)}, "policies/p.js:1,8", "is too large", "16384"},
		{"a binary one", map[string]string{"policies/p.js": "import \"./a.js\"\n", "policies/a.js": "\x00"}, "policies/p.js:1,8", "is not UTF-8 text", ""},
		{"a folder", map[string]string{"policies/p.js": "import \"../policies\"\n"}, "policies/p.js:1,8", "is not a regular file", ""},
		{"many", many, "policies/p.js:32,8", "too many files", "32"},
		{"what the caller refuses", map[string]string{"policies/p.js": "import \"lodash\"\n"}, "policies/p.js:1,8", "a package", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.files["m2md.hcl"] = oneModule
			dir := folder(t, tt.files)
			if err := os.Symlink(filepath.Join(outside, "o.js"), filepath.Join(dir, "policies/link.js")); err != nil {
				t.Fatal(err)
			}
			loaded := hcl.Load(hcl.Options{Path: dir, Imports: imports})
			if len(loaded.Findings) == 0 {
				t.Fatal("no finding")
			}
			first := loaded.Findings[0]
			if at := strings.TrimPrefix(first.At.String(), dir+"/"); at != tt.at || !strings.Contains(first.Summary, tt.summary) || !strings.Contains(first.Detail, tt.hint) || first.Detail == "" {
				t.Errorf("%s %s (%s)", at, first.Summary, first.Detail)
			}
			if !loaded.Spec.Policies[0].Unknown["script_file"] {
				t.Error("the script is known")
			}
		})
	}
}

func TestAModuleMayLieBelowAnAllowedPath(t *testing.T) {
	allowed := folder(t, map[string]string{"lib.js": "x"})
	dir := filepath.Join(filepath.Dir(allowed), "config")
	if err := os.MkdirAll(filepath.Join(dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"m2md.hcl": oneModule, "policies/p.js": "import \"../../" + filepath.Base(allowed) + "/lib.js\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	loaded := load(t, hcl.Options{Path: dir, AllowPaths: []string{allowed}, Imports: imports})
	if len(loaded.Spec.Policies[0].Script.Modules) != 1 {
		t.Errorf("got %+v", loaded.Findings)
	}
}
