package hcl

import (
	"maps"
	"path/filepath"
	"slices"
)

// Kept are the sources of one reading: configuration files and scripts, and
// nothing that file(), a *_file attribute or env() gave. Options.Kept has them
// read again, in the place of the files that have taken theirs.
type Kept struct {
	Path   string     // of the file or folder that was read, absolute
	Single bool       // it was a file
	Files  []KeptFile // in the order in which they were read, scripts last
}

// KeptFile is one file, as it was.
type KeptFile struct {
	Path    string // absolute
	Script  bool   // it is no configuration file, but one that such a file or another script names
	Content []byte
}

// kept is what is to be kept of a reading. It shares its contents.
func (l *loader) kept() Kept {
	root := absolute(l.options.Path)
	k := Kept{Path: root, Single: absolute(l.root()) != root}
	for _, src := range l.sources {
		k.Files = append(k.Files, KeptFile{Path: src.abs, Content: src.content})
	}
	for _, abs := range slices.Sorted(maps.Keys(l.scripts)) {
		k.Files = append(k.Files, KeptFile{Path: abs, Script: true, Content: l.scripts[abs]})
	}
	return k
}

// sources gives the configuration files under the names that they had, and the
// scripts to whoever will read them.
func (k *Kept) sources(path string, r *reader) []*source {
	r.kept = make(map[string]bool, len(k.Files))
	var all []*source
	for _, file := range k.Files {
		r.kept[file.Path] = true
		r.files[file.Path] = read{content: file.Content}
		r.total += len(file.Content)
		if file.Script {
			continue
		}
		one := &source{name: path, rel: filepath.Base(path), abs: file.Path, content: file.Content}
		if rel, err := filepath.Rel(k.Path, file.Path); err == nil && !k.Single {
			one.name, one.rel = filepath.Join(path, rel), filepath.ToSlash(rel)
		}
		all = append(all, one)
	}
	return all
}
