package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/hcl"
)

// noCode are lines without which a script is the same, or no script: blank,
// comments, closing brackets.
var noCode = regexp.MustCompile(`^\s*(?://.*)?[)\]}\s;]*$`)

// Whatever line of a policy somebody takes away, m2md test fails, and says of
// whom it expected something else: who got in, where somebody did.
func TestEachLineOfAPolicyIsHeldByATest(t *testing.T) {
	lines, openings := 0, 0
	for name, config := range exampleConfigs(t) {
		for _, policy := range assessed(t, config).Spec.Policies {
			if policy.Script.Path != "" {
				t.Fatalf("policy %s has a file, which is not looked at here", policy.Label)
			}
			for i, line := range strings.Split(strings.TrimRight(policy.Script.Text, "\n"), "\n") {
				if noCode.MatchString(line) {
					continue
				}
				t.Run(fmt.Sprintf("%s: %s: %s", name, policy.Label, strings.TrimSpace(line)), func(t *testing.T) {
					said, broken := testWithoutLine(t, config, policy.Script.At.File, policy.Script.At.Start.Line+i)
					if broken {
						t.Skip("without it, it is no script")
					}
					lines++
					if !strings.Contains(said, "--- FAIL: ") || !regexp.MustCompile(`(?m)^    \S+: expected .*(?:oauth_source|verification_certificate|service_account)\.\w+`).MatchString(said) {
						t.Errorf("no test fails that names an identity:\n%s", said)
					}
					if regexp.MustCompile(` got in by .*policy ` + policy.Label + ` said yes`).MatchString(said) {
						openings++
					}
				})
			}
		}
	}
	if lines < 20 || openings < 6 {
		t.Errorf("%d lines were taken away, and %d of them let somebody in: fewer than there were", lines, openings)
	}
}

// testWithoutLine runs the tests on a copy of a configuration whose file lacks
// a line; broken says that it cannot be compiled so.
func testWithoutLine(t *testing.T, config, file string, line int) (said string, broken bool) {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(config)); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel(config, file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(copied, rel)
	all := strings.Split(readFile(t, path), "\n")
	writeFile(t, path, strings.Join(slices.Delete(all, line-1, line), "\n"))
	var out bytes.Buffer
	run, _ := runTests(t.Context(), testOptions{Options: hcl.Options{Path: copied, WithTests: true}, report: reportTestsAsText, needDeny: true}, &out)
	return out.String(), run.faults != nil
}
