package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/serve"
)

// withLastGood opens a daemon as --last-good does.
func (r *rig) withLastGood() (*Daemon, string, error) {
	r.t.Helper()
	var told transcript
	d, err := NewDaemon(r.t.Context(), Options{
		Config: r.config, StateDir: r.state, LastGood: true, Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}, &told)
	return d, told.String(), err
}

func (r *rig) kept(name string) string { return filepath.Join(r.state, generationsName, name) }

// Sources are kept, readable by the owner alone; what they name is not.
func TestWhatIsKeptHoldsSourcesAndNoSecrets(t *testing.T) {
	t.Setenv("M2MD_TEST_SECRET", "sentinel-of-the-environment")
	r := served(t, map[string]string{
		"a.hcl": listeners + letsIn + `
policy "p" {
  script_file = "p.js"
  inputs      = { one = env("M2MD_TEST_SECRET"), two = file("secret.txt") }
}
`,
		"p.js": "return inputs.one === inputs.two; // a script\n", "secret.txt": "sentinel-of-a-file", "deep/b.hcl.json": `{"service_account": {"deep": {}}}`,
	})
	for _, name := range []string{"", historyName, lastGoodName} {
		info, err := os.Stat(r.kept(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	raw := readFile(t, r.kept(lastGoodName))
	var kept keptGeneration
	if err := json.Unmarshal([]byte(raw), &kept); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range kept.Files {
		names = append(names, strings.TrimPrefix(file.Path, r.config+"/"))
	}
	if want := []string{"a.hcl", "deep/b.hcl.json", "p.js"}; !slices.Equal(names, want) {
		t.Errorf("kept %q, want %q", names, want)
	}
	if strings.Contains(raw, "sentinel") || strings.Contains(readFile(t, r.kept(historyName)), "sentinel") {
		t.Error("a secret is kept")
	}
}

// However the files are broken, what served last starts, and the mended files
// are taken up.
func TestWhatServedLastStartsHoweverTheFilesAreBroken(t *testing.T) {
	files := map[string]string{"a.hcl": listeners + letsIn + "policy \"p\" {\n  script_file = \"p.ts\"\n}\n", "p.ts": "return true;\n", "b.hcl": "service_account \"b\" {\n}\n"}
	tests := []struct {
		name  string
		spoil func(t *testing.T, r *rig)
	}{
		{"a fault", func(_ *testing.T, r *rig) { r.write("b.hcl", misspelt) }},
		{"a syntax error", func(_ *testing.T, r *rig) { r.write("b.hcl", "{{{") }},
		{"the script is gone", func(t *testing.T, r *rig) { remove(t, r.path("p.ts")) }},
		{"the script is another", func(_ *testing.T, r *rig) { r.write("p.ts", "return (") }},
		{"all files are gone", func(t *testing.T, r *rig) { remove(t, r.config) }},
		{"a file in the place of the folder", func(t *testing.T, r *rig) {
			remove(t, r.config)
			writeFile(t, r.config, "nonsense {\n}\n")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := served(t, files)
			hash := r.daemon.live.Load().Summary().Hash
			r.stop()
			tt.spoil(t, r)
			if d, _, err := r.open(); err == nil || !strings.Contains(err.Error(), "`m2md serve --last-good` starts from what served last") {
				if err == nil {
					d.Close()
				}
				t.Fatalf("without the flag: %v", err)
			}
			d, told, err := r.withLastGood()
			if err != nil {
				t.Fatalf("%v\n%s", err, told)
			}
			r.run(d)
			status := d.Status()
			if status.Hash != hash || status.LastGood == nil || status.LastGood.Hash != hash || status.Reload.OK || !slices.ContainsFunc(status.History, func(one serve.PastReload) bool { return one.Outcome == serve.ReloadOfRefused }) {
				t.Errorf("status %+v", status)
			}
			if code, _ := r.observed("/-/ready"); code != 200 {
				t.Errorf("/-/ready answers %d", code)
			}
			r.checkMetrics(map[string]string{"m2md_serving_last_good": "1", "m2md_last_reload_successful": "0"})
			if r.logged("THE FILES DO NOT SERVE") != 1 {
				t.Errorf("the log says\n%s", r.log)
			}
			remove(t, r.config)
			for name, content := range files {
				r.write(name, content)
			}
			r.write("c.hcl", "service_account \"c\" {\n}\n")
			r.reload(true)
			if status := d.Status(); status.LastGood != nil || !status.Reload.OK || status.Hash == hash {
				t.Errorf("after it was mended: %+v", status)
			}
			r.checkMetrics(map[string]string{"m2md_serving_last_good": "0", "m2md_last_reload_successful": "1"})
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// What is kept is not believed blindly.
func TestWhatIsKeptIsRefusedWhereItMayBeAnothers(t *testing.T) {
	change := func(from, to string) func(t *testing.T, r *rig) {
		return func(t *testing.T, r *rig) {
			content := readFile(t, r.kept(lastGoodName))
			if !strings.Contains(content, from) {
				t.Fatalf("there is no %q in %s", from, content)
			}
			writeFile(t, r.kept(lastGoodName), strings.ReplaceAll(content, from, to))
		}
	}
	tests := []struct {
		name  string
		spoil func(t *testing.T, r *rig)
		want  string
	}{
		{"others can write it", func(t *testing.T, r *rig) {
			if err := os.Chmod(r.kept(lastGoodName), 0o620); err != nil {
				t.Fatal(err)
			}
		}, "others can write it"},
		{"it was changed", change("machines", "machine5"), "is damaged: its sources have another hash"},
		{"another version", change(`"version":1`, `"version":2`), "its version is 2, and not 1"},
		{"half of it", func(t *testing.T, r *rig) {
			writeFile(t, r.kept(lastGoodName), readFile(t, r.kept(lastGoodName))[:100])
		}, "unexpected end of JSON input"},
		{"a folder", func(t *testing.T, r *rig) {
			remove(t, r.kept(lastGoodName))
			writeFile(t, filepath.Join(r.kept(lastGoodName), "x"), "")
		}, "no regular file"},
		{"nothing is kept", func(t *testing.T, r *rig) { remove(t, r.kept("")) }, "no last good generation is kept"},
		{"what it names is gone, too", func(t *testing.T, r *rig) { remove(t, r.path("secret.txt")) }, "cannot serve, either"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := served(t, map[string]string{"a.hcl": listeners + letsIn + "service_account \"named\" {\n  display_name = file(\"secret.txt\")\n}\n", "secret.txt": "x"})
			r.stop()
			r.write("b.hcl", misspelt)
			tt.spoil(t, r)
			d, _, err := r.withLastGood()
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// A folder that Kubernetes replaces by a link is one configuration before and
// after.
func TestWhatServedLastStartsBehindLinksThatMove(t *testing.T) {
	r := newRig(t, nil)
	link := func(target string) {
		remove(t, r.path("..data"))
		remove(t, r.path("a.hcl"))
		for name, to := range map[string]string{"..data": target, "a.hcl": "..data/a.hcl"} {
			if err := os.Symlink(to, r.path(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	inside := func(name, content string) string {
		writeFile(t, r.path(name+"/a.hcl"), content)
		return name
	}
	link(inside("..one", listeners+letsIn))
	d, told, err := r.open()
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	hash := d.live.Load().Summary().Hash
	d.Close()
	link(inside("..two", misspelt))
	remove(t, r.path("..one"))
	d, told, err = r.withLastGood()
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	defer d.Close()
	if got := d.live.Load().Summary().Hash; got != hash {
		t.Errorf("it serves %s, want %s", got, hash)
	}
}

// The past is bounded, survives restarts, and does not repeat itself.
func TestThePastIsBoundedAndTellsNewsOnly(t *testing.T) {
	state := t.TempDir()
	failures := 0
	past := openGenerations(state, slog.New(slog.DiscardHandler), func() { failures++ })
	for i := range 3 * mostHistory {
		past.remember(serve.PastReload{Outcome: serve.ReloadTaken, Generation: uint64(i)})
	}
	for range 3 {
		past.remember(serve.PastReload{Outcome: serve.ReloadRefused, Hash: "x", Faults: 1, Fault: "y"})
	}
	again := openGenerations(state, slog.New(slog.DiscardHandler), func() { failures++ }).past()
	if len(again) != mostHistory || again[0].Outcome != serve.ReloadRefused || again[1].Generation != 3*mostHistory-1 || failures > 0 {
		t.Errorf("%d are remembered, the last %+v and %+v; %d failures", len(again), again[0], again[1], failures)
	}
}

// Where nothing can be kept, the daemon serves, and says so.
func TestADaemonThatCanKeepNothingServes(t *testing.T) {
	r := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
	writeFile(t, r.kept(""), "a file in the place of the folder")
	d, told, err := r.open()
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	r.run(d)
	if got := r.metric("m2md_generation_keep_errors_total"); got != "2" || r.logged("keeping the sources of what serves failed") != 1 {
		t.Errorf("%s failures are counted, and the log says\n%s", got, r.log)
	}
	r.write("b.hcl", "service_account \"b\" {\n}\n")
	r.reload(true)
}

// A dry run leaves all as it is: generation, keys, what is published, what is
// remembered, and the key sets that are used.
func TestADryRunChangesNothing(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := r.password("ci")
	keys, err := r.daemon.store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, live := r.daemon.Status(), r.daemon.live.Load()
	r.daemon.watcher.Set(nil, nil) // or it would reload by itself
	r.write("a.hcl", listeners+strings.ReplaceAll(letsIn, "\"ci\"", "\"other\"")+"signing_key \"another\" {\n}\n")
	r.write("a.hcl", strings.ReplaceAll(readFile(t, r.path("a.hcl")), "service_account.ci", "service_account.other"))
	told, err := r.admin().DryRun(t.Context())
	if err != nil || !told.OK || !told.Changed || told.Restart || told.Hash == told.NextHash || told.Next.Accounts != 1 {
		t.Fatalf("DryRun = %+v, %v", told, err)
	}
	if len(told.Orphaned) != 1 || told.Orphaned[0] != (serve.RevivedAccount{Account: "ci", AppPasswords: 1}) {
		t.Errorf("orphaned: %+v", told.Orphaned)
	}
	if len(told.Keys) == 0 || told.Keys[0].Name != "another" || told.Keys[0].ID != "" {
		t.Errorf("keys: %+v", told.Keys)
	}
	after, err := r.daemon.store.SigningKeys(t.Context())
	if err != nil || len(after) != len(keys) {
		t.Errorf("there are %d keys, before %d (%v)", len(after), len(keys), err)
	}
	if now := r.daemon.Status(); r.daemon.live.Load() != live || len(now.History) != len(before.History) || now.Reload.LastGood != before.Reload.LastGood {
		t.Errorf("status %+v, before %+v", now, before)
	}
	if res := r.login(password); res.StatusCode != 200 {
		t.Errorf("a login answers %s", res.Status)
	}
}
