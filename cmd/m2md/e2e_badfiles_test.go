//go:build unix

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestE2EOneBadFileNeverTakesTheDaemonDown puts each of these into the folder of
// a daemon that serves: it refuses the reload, says why, goes on serving, and
// takes what is sound again afterwards.
func TestE2EOneBadFileNeverTakesTheDaemonDown(t *testing.T) {
	s := newSite(t, letsIn)
	daemon := s.serve()
	proof := credentials("loki", s.password("ci")).Encode()
	path := func(name string) string { return filepath.Join(s.config, name) }
	text := func(content string) func() error {
		return func() error { return os.WriteFile(path("bad.hcl"), []byte(content), 0o600) }
	}
	link := func(to string) func() error { return func() error { return os.Symlink(to, path("bad.hcl")) } }
	uses := func(blocks string, name string, make func(string) error) func() error {
		return func() error {
			if err := make(path(name)); err != nil {
				return err
			}
			return text(blocks)()
		}
	}
	fifo := func(name string) error { return syscall.Mkfifo(name, 0o600) }
	zero := func(name string) error { return os.Symlink("/dev/zero", name) }
	const shows = "service_account \"x\" {\n  display_name = file(\"beside\")\n}\n"
	const runs = "policy \"x\" {\n  script_file = \"beside.js\"\n}\n"
	tests := []struct {
		name string
		make func() error
		want string
	}{
		{"parentheses", text("locals {\na = " + strings.Repeat("(", 100_000) + "\n}\n"), "nested too deep"},
		{"operators", text("locals {\na = " + strings.Repeat("-", 500_000) + "1\n}\n"), "expression too long"},
		{"100 MB", func() error {
			if err := text("#")(); err != nil {
				return err
			}
			return os.Truncate(path("bad.hcl"), 100<<20)
		}, "is too large"},
		{"NUL", text("# \x00\n"), "is not UTF-8 text"},
		{"not UTF-8", text("# \xff\n"), "is not UTF-8 text"},
		{"a mark of the order of bytes, of UTF-16", text("\xff\xfea\x00"), "is not UTF-8 text"},
		{"a link to itself", link("bad.hcl"), "cannot be read"},
		{"a folder in itself", func() error { return os.Symlink(".", path("bad")) }, "is reached twice"},
		{"a FIFO", func() error { return fifo(path("bad.hcl")) }, "is not a regular file"},
		{"a device", link("/dev/zero"), "lies outside of the configuration"},
		{"cyclic locals", text("locals {\na = local.b\nb = local.a\n}\n"), "in a circle"},
		{"a file beyond", text(strings.Replace(shows, "beside", "/etc/shadow", 1)), "lies outside of the configuration"},
		{"a FIFO by file()", uses(shows, "beside", fifo), "is not a regular file"},
		{"a device by file()", uses(shows, "beside", zero), "lies outside of the configuration"},
		{"a FIFO as a script", uses(runs, "beside.js", fifo), "is not a regular file"},
		{"a device as a script", uses(runs, "beside.js", zero), "lies outside of the configuration"},
		{"an import of a device", func() error {
			if err := os.WriteFile(path("beside.js"), []byte("import \"./beside.ts\";\nexport default () => true;\n"), 0o600); err != nil {
				return err
			}
			return uses(runs, "beside.ts", zero)()
		}, "lies outside of the configuration"},
		{"an import of a FIFO", func() error {
			if err := os.WriteFile(path("beside.js"), []byte("import \"./beside.ts\";\nexport default () => true;\n"), 0o600); err != nil {
				return err
			}
			return uses(runs, "beside.ts", fifo)()
		}, "is not a regular file"},
		{"a key file that has no end", text("signing_key \"x\" {\n  private_key_file = \"/dev/zero\"\n}\n"), "is not a regular file"},
		{"loops in loops", text("locals {\nx = [for i in range(1000) : [for k in range(1000) : length(range(1000))]]\n}\n"), "too much is computed"},
		{"the folder is gone", func() error { return os.Rename(s.config, s.config+".aside") }, "does not exist"},
		{"the folder is a file", func() error {
			if err := os.Rename(s.config, s.config+".aside"); err != nil {
				return err
			}
			return os.WriteFile(s.config, []byte("{"), 0o600)
		}, "error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.make(); err != nil {
				t.Fatal(err)
			}
			result, err := s.admin().Reload(t.Context())
			if err != nil || result.OK || !strings.Contains(result.Report, tt.want) {
				t.Errorf("%v, %.2000v; want %q", err, result, tt.want)
			}
			if status := s.post(proof); status != http.StatusOK {
				t.Errorf("a token is asked for: %d", status)
			}
			if _, err := os.Lstat(s.config + ".aside"); err == nil {
				os.Remove(s.config)
				if err := os.Rename(s.config+".aside", s.config); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range []string{"bad.hcl", "bad", "beside", "beside.js", "beside.ts"} {
				os.Remove(path(name))
			}
			if result, err := s.admin().Reload(t.Context()); err != nil || !result.OK {
				t.Fatalf("what is sound is refused: %v, %+v", err, result)
			}
		})
	}
	most := int64(512 << 20)
	if raceFlags != nil {
		most *= 4 // what the race detector notes
	}
	if peak := s.peakMemory(daemon); peak > most {
		t.Errorf("the daemon took %d MiB", peak>>20)
	} else {
		t.Logf("the daemon took %d MiB at most", peak>>20)
	}
	if daemon.hasEnded() {
		t.Fatalf("the daemon ended: %v", daemon.err)
	}
}
