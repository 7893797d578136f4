package hcl

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// WatchOptions set up a Watcher. The zero value is ready for use.
type WatchOptions struct {
	Debounce time.Duration // how long it must be quiet before a change is told: 200 ms
	MaxWait  time.Duration // how long a change waits at most where it never is: 2 s
	Poll     time.Duration // how often to tell anyway, where the system tells of nothing (NFS, FUSE): 30 s
	Log      *slog.Logger  // told where only polling is left; default: nobody
}

func (o WatchOptions) withDefaults() WatchOptions {
	o.Debounce = cmp.Or(o.Debounce, 200*time.Millisecond)
	o.MaxWait = cmp.Or(o.MaxWait, 2*time.Second)
	o.Poll = cmp.Or(o.Poll, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Watcher tells when what a configuration was read from may have changed. It
// says no more than "look again": who reads compares. Its methods are safe for
// concurrent use.
type Watcher struct {
	opts    WatchOptions
	notify  *fsnotify.Watcher // nil: polling only
	changes chan struct{}
	wanted  chan sources
	stop    context.CancelFunc
	done    sync.WaitGroup
	warned  bool // that a folder cannot be watched; once is enough
}

// Watch starts a watcher, which ends with ctx or Close. Where the system has
// no notification left to give, it polls.
func Watch(ctx context.Context, o WatchOptions) (*Watcher, error) {
	ctx, stop := context.WithCancel(ctx)
	w := &Watcher{opts: o.withDefaults(), changes: make(chan struct{}, 1), wanted: make(chan sources, 1), stop: stop}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		w.opts.Log.Warn("no file notification to be had; changes are found by polling", "every", w.opts.Poll, "err", err)
	} else {
		w.notify = notify
	}
	w.done.Go(func() { w.run(ctx) })
	return w, nil
}

// Set says what to watch from now on: Files and Folders of what was loaded.
func (w *Watcher) Set(files, folders []string) {
	next := sources{files: slices.Clone(files), folders: slices.Clone(folders)}
	for {
		select {
		case w.wanted <- next:
			return
		case <-w.wanted: // an older wish that nobody has taken up yet
		}
	}
}

// Changes gets a value when something may have changed, once for any number of
// changes that come together.
func (w *Watcher) Changes() <-chan struct{} { return w.changes }

// Close ends the watcher. A second call does nothing.
func (w *Watcher) Close() error {
	w.stop()
	w.done.Wait()
	return nil
}

func (w *Watcher) run(ctx context.Context) {
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		defer w.notify.Close()
		events, errs = w.notify.Events, w.notify.Errors
	}
	poll := time.NewTicker(w.opts.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(0)
	<-quiet.C
	var from sources
	var now watched
	var since time.Time // of the first change that was not told yet
	changed := func() {
		if since.IsZero() {
			since = time.Now()
		}
		quiet.Reset(min(w.opts.Debounce, max(0, w.opts.MaxWait-time.Since(since))))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case from = <-w.wanted:
			now = from.watched()
			// Whatever changed between reading and this would go unnoticed, so
			// that a new watch counts as a change.
			if w.follow(now) {
				w.tell()
			}
		case event := <-events:
			if now.concerns(event.Name) {
				changed()
			}
		case <-errs: // the queue ran over, or a folder went away: look at everything
			changed()
		case <-quiet.C:
			since = time.Time{}
			now = w.again(from)
		case <-poll.C:
			now = w.again(from)
		}
	}
}

// again tells, after it looked for what became of the links and folders: who
// reads a configuration that is broken just now may not call Set.
func (w *Watcher) again(from sources) watched {
	now := from.watched()
	w.follow(now)
	w.tell()
	return now
}

func (w *Watcher) tell() {
	select {
	case w.changes <- struct{}{}:
	default: // told, and not taken up yet
	}
}

// follow watches just the folders that are wanted. A folder that was replaced
// has lost its watch, and gets it again. It says whether there is a new watch.
func (w *Watcher) follow(now watched) (added bool) {
	if w.notify == nil {
		return false
	}
	have := w.notify.WatchList()
	for _, folder := range have {
		if !now.folders[folder] {
			w.notify.Remove(folder) //nolint:errcheck // it is gone already, then
		}
	}
	for folder := range now.folders {
		if slices.Contains(have, folder) {
			continue
		}
		if err := w.notify.Add(folder); err != nil {
			if !w.warned {
				w.opts.Log.Warn("a folder cannot be watched; its changes are found by polling", "folder", folder, "every", w.opts.Poll, "err", err)
				w.warned = true
			}
			continue
		}
		added = true
	}
	return added
}

// sources is what Set was called with.
type sources struct{ files, folders []string }

// watched is what to watch: folders, never files, because a file that is
// replaced takes its watch with it. All paths are real ones.
type watched struct {
	folders map[string]bool
	whole   map[string]bool // folders in which any name counts
	names   map[string]bool // paths that count in the other folders
}

// maxLinks bounds a chain of symbolic links.
const maxLinks = 40

// watched finds the folders by which changes of files and folders are seen:
// those themselves, those that they lie in, and those of the links that lead
// to them.
func (s sources) watched() watched {
	w := watched{folders: map[string]bool{}, whole: map[string]bool{}, names: map[string]bool{}}
	for _, folder := range s.folders {
		if real, err := filepath.EvalSymlinks(folder); err == nil {
			w.folders[real], w.whole[real] = true, true
		}
		w.add(folder, maxLinks)
	}
	for _, file := range s.files {
		w.add(file, maxLinks)
	}
	return w
}

// add makes a path count in the folder that it lies in, and likewise whatever
// link it is, leads through, or waits for.
func (w *watched) add(path string, links int) {
	folder, name := filepath.Split(filepath.Clean(path))
	folder = filepath.Clean(folder)
	if name == "" || links == 0 {
		return
	}
	real, err := filepath.EvalSymlinks(folder)
	if err != nil { // it does not exist: wait for it
		w.add(folder, links-1)
		return
	}
	w.folders[real], w.names[filepath.Join(real, name)] = true, true
	if target, err := os.Readlink(path); err == nil {
		if !filepath.IsAbs(target) {
			target = filepath.Join(folder, target)
		}
		w.add(target, links-1)
	}
	if real != folder { // some folder above is a link, which may be swapped too
		w.add(folder, links-1)
	}
}

// concerns says whether a path that changed is of interest.
func (w watched) concerns(path string) bool {
	return w.names[path] || w.whole[filepath.Dir(path)]
}
