package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

// The fixtures of all rooms. What is in "compile" has the form that the
// language asks for; only engine.Compile objects to it.
var fixtureFolders = []string{"../../testdata/valid", "../../testdata/invalid", "../../testdata/invalid/compile"}

// fixturesIn are the files and folders of one folder.
func fixturesIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, entry := range entries {
		if entry.Name() != "compile" {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	if len(paths) == 0 {
		t.Fatalf("no fixture in %s", folder)
	}
	return paths
}

// assessed is what validate says of a configuration.
func assessed(t *testing.T, path string) *assessment {
	t.Helper()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	return assess(t.Context(), hcl.Options{Path: path, WithTests: true}, 1, rehearsalDeps(keys))
}

// assessedAsServed is what validate says but for test blocks, which the daemon
// ignores once it has read them.
func assessedAsServed(t *testing.T, path string) *assessment {
	t.Helper()
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	return compile(t.Context(), path, load(hcl.Options{Path: path}), nil, 1, rehearsalDeps(keys))
}

// Each fixture states what is wrong with it, at its line.
func TestCompileTellsEachFaultAtItsLine(t *testing.T) {
	for _, path := range fixturesIn(t, "../../testdata/invalid/compile") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a := assessed(t, path)
			want := stated(a.Sources)
			if len(want) == 0 {
				t.Fatal("the fixture expects nothing")
			}
			var got []string
			for _, one := range a.Findings {
				got = append(got, fmt.Sprintf("%s:%d: %s: %s", one.At.File, one.At.Start.Line, one.Severity, one.Summary))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if refused := strings.Contains(strings.Join(want, "\n"), ": error: "); refused != (a.Engine == nil) {
				t.Errorf("refused = %t, want %t", a.Engine == nil, refused)
			}
		})
	}
}

// stated are the comments "# ERROR: …" and "# WARNING: …" of a fixture, of
// which a line may hold several.
func stated(sources hcl.Sources) []string {
	var want []string
	for _, file := range slices.Sorted(maps.Keys(sources)) {
		for i, line := range strings.Split(string(sources[file]), "\n") {
			for _, comment := range strings.Split(line, "# ")[1:] {
				for _, severity := range []engine.Severity{engine.Error, engine.Warning, engine.Note} {
					if summary, ok := strings.CutPrefix(comment, strings.ToUpper(severity.String())+": "); ok {
						want = append(want, fmt.Sprintf("%s:%d: %s: %s", file, i+1, severity, strings.TrimSpace(summary)))
					}
				}
			}
		}
	}
	return want
}

// What validate says of a configuration is what the daemon does with it.
func TestTheDaemonTakesWhatValidateTakes(t *testing.T) {
	verdicts := map[bool]int{}
	for _, folder := range fixtureFolders {
		for _, fixture := range fixturesIn(t, folder) {
			t.Run(strings.TrimPrefix(filepath.ToSlash(fixture), "../../testdata/"), func(t *testing.T) {
				path := transplanted(t, fixture)
				a := assessedAsServed(t, path)
				for _, one := range assessed(t, path).Findings {
					if one.At.File == "" || one.At.Start.Line < 1 || one.At.Start.Column < 1 || one.Summary == "" {
						t.Errorf("a finding without a place or a summary: %+v", one)
					}
				}
				var told bytes.Buffer
				d, err := NewDaemon(t.Context(), Options{
					Config: path, StateDir: shortFolder(t), Log: slog.New(slog.DiscardHandler),
				}, &told)
				if err == nil {
					defer d.Close()
				}
				if (err == nil) != (a.Engine != nil) {
					t.Errorf("the daemon says %v, validate %v", err, a.Findings.Err())
				}
				if want := text(a); told.String() != want {
					t.Errorf("the daemon tells\n%s\nvalidate\n%s", told.String(), want)
				}
				if a.Engine != nil && d != nil && d.live.Load().Summary().Hash != a.Engine.Summary().Hash {
					t.Error("they differ in what they read")
				}
				verdicts[err == nil]++
			})
		}
	}
	if verdicts[true] < 2 || verdicts[false] < 10 {
		t.Errorf("%d fixtures were taken and %d refused, fewer than there were", verdicts[true], verdicts[false])
	}
}

// fixedPort is the ports of fixtures, which are written for people.
var fixedPort = regexp.MustCompile(`127\.0\.0\.1:944\d`)

// transplanted copies testdata, with listeners that are free in the place of
// fixed ones, and gives the copy of the fixture.
func transplanted(t *testing.T, fixture string) string {
	t.Helper()
	root := shortFolder(t)
	if err := os.CopyFS(root, os.DirFS("../../testdata")); err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel("../../testdata", fixture)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, rel)
	err = filepath.WalkDir(path, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		content = fixedPort.ReplaceAll(content, []byte("127.0.0.1:0"))
		content = bytes.ReplaceAll(content, []byte("unix:///run/m2md"), []byte("unix://"+root))
		return os.WriteFile(file, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shortFolder is a folder whose name leaves room for a socket's: the name of a
// unix socket has at most 104 bytes (sys/un.h).
func shortFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "m2md")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}
