package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/hcl"
)

// What windyroad/JUnit-Schema, JUnit.xsd, wants of each element: which elements
// stand in it, in which order, and which attributes it must have, and may.
var junitSchema = map[string]struct{ children, must, may []string }{
	"testsuites": {children: []string{"testsuite"}},
	"testsuite":  {[]string{"properties", "testcase", "system-out", "system-err"}, []string{"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"}, []string{"skipped"}},
	"testcase":   {[]string{"skipped", "error", "failure"}, []string{"name", "classname", "time"}, nil},
	"failure":    {nil, []string{"type"}, []string{"message"}},
	"error":      {nil, []string{"type"}, []string{"message"}},
	"properties": {}, "system-out": {}, "system-err": {}, "skipped": {},
}

func TestJUnitReportsKeepToTheCommonSchema(t *testing.T) {
	failing := writtenConfig(t, `script = "return true;"`)
	for name, config := range map[string]string{
		"sound": "../../examples/use-cases/m2md.d", "failing": failing, "with faults": "../../testdata/invalid/compile/tests.hcl", "without tests": "../../testdata/valid/spiffe.hcl",
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			_, err := runTests(t.Context(), testOptions{Options: hcl.Options{Path: config, WithTests: true}, report: reportTestsAsJUnit, needDeny: true}, &out)
			if faults := new(silentFault); err != nil && !errors.As(err, faults) {
				t.Fatal(err)
			}
			checkJUnit(t, out.Bytes())
		})
	}
}

func checkJUnit(t *testing.T, document []byte) {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(document))
	var open []string
	last := map[int]int{} // by depth: which child came last
	elements := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s in\n%s", err, document)
		}
		switch element := token.(type) {
		case xml.StartElement:
			elements++
			name, depth := element.Name.Local, len(open)
			rule, known := junitSchema[name]
			if depth > 0 {
				at := slices.Index(junitSchema[open[depth-1]].children, name)
				if known = known && at >= last[depth]; known {
					last[depth] = at
				}
			}
			if !known {
				t.Errorf("<%s> may not stand here, in %v", name, open)
			}
			var given []string
			for _, attribute := range element.Attr {
				given = append(given, attribute.Name.Local)
				if !slices.Contains(slices.Concat(rule.must, rule.may), attribute.Name.Local) {
					t.Errorf("<%s> has no attribute %s", name, attribute.Name.Local)
				}
			}
			for _, name := range rule.must {
				if !slices.Contains(given, name) {
					t.Errorf("<%s> lacks %s", element.Name.Local, name)
				}
			}
			open = append(open, name)
			last[depth+1] = 0
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if elements < 4 {
		t.Errorf("there are only %d elements in\n%s", elements, document)
	}
}

// writtenConfig is a configuration with one policy and one test, that a fork is
// denied.
func writtenConfig(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m2md.hcl")
	writeFile(t, path, `
server {
  external_url = "https://auth.example.com"
}
oauth_source "github" {
  profile       = "github-actions"
  issuer        = "https://token.actions.githubusercontent.com"
  oidc_jwks_url = "https://token.actions.githubusercontent.com/.well-known/jwks"
  audiences     = ["https://auth.example.com"]
}
provider "p" {
  access "ci" {
    from     = [oauth_source.github]
    policies = [policy.p]
  }
}
policy "p" {
  `+script+`
}
test "a fork: 100 %, <none>" {
  provider = provider.p
  source   = oauth_source.github
  claims   = { repository = "x/y" }
  expect   = "deny"
}
`)
	return path
}

// What ends a command or a property must not stand in one.
func TestAnnotationsAreEscaped(t *testing.T) {
	var out bytes.Buffer
	config := writtenConfig(t, `script = "return true;"`)
	if _, err := runTests(t.Context(), testOptions{Options: hcl.Options{Path: config, WithTests: true}, report: reportTestsToGitHub}, &out); err == nil {
		t.Fatal("nothing failed")
	}
	first, _, _ := strings.Cut(out.String(), "\n")
	if !strings.HasPrefix(first, "::error file=") || !strings.Contains(first, "title=FAIL%3A a fork%3A 100 %25%2C <none>::expected deny, but oauth_source.github ") || !strings.Contains(first, "%0Aclaims: ") {
		t.Errorf("got %s", first)
	}
}

// output is written by what is tested, and read meanwhile.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) await(t *testing.T, what string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		o.mu.Lock()
		text := o.text.String()
		o.mu.Unlock()
		if strings.Contains(text, what) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %q in\n%s", what, text)
		}
	}
}

func TestWatchRunsTheTestsAgainWhenAFileChanges(t *testing.T) {
	config := writtenConfig(t, `script = "return false;"`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var out output
	go func() {
		ended <- watchTests(ctx, testOptions{Options: hcl.Options{Path: config, WithTests: true}, report: reportTestsAsText}, &out)
	}()
	out.await(t, "PASS\t1 test in ")
	writeFile(t, config, strings.Replace(readFile(t, config), "return false;", "return true;", 1))
	out.await(t, "FAIL\t1 test, 1 failed in ")
	writeFile(t, config, "provider {")
	out.await(t, "error: ")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
