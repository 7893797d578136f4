package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

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

// twin is a fixture, and what it is judged from.
type twin struct {
	name string
	path string // of a copy that may be opened
}

// allTwins are copies of the fixtures of all rooms and of the examples.
func allTwins(t *testing.T) (all []twin) {
	t.Helper()
	root := shortFolder(t)
	for _, folder := range []string{"testdata", "examples"} {
		copied := filepath.Join(root, folder)
		if err := os.CopyFS(copied, os.DirFS("../../"+folder)); err != nil {
			t.Fatal(err)
		}
		movePlaces(t, copied, root)
	}
	for _, folder := range []string{"valid", "invalid", "invalid/compile", "lint/faulty", "lint/clean", "reference"} {
		for _, fixture := range fixturesIn(t, filepath.Join(root, "testdata", folder)) {
			all = append(all, twin{folder + "/" + filepath.Base(fixture), fixture})
		}
	}
	for name, config := range exampleConfigs(t) {
		all = append(all, twin{"examples/" + name, filepath.Join(root, "examples", name, filepath.Base(config))})
	}
	return all
}

// movePlaces has configurations name no place of this machine but the folder.
func movePlaces(t *testing.T, folder, root string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(file, ".hcl") {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, place := range []string{"/run/m2md", "/var/log/m2md", "/var/lib/m2md"} {
			content = bytes.ReplaceAll(content, []byte(place), []byte(root))
		}
		content = bytes.ReplaceAll(content, []byte("tcp://logs.example.com:601"), []byte("tcp://"+silentLog(t)))
		return os.WriteFile(file, content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// silentLog takes whatever is logged.
func silentLog(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// errorsOf are the faults that are not about tests: serving reads none.
func errorsOf(a *assessment, found engine.Findings) (faults []string) {
	ofTests := a.Spec.CheckTests()
	for _, one := range found {
		if one.Severity == engine.Error && !slices.Contains(ofTests, one) && !strings.Contains(one.At.File, ".m2mdtest.hcl") {
			faults = append(faults, fmt.Sprintf("%s: %s", one.At, one.Title()))
		}
	}
	return faults
}

// What validate says of a configuration is what the daemon does with it, when it
// starts and when it reloads: to the fault. The judgement of tests alone is
// validate's own, as the daemon never looks at them.
func TestTheDaemonTakesWhatValidateTakes(t *testing.T) {
	verdicts := map[bool]int{}
	serving := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
	live, _, err := serving.open()
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	if live.watcher, err = hcl.Watch(t.Context(), hcl.WatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, twin := range allTwins(t) {
		t.Run(twin.name, func(t *testing.T) {
			v := validation{options: hcl.Options{Path: twin.path, WithTests: true}}
			validated, err := v.judge(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range validated.Findings {
				if one.At.File == "" || one.At.Start.Line < 1 || one.At.Start.Column < 1 || one.Summary == "" {
					t.Errorf("a finding without a place or a summary: %+v", one)
				}
			}
			want := errorsOf(validated, validated.Findings)
			verdicts[len(want) == 0]++

			started := assembled(Options{Config: twin.path, StateDir: shortFolder(t), Log: slog.New(slog.DiscardHandler)})
			defer started.Close()
			loaded, _ := started.read()
			first, err := started.first(t.Context(), loaded, io.Discard)
			if first == nil {
				t.Fatalf("the daemon judges nothing: %v", err)
			}
			if got := errorsOf(first, first.Findings); !slices.Equal(got, want) || (err == nil) != (len(want) == 0) {
				t.Errorf("a start ends with %v, and tells\n%q\nvalidate tells\n%q", err, got, want)
			}
			if first.Engine != nil && validated.Engine != nil && first.Engine.Summary().Hash != validated.Engine.Summary().Hash {
				t.Error("they differ in what they read")
			}

			live.opts.Config, live.fixed = twin.path, fixedBy(loaded.Spec) // as if it had been started so
			dry, again, err := live.outlook(t.Context())
			if err != nil || dry.OK != (len(want) == 0) {
				t.Errorf("a dry run says %t (%v), validate %q", dry.OK, err, want)
			}
			if got := errorsOf(again, again.Findings); !slices.Equal(got, want) {
				t.Errorf("a dry run tells\n%q\nvalidate tells\n%q", got, want)
			}
			if result := live.reload(t.Context()); result.OK != (len(want) == 0) {
				t.Errorf("a reload says %t, validate %q\n%s", result.OK, want, result.Report)
			}
		})
	}
	if verdicts[true] < 40 || verdicts[false] < 20 {
		t.Errorf("%d fixtures were taken and %d refused, fewer than there were", verdicts[true], verdicts[false])
	}
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
