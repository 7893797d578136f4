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
	"github.com/m2md/m2md/engine/parallel"
)

// Options say what is read, and how.
type Options struct {
	// Path is the file or folder of the configuration. A folder is read
	// whole, with all folders in it.
	Path string
	// Kept are sources that are read in the place of those at Path, which must
	// be theirs; nil for none. What they name is read where it is.
	Kept *Kept
	// AllowPaths are folders that file() and script_file may read besides the
	// configuration's.
	AllowPaths []string
	// AllowMissingSecrets makes absent env() and *_file values unknown, with
	// a Note each, where they would be faults.
	AllowMissingSecrets bool
	// Sealed reads nothing but the folder and the AllowPaths: env() and every file
	// beyond are unknown, be they there or not, as are those of Git. It is for
	// files of strangers, which must learn nothing of the machine that reads them.
	Sealed bool
	// WithTests reads *.m2mdtest.hcl too.
	WithTests bool
	// Imports says what a script of that name (as ranges name it) imports, and
	// in Findings which of its imports cannot be followed; nil: scripts have no
	// modules.
	Imports func(name, text string) ([]engine.Import, error)
	// LookupEnv is what env() asks; nil for os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// Cache makes the next reading quick; nil for none.
	Cache *Cache
}

// Sources are the contents of the files that findings point into, by
// engine.Range's File: configuration files and scripts, never what file() or a
// *_file attribute read.
type Sources map[string][]byte

// Loaded is one reading of a configuration, sound or not.
type Loaded struct {
	// Spec is whole only where Findings.Err() is nil. Where it is not, what was
	// refused is unknown in it (engine.Decl), and the rest can be judged
	// nevertheless, unless Partial.
	Spec engine.Spec
	// Partial says that a file could not be read or parsed to its end, so that
	// the Spec lacks what it declares.
	Partial bool
	// Findings are sorted: faults, warnings and notes.
	Findings engine.Findings
	// Unknown tells, in a sealed reading, how each attribute is written whose
	// value is unknown, by the place of the value.
	Unknown map[engine.Range]Written
	// Sources serve to show the lines that findings point at.
	Sources Sources
	// Files are the absolute paths of everything that was read or tried, what
	// file(), *_file and script_file name included, whether it exists or not.
	Files []string
	// Folders are the absolute paths of the folders that were read.
	Folders []string
	// Kept are the sources, to be read again by Options.Kept.
	Kept Kept
}

// Load reads a configuration. It never fails: what is wrong stands in the
// Findings, all of it at once.
func Load(o Options) *Loaded {
	o.LookupEnv = lookupOf(o)
	l := &loader{options: o, found: new(findings), reader: &reader{files: make(map[string]read)}, keep: make(map[string]*memo)}
	l.load()
	if len(l.found.list) >= maxFindings && o.Cache != nil { // which of them are told depends on their order
		o.Cache = nil
		return Load(o)
	}
	o.cache().replace(l.keep)
	l.found.list.Sort()
	// A syntax fault comes up again when its expression is computed.
	l.found.list = slices.Compact(l.found.list)
	slices.Sort(l.reader.folders)
	l.spec.Incomplete = l.missing
	l.spec.Hash, l.spec.Fingerprint = l.hash(), l.fingerprint()
	return &Loaded{
		Spec:     l.spec,
		Partial:  l.partial,
		Findings: l.found.list,
		Unknown:  l.unknown,
		Sources:  l.texts,
		Files:    slices.Sorted(maps.Keys(l.reader.files)),
		Folders:  l.reader.folders,
		Kept:     l.kept(),
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
	unknown map[engine.Range]Written
	missing bool
	partial bool
	keep    map[string]*memo // for the next reading
}

// load finds, reads, parses and decodes, each for all files before the next
// begins, so that order between files does not matter.
func (l *loader) load() {
	roots := resolveRoots(append([]string{l.root()}, l.options.AllowPaths...))
	w := &walk{reader: l.reader, found: l.found, path: l.options.Path, roots: roots, tests: l.options.WithTests, sealed: l.options.Sealed, real: make(map[string]bool)}
	if l.options.Kept != nil {
		l.sources = l.options.Kept.sources(l.options.Path, l.reader)
	} else {
		w.find()
		l.sources = w.open()
	}
	l.partial = l.found.list.Err() != nil
	if l.reader.total > maxTotalBytes { // told: nobody waits until all of it is parsed
		l.sources = nil
	}
	l.texts, l.scripts = make(Sources, len(l.sources)), make(map[string][]byte)

	root := (&block{blocks: schemas()}).index()
	eval := newEvaluator(l.options, l.found, l.reader, roots)
	l.recall()
	l.parse(root, l.unread())
	for _, src := range l.sources {
		src.parsed.declareLocals(eval)
	}
	eval.computeLocals()
	l.forgetChanged(eval)
	l.parse(root, l.unread())
	d := &decoder{found: l.found, eval: eval, reader: l.reader, sources: l.texts, scripts: l.scripts}
	l.decode(d, root)
	l.missing, l.unknown = d.missing, d.unknown
	if server := &l.spec.Server; server.Listen == "" && !server.Unknown["listen"] {
		server.Listen = defaultListen
	}
}

// root is the folder that everything but key material stays below.
func (l *loader) root() string {
	if kept := l.options.Kept; kept != nil {
		if kept.Single {
			return filepath.Dir(l.options.Path)
		}
		return l.options.Path
	}
	if info, err := os.Stat(l.options.Path); err == nil && !info.IsDir() {
		return filepath.Dir(l.options.Path)
	}
	return l.options.Path
}

// unread are the files of which nothing is known yet.
func (l *loader) unread() (files []*source) {
	for _, src := range l.sources {
		if src.memo == nil && src.parsed == nil {
			files = append(files, src)
		}
	}
	return files
}

// parse turns files into blocks, several files at a time: most of a reading is
// parsing. The order stays that of the files.
func (l *loader) parse(root *block, files []*source) {
	parallel.Each(len(files), func(i int) {
		files[i].parsed = &parsing{source: files[i]}
		files[i].parsed.parse(root)
	})
	for _, src := range files {
		l.partial = l.partial || src.parsed.broken
		for _, one := range src.parsed.found.list {
			l.found.add(one)
		}
	}
}

// parsing is one file on its way from text to blocks.
type parsing struct {
	source *source
	found  findings
	blocks []*given
	broken bool // blocks may be missing
}

// parse reads the blocks of the file, or tells why it holds none.
func (p *parsing) parse(root *block) {
	// A parser that finds itself where its authors saw no way to get must not
	// end the daemon.
	defer func() {
		if recover() != nil {
			p.broken = true
			p.found.fault(fileStart(p.source.name), "the file cannot be parsed", "It is beyond what the language knows. Write it in a simpler form.")
		}
	}()
	t := &tree{source: p.source, found: &p.found}
	if p.source.json() {
		p.parseJSON(t, root)
		return
	}
	if !checkNative(p.source, &p.found) {
		p.broken = true
		return
	}
	file, diags := hclsyntax.ParseConfig(p.source.content, p.source.name, hcl.InitialPos)
	for _, d := range diags {
		p.broken = p.broken || d.Severity == hcl.DiagError
		if d.Subject == nil || !p.source.toldScript(*d.Subject) {
			p.found.syntax(hcl.Diagnostics{d}, p.source.name)
		}
	}
	chargeLoops(file.Body.(*hclsyntax.Body))
	// What could be parsed is looked at even so: all faults at once.
	p.blocks = t.native(file.Body.(*hclsyntax.Body), root).blocks
}

func (p *parsing) parseJSON(t *tree, root *block) {
	if !checkJSON(p.source.content, p.source.name, &p.found) {
		p.broken = true
		return
	}
	file, diags := hcljson.Parse(p.source.content, p.source.name)
	p.found.syntax(diags, p.source.name)
	if p.broken = diags.HasErrors(); !p.broken {
		p.blocks = t.json(t.jsonRoot(file.Body), root).blocks
	}
}

// declareLocals takes note of the locals of a file.
func (p *parsing) declareLocals(e *evaluator) {
	if p == nil {
		return
	}
	for _, one := range p.blocks {
		if one.schema.free {
			for _, attr := range one.attrs {
				e.declare(one.source, attr)
			}
		}
	}
}

// decode decodes the files in their order. A syntax tree is let go as soon as
// nothing needs it.
func (l *loader) decode(d *decoder, root *block) {
	first := make(map[string]engine.Range)
	for _, src := range l.sources {
		l.texts[src.name] = src.content
		if l.take(src, d) {
			continue
		}
		if src.memo = nil; src.parsed == nil { // a file that it names has changed
			l.parse(root, []*source{src})
		}
		l.remember(src, d, func() { l.decodeBlocks(d, src.parsed.blocks, first) })
		src.parsed = nil
	}
}

func (l *loader) decodeBlocks(d *decoder, blocks []*given, first map[string]engine.Range) {
	for _, one := range blocks {
		if one.schema.free || d.outOfPlace(one) || !d.single(first, one) {
			continue
		}
		if one.schema.Name == "test" {
			for _, row := range d.tests(one) {
				one.schema.decode(row, &l.spec)
			}
			continue
		}
		one.schema.decode(d.block(one), &l.spec)
	}
}

// hash is Spec.Hash.
func (l *loader) hash() string {
	sum := sha256.New()
	for _, src := range l.sources {
		if isTestFile(src.abs) { // the same with and without Options.WithTests
			continue
		}
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
