package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every rule has a title, a reason, and a heading in the documentation that its
// link leads to.
func TestEveryRuleLinksToItsHeading(t *testing.T) {
	headings := map[string]bool{}
	rules := findingRules()
	if len(rules) < 50 {
		t.Fatalf("%d rules, fewer than there were", len(rules))
	}
	seen := map[string]bool{}
	for _, rule := range rules {
		if rule.Title == "" || rule.Why == "" || seen[rule.ID] {
			t.Errorf("%s: not explained, or twice", rule.ID)
		}
		seen[rule.ID] = true
		name, heading, _ := strings.Cut(strings.TrimPrefix(rule.URL, documents), "#")
		if !headings[name] {
			headings[name] = true
			for line := range strings.Lines(readFile(t, filepath.Join("../../docs", name))) {
				if title, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); is && strings.HasPrefix(line, "##") {
					headings[name+"#"+anchor(strings.TrimSpace(title))] = true
				}
			}
		}
		if !headings[name+"#"+heading] {
			t.Errorf("%s: docs/%s has no heading %q", rule.ID, name, heading)
		}
	}
}

// Microsoft's own program takes what validate writes for SARIF.
func TestE2ESARIFIsValid(t *testing.T) {
	multitool := os.Getenv("M2MD_SARIF_MULTITOOL")
	if multitool == "" {
		if os.Getenv("M2MD_REQUIRE_SERVERS") != "" {
			t.Fatal("M2MD_SARIF_MULTITOOL is not set, and M2MD_REQUIRE_SERVERS says that all is there")
		}
		t.Skip("left out: M2MD_SARIF_MULTITOOL names no Sarif.Multitool")
	}
	root := lintFolder(t)
	broken := filepath.Join(t.TempDir(), "broken.hcl")
	writeFile(t, broken, "server {\n  listn = \"é\"\n}\nnonsense \"x\" {\n")
	faulty, err := filepath.Glob(filepath.Join(root, "faulty", "*.hcl"))
	if err != nil || len(faulty) == 0 {
		t.Fatalf("%d configurations (%v)", len(faulty), err)
	}
	clean, err := filepath.Glob(filepath.Join(root, "clean", "*.hcl"))
	if err != nil || len(clean) == 0 {
		t.Fatalf("%d configurations (%v)", len(clean), err)
	}
	written := filepath.Join(t.TempDir(), "sarif")
	if err := os.Mkdir(written, 0o755); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, config := range append(append(faulty[:min(8, len(faulty))], clean[0]), broken) {
		var stdout, stderr bytes.Buffer
		run([]string{"m2md", "validate", "--config", config, "--format", "sarif"}, &stdout, &stderr)
		if stderr.Len() > 0 {
			t.Fatalf("%s: %s", config, &stderr)
		}
		file := filepath.Join(written, filepath.Base(config)+".sarif")
		writeFile(t, file, stdout.String())
		files = append(files, file)
	}
	check := func(files ...string) (string, error) {
		cmd := exec.Command(multitool, append([]string{"validate"}, files...)...)
		cmd.Env = append(os.Environ(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	said, err := check(files...)
	if err != nil || strings.Contains(said, ": error ") || strings.Contains(said, "JSON1") {
		t.Errorf("%v\n%s", err, said)
	}
	// What is none is told apart: the program can object.
	bad := filepath.Join(written, "bad.sarif")
	writeFile(t, bad, strings.Replace(readFile(t, files[0]), `"results"`, `"reslts"`, 1))
	if said, _ := check(bad); !strings.Contains(said, "JSON1") {
		t.Errorf("it objects to nothing in what is no SARIF:\n%s", said)
	}
}
