package hcl

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// watching starts a watcher on files and folders that polls too rarely to
// help, and takes up what it tells at its start.
func watching(t *testing.T, files, folders []string) *Watcher {
	t.Helper()
	w, err := Watch(t.Context(), WatchOptions{Debounce: 20 * time.Millisecond, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() }) //nolint:errcheck // it has none to give
	w.Set(files, folders)
	told(t, w)
	return w
}

// told waits until the watcher tells of a change.
func told(t *testing.T, w *Watcher) {
	t.Helper()
	select {
	case <-w.Changes():
	case <-time.After(20 * time.Second):
		t.Fatal("no change was told")
	}
}

// settle takes up what is told until nothing is for some debounces.
func settle(w *Watcher) {
	for {
		select {
		case <-w.Changes():
		case <-time.After(300 * time.Millisecond):
			return
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryWayOfChangingAConfigurationIsTold(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
	}{
		{"a write in place", func(t *testing.T, dir string) { write(t, dir+"/a.hcl", "new") }},
		{"a rename over the file", func(t *testing.T, dir string) {
			write(t, dir+"/.a.tmp", "new")
			check(t, os.Rename(dir+"/.a.tmp", dir+"/a.hcl"))
		}},
		{"a new file", func(t *testing.T, dir string) { write(t, dir+"/b.hcl", "new") }},
		{"a file gone", func(t *testing.T, dir string) { check(t, os.Remove(dir+"/a.hcl")) }},
		{"a new subfolder", func(t *testing.T, dir string) { check(t, os.Mkdir(dir+"/more", 0o700)) }},
		{"the folder replaced", func(t *testing.T, dir string) {
			check(t, os.Rename(dir, dir+".old"))
			check(t, os.Mkdir(dir, 0o700))
		}},
		{"the folder gone", func(t *testing.T, dir string) { check(t, os.RemoveAll(dir)) }},
		{"a script elsewhere", func(t *testing.T, dir string) { write(t, dir+"/../elsewhere/p.js", "new") }},
		{"a script elsewhere, replaced", func(t *testing.T, dir string) {
			write(t, dir+"/../elsewhere/tmp", "new")
			check(t, os.Rename(dir+"/../elsewhere/tmp", dir+"/../elsewhere/p.js"))
		}},
		{"a file that was missing", func(t *testing.T, dir string) {
			check(t, os.MkdirAll(dir+"/../later", 0o700))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "conf")
			check(t, os.Mkdir(dir, 0o700))
			check(t, os.Mkdir(root+"/elsewhere", 0o700))
			write(t, dir+"/a.hcl", "old")
			write(t, root+"/elsewhere/p.js", "old")
			w := watching(t, []string{dir + "/a.hcl", root + "/elsewhere/p.js", root + "/later/x.pem"}, []string{dir})
			settle(w)
			tt.change(t, dir)
			told(t, w)
		})
	}
}

func TestAFolderThatIsMadeAgainIsWatchedAgain(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"renamed": func(dir string) error { return os.Rename(dir, dir+".old") },
		"removed": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "conf")
			check(t, os.Mkdir(dir, 0o700))
			w := watching(t, nil, []string{dir})
			for range 3 { // nobody calls Set in between
				settle(w)
				check(t, leave(dir))
				told(t, w)
				check(t, os.Mkdir(dir, 0o700))
				told(t, w)
				settle(w)
				write(t, dir+"/a.hcl", "new")
				told(t, w)
				check(t, os.RemoveAll(dir+".old"))
			}
		})
	}
}

// TestAKubernetesConfigMapIsFollowed does what the kubelet does (AtomicWriter
// of k8s.io/kubernetes/pkg/volume/util): files are links into ..data, which is
// a link to a folder that is swapped.
func TestAKubernetesConfigMapIsFollowed(t *testing.T) {
	dir := t.TempDir()
	publish := func(version, text string) {
		check(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "a.hcl"), text)
		check(t, os.Symlink(version, dir+"/..data_tmp"))
		old, _ := os.Readlink(dir + "/..data")
		check(t, os.Rename(dir+"/..data_tmp", dir+"/..data"))
		if old != "" {
			check(t, os.RemoveAll(filepath.Join(dir, old)))
		}
	}
	publish("..2026_01", "one")
	check(t, os.Symlink("..data/a.hcl", dir+"/a.hcl"))

	for name, given := range map[string]sources{
		"as a folder": {folders: []string{dir}},
		"as a file":   {files: []string{dir + "/a.hcl"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t, given.files, given.folders)
			for i := range 3 {
				settle(w)
				text := name + strings.Repeat("!", i)
				publish("..2026_"+strings.ReplaceAll(text, " ", "_"), text)
				told(t, w)
				if got, err := os.ReadFile(dir + "/a.hcl"); err != nil || string(got) != text {
					t.Fatalf("told of %q, %v", got, err)
				}
			}
		})
	}
}

func TestLinksAreFollowedToBothEnds(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"/v1/conf", "/v2/conf"} {
		check(t, os.MkdirAll(root+dir, 0o700))
		write(t, root+dir+"/a.hcl", dir)
	}
	check(t, os.Symlink("v1", root+"/current"))
	w := watching(t, []string{root + "/current/conf/a.hcl"}, []string{root + "/current/conf"})
	settle(w)
	write(t, root+"/v1/conf/a.hcl", "new")
	told(t, w)
	settle(w)
	check(t, os.Symlink("v2", root+"/next"))
	check(t, os.Rename(root+"/next", root+"/current"))
	told(t, w)
	settle(w)
	write(t, root+"/v2/conf/a.hcl", "new") // nobody called Set in between
	told(t, w)
}

func TestWhatIsNoneOfItsFilesIsNotTold(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/key.pem", "old")
	w := watching(t, []string{root + "/key.pem"}, nil)
	settle(w)
	write(t, root+"/m2md.db", "new")
	select {
	case <-w.Changes():
		t.Error("told of a file that nobody reads")
	case <-time.After(300 * time.Millisecond):
	}
	write(t, root+"/key.pem", "new")
	told(t, w)
}

func TestManyChangesAreToldOnceButNotPutOffForEver(t *testing.T) {
	dir := t.TempDir()
	w, err := Watch(t.Context(), WatchOptions{Debounce: 2 * time.Second, MaxWait: 4 * time.Second, Poll: time.Hour})
	check(t, err)
	w.Set(nil, []string{dir})
	told(t, w)
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		write(t, dir+"/a.hcl", time.Now().String())
		if len(w.Changes()) > 0 {
			t.Fatal("told while changes still came")
		}
	}
	var storm sync.WaitGroup
	done := make(chan struct{})
	storm.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = os.WriteFile(dir+"/b.hcl", []byte(time.Now().String()), 0o600)
				runtime.Gosched()
			}
		}
	})
	told(t, w) // though it is never quiet
	close(done)
	storm.Wait()
	check(t, w.Close())
}

func TestPollingTellsWhereNothingElseDoes(t *testing.T) {
	w, err := Watch(t.Context(), WatchOptions{Poll: 10 * time.Millisecond})
	check(t, err)
	for range 3 {
		told(t, w)
	}
	check(t, w.Close())
}

// TestPollingIsLeftWhereTheSystemGivesNoNotification stands for a process that
// has used up its inotify instances.
func TestPollingIsLeftWhereTheSystemGivesNoNotification(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	opts := WatchOptions{Poll: 10 * time.Millisecond}.withDefaults()
	w := &Watcher{opts: opts, changes: make(chan struct{}, 1), wanted: make(chan sources, 1), stop: stop}
	w.done.Go(func() { w.run(ctx) })
	w.Set(nil, []string{t.TempDir()})
	for range 3 {
		told(t, w)
	}
	check(t, w.Close())
}

func TestAFolderThatCannotBeWatchedIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	w := &Watcher{opts: WatchOptions{Log: slog.New(slog.NewTextHandler(&out, nil))}.withDefaults(), changes: make(chan struct{}, 1)}
	real, err := Watch(t.Context(), WatchOptions{})
	check(t, err)
	check(t, real.Close()) // a closed one refuses every folder
	w.notify = real.notify
	gone := watched{folders: map[string]bool{t.TempDir(): true}}
	for range 2 {
		if w.follow(gone) {
			t.Error("a closed watcher took a folder")
		}
	}
	if got := strings.Count(out.String(), "cannot be watched"); got != 1 {
		t.Errorf("logged %d times:\n%s", got, out.String())
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	settled := func(most int) bool {
		for range 200 {
			if runtime.NumGoroutine() <= most {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	before := runtime.NumGoroutine()
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := Watch(ctx, WatchOptions{})
		check(t, err)
		w.Set(nil, []string{t.TempDir()})
		if i%2 == 0 {
			cancel()
		}
		check(t, w.Close())
		check(t, w.Close())
		w.Set(nil, nil) // a late one does not block
		cancel()
	}
	if !settled(before) {
		t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
	}
}
