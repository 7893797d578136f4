package hcl_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

// notSetHere is an environment without any variable.
func notSetHere(string) (string, bool) { return "", false }

// Each fixture states its own faults, at their lines.
func TestInvalidFixturesAreRefusedWhereTheySay(t *testing.T) {
	for _, path := range fixtures(t, "../testdata/invalid") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			loaded := hcl.Load(hcl.Options{Path: path, LookupEnv: notSetHere})
			want := expectations(t, loaded.Sources)
			if len(want) == 0 {
				t.Fatal("the fixture expects nothing")
			}
			lines(t, loaded.Findings)
			var got []string
			for _, one := range loaded.Findings {
				got = append(got, fmt.Sprintf("%s:%d: %s: %s", one.At.File, one.At.Start.Line, one.Severity, one.Summary))
			}
			compare(t, got, want)
		})
	}
}

// Valid fixtures give nothing above a note.
func TestValidFixturesAreTaken(t *testing.T) {
	for _, path := range fixtures(t, "../testdata/valid") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, one := range hcl.Load(hcl.Options{Path: path, LookupEnv: notSetHere}).Findings {
				if one.Severity != engine.Note {
					t.Errorf("%s: %s: %s", one.At, one.Summary, one.Detail)
				}
			}
		})
	}
}

// fixtures are the files and folders in dir; those in "compile" are faults
// that only engine.Compile finds.
func fixtures(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "compile" || strings.HasSuffix(entry.Name(), ".hcl") {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	if len(paths) == 0 {
		t.Fatalf("no fixture in %s", dir)
	}
	return paths
}

// expectations are the "# ERROR: …" comments of native files, and the
// "//" members that begin with such a word of JSON files.
func expectations(t testing.TB, sources hcl.Sources) []string {
	t.Helper()
	native := regexp.MustCompile(`# (ERROR|WARNING|NOTE): (.*)`)
	member := regexp.MustCompile(`"//": ("(?:[^"\\]|\\.)*")`)
	var want []string
	for file, content := range sources {
		for i, line := range strings.Split(string(content), "\n") {
			var comments []string
			for _, comment := range strings.Split(line, " # ")[1:] {
				comments = append(comments, "# "+comment)
			}
			for _, found := range member.FindAllStringSubmatch(line, -1) {
				var text string
				if err := json.Unmarshal([]byte(found[1]), &text); err != nil {
					t.Fatal(err)
				}
				comments = append(comments, "# "+text)
			}
			for _, comment := range comments {
				if m := native.FindStringSubmatch(comment); m != nil {
					want = append(want, fmt.Sprintf("%s:%d: %s: %s", file, i+1, strings.ToLower(m[1]), strings.TrimSpace(m[2])))
				}
			}
		}
	}
	return want
}

// compare tells what is missing on either side.
func compare(t testing.TB, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	for _, one := range got {
		if i := slices.Index(want, one); i >= 0 {
			want = slices.Delete(want, i, i+1)
			continue
		}
		t.Errorf("unexpected: %s", one)
	}
	for _, one := range want {
		t.Errorf("missing:    %s", one)
	}
}

// The excerpts that people see, and the form that machines read.
func TestFindingsAreWrittenWithTheirLineUnderlined(t *testing.T) {
	path := filepath.Join(folder(t, map[string]string{"m2md.hcl": "provider \"loki\" {\n\taudience = [\"é\", 3]\n}\n"}), "m2md.hcl")
	loaded := hcl.Load(hcl.Options{Path: path})
	var out bytes.Buffer
	if err := hcl.WriteText(&out, loaded.Findings, loaded.Sources, hcl.TextOptions{Width: 40}); err != nil {
		t.Fatal(err)
	}
	want := `error: "audience" must be a list of strings
  at ` + path + `:2,19
  2 | 	audience = ["é", 3]
    | 	                 ^
  Write audience = ["…"]. Nothing is
  converted.

1 error
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestFindingsAreWrittenAsJSON(t *testing.T) {
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{"m2md.hcl": "metrics {\n}\n"})})
	var out bytes.Buffer
	if err := hcl.WriteJSON(&out, loaded.Findings, loaded.Sources); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Valid       bool
		ErrorCount  int `json:"error_count"`
		Diagnostics []struct {
			Severity, Summary, Snippet string
			Range                      struct {
				Start struct{ Line, Column, Byte int }
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Valid || report.ErrorCount != 1 || len(report.Diagnostics) != 1 {
		t.Fatalf("got %+v", report)
	}
	if d := report.Diagnostics[0]; d.Severity != "error" || d.Snippet != "metrics {" || d.Range.Start.Line != 1 || d.Range.Start.Column != 1 {
		t.Errorf("got %+v", d)
	}
}

func TestAFileCannotSteerTheTerminal(t *testing.T) {
	loaded := hcl.Load(hcl.Options{Path: folder(t, map[string]string{"m2md.hcl": "server {\n  listen = \"\x1b[2Jx\"\n}\n"})})
	var out bytes.Buffer
	if err := hcl.WriteText(&out, loaded.Findings, loaded.Sources, hcl.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 || bytes.ContainsRune(out.Bytes(), '\x1b') {
		t.Errorf("got %q", out.String())
	}
}
