package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

// Names of what stands in the folder of generations, in the state folder.
const (
	generationsName = "generations"
	historyName     = "history.json"
	lastGoodName    = "last-good.json"
)

// Bounds of that.
const (
	mostHistory  = 50 // reloads that are remembered
	mostFault    = 300
	maxHistory   = 1 << 20
	maxLastGood  = 512 << 20 // the files of a configuration have 64 MiB at most, and JSON may write one byte as six
	keptVersion  = 1
	privateFiles = 0o600
)

// generations are what a daemon remembers of its reloads over its own end: how
// they went, and the sources of what served last. Both are readable by their
// owner alone. Its methods are safe for concurrent use.
type generations struct {
	dir    string
	log    *slog.Logger
	failed func() // counts what could not be kept

	mu      sync.Mutex
	history []serve.PastReload // the newest last
	hash    string             // of the sources that are kept; "" for unknown ones
}

// openGenerations reads what earlier processes remembered. What cannot be read
// is told, and begun anew.
func openGenerations(stateDir string, log *slog.Logger, failed func()) *generations {
	g := &generations{dir: filepath.Join(stateDir, generationsName), log: log, failed: failed}
	content, err := readPrivate(filepath.Join(g.dir, historyName), maxHistory)
	if err == nil {
		err = json.Unmarshal(content, &g.history)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("how earlier reloads went cannot be read", "err", err)
		g.history = nil
	}
	g.history = g.history[max(0, len(g.history)-mostHistory):]
	return g
}

// past are the reloads that are remembered, the newest first.
func (g *generations) past() []serve.PastReload {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := slices.Clone(g.history)
	slices.Reverse(all)
	return all
}

// remember notes how a reload went. One that is refused as the one before was is
// no news.
func (g *generations) remember(one serve.PastReload) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.history); n > 0 && one.Outcome == serve.ReloadRefused {
		last := g.history[n-1]
		last.At = one.At
		if last == one {
			return
		}
	}
	g.history = append(g.history, one)
	g.history = slices.Clone(g.history[max(0, len(g.history)-mostHistory):])
	content, err := json.MarshalIndent(g.history, "", "  ")
	if err == nil {
		err = g.write(historyName, content)
	}
	g.told("remembering how the reload went", err)
}

// keptGeneration is the form of the sources that served last.
type keptGeneration struct {
	Version  int            `json:"version"`
	KeptAt   time.Time      `json:"kept_at"`
	Hash     string         `json:"hash"` // engine.Spec's
	Revision serve.Revision `json:"revision,omitzero"`
	Path     string         `json:"path"`
	Single   bool           `json:"single"`
	Files    []keptFile     `json:"files"`
}

type keptFile struct {
	Path    string `json:"path"`
	Script  bool   `json:"script,omitempty"`
	Content string `json:"content"` // configuration files and scripts are UTF-8
}

// keep has the sources of what serves now, for a start with --last-good.
func (g *generations) keep(kept hcl.Kept, hash string, revision serve.Revision, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hash == hash { // the same names and contents
		return
	}
	form := keptGeneration{Version: keptVersion, KeptAt: now.UTC(), Hash: hash, Revision: revision, Path: kept.Path, Single: kept.Single}
	for _, file := range kept.Files {
		form.Files = append(form.Files, keptFile{file.Path, file.Script, string(file.Content)})
	}
	content, err := json.Marshal(form)
	if err == nil {
		err = g.write(lastGoodName, content)
	}
	if err == nil {
		g.hash = hash
	}
	g.told("keeping the sources of what serves", err)
}

// told tells a failure. What serves does not depend on it.
func (g *generations) told(doing string, err error) {
	if err != nil {
		g.failed()
		g.log.Error(doing+" failed", "err", err)
	}
}

// write replaces a file as a whole: the old one or the new one survives the loss
// of power. Its draft has always the same name, so that none are left to pile up.
func (g *generations) write(name string, content []byte) error {
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(g.dir, name)
	temporary, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, privateFiles)
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(privateFiles), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return syncFolder(g.dir)
}

// errNoLastGood says that no daemon has served with this state folder.
var errNoLastGood = errors.New("no last good generation is kept in the state folder")

// readLastGood reads the sources that served last, which must be those of a
// configuration.
func readLastGood(stateDir, config string) (*keptGeneration, error) {
	path := filepath.Join(stateDir, generationsName, lastGoodName)
	content, err := readPrivate(path, maxLastGood)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoLastGood
	}
	var kept keptGeneration
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the last good generation %s: %w", path, err)
	case kept.Version != keptVersion:
		return nil, fmt.Errorf("reading the last good generation %s: its version is %d, and not %d", path, kept.Version, keptVersion)
	case kept.Path != absolutePath(config):
		return nil, fmt.Errorf("the last good generation is that of %s, and not of %s", kept.Path, absolutePath(config))
	}
	return &kept, nil
}

// sources are what is to be read in the place of the files.
func (k *keptGeneration) sources() *hcl.Kept {
	kept := &hcl.Kept{Path: k.Path, Single: k.Single}
	for _, file := range k.Files {
		kept.Files = append(kept.Files, hcl.KeptFile{Path: file.Path, Script: file.Script, Content: []byte(file.Content)})
	}
	return kept
}

// String names the generation: when it was kept, its hash, and its revision.
func (k *keptGeneration) String() string {
	text := fmt.Sprintf("kept %s, hash %s", when(k.KeptAt), shortHash(k.Hash))
	if k.Revision.Commit != "" {
		text += ", Git " + revisionText(k.Revision)
	}
	return text
}

// readPrivate reads a regular file that nobody else can have written: it says
// who gets in.
func readPrivate(path string, most int64) ([]byte, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := ownedAlone(file); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return content, err
}

// pastReload is what is remembered of a reading of the files.
func pastReload(outcome string, generation uint64, hash string, revision serve.Revision, found engine.Findings, now time.Time) serve.PastReload {
	one := serve.PastReload{At: now.UTC().Round(0), Outcome: outcome, Generation: generation, Hash: hash, Revision: revision}
	for _, f := range found {
		if f.Severity != engine.Error {
			continue
		}
		if one.Faults == 0 {
			one.Fault = fetch.Printable(f.At.String()+": "+f.Title(), mostFault)
		}
		one.Faults++
	}
	return one
}

// revisionText is a revision for people.
func revisionText(r serve.Revision) string {
	text := r.Commit[:min(len(r.Commit), 12)]
	if r.Ref != "" {
		text += " (" + strings.TrimPrefix(r.Ref, "refs/heads/") + ")"
	}
	return text
}
