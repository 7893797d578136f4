package hcl

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"

	"github.com/m2md/m2md/engine"
)

// Options say what is read, and how.
type Options struct {
	// Path is the file or folder of the configuration. A folder is read
	// whole, with all folders in it.
	Path string
	// AllowPaths are folders that file() and script_file may read besides the
	// configuration's.
	AllowPaths []string
	// AllowMissingSecrets makes absent env() and *_file values unknown, with
	// a Note each, where they would be faults.
	AllowMissingSecrets bool
	// WithTests reads *.m2mdtest.hcl too.
	WithTests bool
	// LookupEnv is what env() asks; nil for os.LookupEnv.
	LookupEnv func(string) (string, bool)
}

// Sources are the contents of the files that findings point into, by
// engine.Range's File: configuration files and scripts, never what file() or a
// *_file attribute read.
type Sources map[string][]byte

// Loaded is one reading of a configuration, sound or not.
type Loaded struct {
	// Spec is whole only where Findings.Err() is nil.
	Spec engine.Spec
	// Findings are sorted: faults, warnings and notes.
	Findings engine.Findings
	// Sources serve to show the lines that findings point at.
	Sources Sources
	// Files are the absolute paths of everything that was read or tried, what
	// file(), *_file and script_file name included, whether it exists or not.
	Files []string
	// Folders are the absolute paths of the folders that were read.
	Folders []string
}

// Load reads a configuration. It never fails: what is wrong stands in the
// Findings, all of it at once.
func Load(o Options) *Loaded {
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	l := &loader{options: o, found: new(findings), reader: &reader{files: make(map[string]read)}}
	l.load()
	l.found.list.Sort()
	// A syntax fault comes up again when its expression is computed.
	l.found.list = slices.Compact(l.found.list)
	slices.Sort(l.reader.folders)
	l.spec.Incomplete = l.missing
	l.spec.Hash, l.spec.Fingerprint = l.hash(), l.fingerprint()
	return &Loaded{
		Spec:     l.spec,
		Findings: l.found.list,
		Sources:  l.texts,
		Files:    slices.Sorted(maps.Keys(l.reader.files)),
		Folders:  l.reader.folders,
	}
}

// loader holds what one call of Load gathers.
type loader struct {
	options Options
	found   *findings
	reader  *reader
	spec    engine.Spec
	sources []*source
	texts   Sources
	scripts map[string][]byte // by absolute path
	missing bool
}

// load finds, reads, parses and decodes, each for all files before the next
// begins, so that order between files does not matter.
func (l *loader) load() {
	w := &walk{reader: l.reader, found: l.found, path: l.options.Path, tests: l.options.WithTests, real: make(map[string]bool)}
	w.find()
	l.sources = w.open()
	l.texts, l.scripts = make(Sources, len(l.sources)), make(map[string][]byte)

	root := (&block{blocks: schemas()}).index()
	eval := newEvaluator(l.options, l.found, l.reader, resolveRoots(append([]string{l.root()}, l.options.AllowPaths...)))
	var blocks []*given
	for _, src := range l.sources {
		l.texts[src.name] = src.content
		if file := l.parse(src, root); file != nil {
			blocks = append(blocks, file.blocks...)
		}
	}
	for _, one := range blocks {
		if one.schema.free {
			for _, attr := range one.attrs {
				eval.declare(one.source, attr)
			}
		}
	}
	eval.computeLocals()
	d := &decoder{found: l.found, eval: eval, reader: l.reader, sources: l.texts, scripts: l.scripts}
	l.decode(d, blocks)
	l.missing = d.missing
	if server := &l.spec.Server; server.Listen == "" && !server.Unknown["listen"] {
		server.Listen = defaultListen
	}
}

// root is the folder that everything but key material stays below.
func (l *loader) root() string {
	if info, err := os.Stat(l.options.Path); err == nil && !info.IsDir() {
		return filepath.Dir(l.options.Path)
	}
	return l.options.Path
}

// parse turns a file into blocks, or tells why it cannot be one.
func (l *loader) parse(src *source, root *block) *given {
	t := &tree{source: src, found: l.found}
	if src.json() {
		if !checkJSON(src.content, src.name, l.found) {
			return nil
		}
		file, diags := hcljson.Parse(src.content, src.name)
		l.found.syntax(diags, src.name)
		if diags.HasErrors() {
			return nil
		}
		return t.json(t.jsonRoot(file.Body), root)
	}
	if !checkNative(src, l.found) {
		return nil
	}
	file, diags := hclsyntax.ParseConfig(src.content, src.name, hcl.InitialPos)
	for _, d := range diags {
		if d.Subject == nil || !src.toldScript(*d.Subject) {
			l.found.syntax(hcl.Diagnostics{d}, src.name)
		}
	}
	// What could be parsed is looked at even so: all faults at once.
	return t.native(file.Body.(*hclsyntax.Body), root)
}

func (l *loader) decode(d *decoder, blocks []*given) {
	first := make(map[string]engine.Range)
	for _, one := range blocks {
		if one.schema.free || !d.single(first, one) {
			continue
		}
		one.schema.decode(d.block(one), &l.spec)
	}
}

// hash is Spec.Hash.
func (l *loader) hash() string {
	sum := sha256.New()
	for _, src := range l.sources {
		frame(sum, []byte(src.rel), src.content)
	}
	for _, abs := range slices.Sorted(maps.Keys(l.scripts)) {
		rel, err := filepath.Rel(absolute(l.root()), abs)
		if err != nil {
			rel = abs
		}
		frame(sum, []byte(filepath.ToSlash(rel)), l.scripts[abs])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// fingerprint is Spec.Fingerprint: of every file that was read or tried.
func (l *loader) fingerprint() [32]byte {
	sum := sha256.New()
	for _, abs := range slices.Sorted(maps.Keys(l.reader.files)) {
		file := l.reader.files[abs]
		outcome := []byte("read")
		if file.err != nil {
			outcome = []byte(file.err.Error())
		}
		frame(sum, []byte(abs), outcome, file.content)
	}
	return [32]byte(sum.Sum(nil))
}

// frame adds parts so that no two lists of parts give the same bytes.
func frame(sum hash.Hash, parts ...[]byte) {
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		sum.Write(size[:]) // a hash never fails
		sum.Write(part)
	}
}
