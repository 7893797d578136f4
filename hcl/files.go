package hcl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/m2md/m2md/engine"
)

// maxEntries bounds how many names a walk looks at, and maxFolders how deep
// it goes: a folder may hold a link to anywhere.
const (
	maxEntries = 200_000
	maxFolders = 32
)

// Why a file cannot be had. Each completes a sentence that names the file.
var (
	errMissing   = errors.New("does not exist")
	errIrregular = errors.New("is not a regular file")
	errTooLarge  = errors.New("is too large")
	errTooMuch   = errors.New("makes the configuration too large")
	errText      = errors.New("is not UTF-8 text")
)

// source is one file of the configuration.
type source struct {
	name    string // as in engine.Range
	rel     string // below the configuration, with slashes
	abs     string
	content []byte
	scripts []hcl.Range // that are interpolated, which has been told
	memo    *memo       // what an earlier reading found of it, where that holds
	parsed  *parsing    // nil where that is not needed
}

func (s *source) json() bool { return strings.HasSuffix(s.abs, ".json") }

// reader reads files, each once, and keeps account of what was read or tried.
type reader struct {
	files   map[string]read // by absolute path
	folders []string
	kept    map[string]bool // which of files are kept sources
	total   int
}

type read struct {
	content []byte
	err     error
}

// read returns the content of a regular file, links followed.
func (r *reader) read(abs string) ([]byte, error) { return r.readAt(abs, abs) }

// readAt is read for a file that is known as abs and found at another path.
func (r *reader) readAt(abs, found string) ([]byte, error) {
	if done, ok := r.files[abs]; ok {
		return done.content, done.err
	}
	content, err := readRegular(found)
	if r.total += len(content); err == nil && r.total > maxTotalBytes {
		content, err = nil, errTooMuch
	}
	r.files[abs] = read{content, err}
	return content, err
}

// readRegular reads a file. One that blocks or has no end is refused before it
// is opened.
func readRegular(abs string) ([]byte, error) {
	info, err := os.Stat(abs)
	if err != nil {
		return nil, pathless(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	// It may have become a FIFO meanwhile: opening one for reading waits.
	file, err := os.OpenFile(abs, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, pathless(err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return nil, pathless(err)
	}
	if len(content) > maxFileBytes {
		return nil, errTooLarge
	}
	return content, nil
}

// pathless takes the path out of an error: it may have come from env().
func pathless(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return errMissing
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("cannot be read: %w", at.Err)
	}
	return errors.New("cannot be read")
}

// text reads a file that must be UTF-8 without NUL.
func (r *reader) text(abs string) ([]byte, error) { return r.textAt(abs, abs) }

func (r *reader) textAt(abs, found string) ([]byte, error) {
	content, err := r.readAt(abs, found)
	if err == nil && (!utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0) {
		return nil, errText
	}
	return content, err
}

// remedy is the second sentence about a file that cannot be had.
func remedy(err error) string {
	switch {
	case errors.Is(err, errMissing):
		return "Check the name. A relative name starts at the folder of the file that says it."
	case errors.Is(err, errIrregular):
		return "Only regular files, and links to them, are read."
	case errors.Is(err, errTooLarge):
		return fmt.Sprintf("A file may have at most %d bytes.", maxFileBytes)
	case errors.Is(err, errTooMuch):
		return fmt.Sprintf("All files together may have at most %d bytes.", maxTotalBytes)
	case errors.Is(err, errText):
		return "Save it as UTF-8, without NUL characters."
	default:
		return "m2md must be allowed to read it."
	}
}

// walk finds the files of a configuration.
type walk struct {
	reader  *reader
	found   *findings
	path    string   // as the user named it
	roots   []string // below which links may lead, resolved
	tests   bool
	sealed  bool // what is Git's own is not read either
	entries int
	real    map[string]bool // folders already read, links resolved
	names   []string        // relative paths of the files found
}

// find lists the configuration files below w.path, sorted; or w.path itself,
// where it is a file.
func (w *walk) find() {
	info, err := os.Stat(w.path)
	switch {
	case err != nil:
		// Watched, so that its appearance is noticed.
		w.reader.files[absolute(w.path)] = read{nil, pathless(err)}
		w.found.fault(fileStart(w.path), fmt.Sprintf("%q %s", w.path, pathless(err)), "Name the folder or the file of the configuration.")
	case info.IsDir():
		w.folder(".", 0)
		slices.Sort(w.names)
		if len(w.names) == 0 && len(w.found.list) == 0 {
			w.found.fault(fileStart(w.path), fmt.Sprintf("no configuration in %q", w.path), "The folder holds no file whose name ends in .hcl or .hcl.json.")
		}
	default:
		w.names = []string{"."}
	}
}

func (w *walk) folder(rel string, depth int) {
	dir := filepath.Join(w.path, rel)
	w.reader.folders = append(w.reader.folders, absolute(dir))
	real, err := filepath.EvalSymlinks(dir)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	switch {
	case err != nil:
		w.found.fault(fileStart(dir), fmt.Sprintf("folder %q %s", dir, pathless(err)), "m2md must be allowed to read it.")
		return
	case w.real[real]:
		w.found.fault(fileStart(dir), fmt.Sprintf("folder %q is reached twice", dir), "A link leads to a folder that is read already. Remove the link.")
		return
	case depth > maxFolders:
		w.found.fault(fileStart(dir), fmt.Sprintf("folder %q is too deep", dir), fmt.Sprintf("At most %d folders may stand within each other.", maxFolders))
		return
	}
	w.real[real] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.found.fault(fileStart(dir), fmt.Sprintf("folder %q %s", dir, pathless(err)), "m2md must be allowed to read it.")
		return
	}
	for _, entry := range entries {
		w.entry(filepath.Join(rel, entry.Name()), entry, depth)
	}
}

func (w *walk) entry(rel string, entry fs.DirEntry, depth int) {
	w.entries++
	if w.entries == maxEntries {
		w.found.fault(fileStart(w.path), "too many files", fmt.Sprintf("A configuration folder may hold at most %d names.", maxEntries))
	}
	if w.entries >= maxEntries || strings.HasPrefix(entry.Name(), ".") {
		return
	}
	if w.isFolder(rel, entry) {
		w.folder(rel, depth+1)
		return
	}
	if !w.wanted(entry.Name()) {
		return
	}
	if len(w.names) == maxFiles {
		w.found.fault(fileStart(filepath.Join(w.path, rel)), "too many files", fmt.Sprintf("A configuration may have at most %d files.", maxFiles))
		w.entries = maxEntries
		return
	}
	w.names = append(w.names, rel)
}

func (w *walk) isFolder(rel string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(filepath.Join(w.path, rel))
	return err == nil && info.IsDir()
}

func (w *walk) wanted(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, ".json"), ".hcl")
	return ok && (w.tests || !strings.HasSuffix(stem, ".m2mdtest"))
}

// open reads the files that find has listed.
func (w *walk) open() []*source {
	var sources []*source
	for _, rel := range w.names {
		name := filepath.Join(w.path, rel)
		one := &source{name: name, rel: filepath.ToSlash(rel), abs: absolute(name)}
		if rel == "." {
			one.rel = filepath.Base(w.path)
		}
		if rel != "." { // the operator named that one; the others came with the folder
			real, err := confined(one.abs, w.roots)
			if err == nil && w.sealed && ofGit(real) {
				err = errOutside
			}
			if errors.Is(err, errOutside) {
				w.found.fault(fileStart(name), fmt.Sprintf("%q %s", name, err), "A link leads out of the folder. What stands there could be shown in excerpts; copy the file, or allow its folder with --allow-path.")
				continue
			}
		}
		content, err := w.reader.text(one.abs)
		if errors.Is(err, errText) {
			w.notText(one)
			continue
		}
		if err != nil {
			w.found.fault(fileStart(name), fmt.Sprintf("%q %s", name, err), remedy(err))
			continue
		}
		one.content = content
		sources = append(sources, one)
	}
	return sources
}

// notText tells where a file stops being text.
func (w *walk) notText(one *source) {
	content, _ := w.reader.read(one.abs)
	at := textEnd(content)
	w.found.fault(byteRange(content, one.name, at, at), fmt.Sprintf("%q %s", one.name, errText), remedy(errText))
}

// textEnd is the byte at which a file stops being text: UTF-8 without NUL.
func textEnd(content []byte) int {
	at := 0
	for at < len(content) && content[at] != 0 {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// absolute is a path that stays right when the process changes its folder.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil { // the current folder is gone
		return filepath.Clean(path)
	}
	return abs
}

// below says whether path is root or stands under it. Both are absolute and
// clean.
func below(root, path string) bool {
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

// confined resolves a path that must stay below one of the roots, links
// followed. The roots are resolved already.
func confined(abs string, roots []string) (string, error) {
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		// What does not exist is told only where it might: nobody learns
		// what lies beyond the roots.
		if inside(filepath.Clean(abs), roots) {
			return "", pathless(err)
		}
		return "", errOutside
	}
	if !inside(real, roots) {
		return "", errOutside
	}
	return real, nil
}

var errOutside = errors.New("lies outside of the configuration")

func inside(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return below(root, path) })
}

// resolveRoots resolves the links of the folders that may be read from.
func resolveRoots(paths []string) []string {
	var roots []string
	for _, path := range paths {
		abs := absolute(path)
		roots = append(roots, abs)
		if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
			roots = append(roots, real)
		}
	}
	return roots
}

// resolve makes a path that a file says absolute.
func (s *source) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(s.abs), path)
}

// scriptName is how findings call a file that s names.
func (s *source) scriptName(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(s.name), path)
}

// engineFile is material for the engine.
func engineFile(path string, content []byte) engine.File {
	return engine.File{Path: path, Content: engine.Secret(content)}
}
