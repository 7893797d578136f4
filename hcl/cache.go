package hcl

import (
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/m2md/m2md/engine"
)

// Cache remembers between readings what each file came to, so that a reading of
// many files of which few have changed is quick. It holds what was decoded, which
// the Spec holds as well, and neither texts nor syntax trees. A reading with it
// tells just what one without it tells: what a file uses of others, of the
// environment and of what it names counts as a part of it. Readings that share a
// Cache must have the same Options; Sealed ones, those with tests, those that may
// miss secrets and those of Kept sources do without it. The zero value is empty; it
// is safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	files map[string]*memo // by absolute path; what is in it never changes
}

func (c *Cache) snapshot() map[string]*memo {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files
}

func (c *Cache) replace(files map[string]*memo) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = files
}

// cache is the one of these options, where it may be used.
func (o Options) cache() *Cache {
	if o.Sealed || o.WithTests || o.AllowMissingSecrets || o.Kept != nil {
		return nil
	}
	return o.Cache
}

// memo is what one file without faults came to, and what that rests on.
type memo struct {
	name    string
	content [sha256.Size]byte
	uses    *trail
	locals  map[string]*local // as they were
	cost    int               // of the budget
	part    part
	remarks engine.Findings
}

// trail is what a file used besides its own text while it was decoded, in the
// order of its first use.
type trail struct {
	locals  map[string]bool
	asked   []question
	reads   []reading
	scripts []named
}

// question is a variable of the environment, and what it held.
type question struct {
	name  string
	value [sha256.Size]byte
	set   bool
}

// reading is a file that was read, and how.
type reading struct {
	abs     string
	way     way
	content [sha256.Size]byte
	failed  string // why it could not be read
}

// way is one of the ways to read a file.
type way int

const (
	wayConfined way = iota // as file() and scripts are read
	wayText                // as *_file is
	wayBinary
)

// named is a script, which goes into the hash and the excerpts.
type named struct{ name, abs string }

func (t *trail) ask(name, value string, set bool) {
	if t != nil {
		t.asked = append(t.asked, question{name, sha256.Sum256([]byte(value)), set})
	}
}

func (t *trail) open(abs string, by way, content []byte, err error) {
	if t != nil {
		t.reads = append(t.reads, readingOf(abs, by, content, err))
	}
}

func readingOf(abs string, by way, content []byte, err error) reading {
	one := reading{abs: abs, way: by, content: sha256.Sum256(content)}
	if err != nil {
		one.failed = err.Error()
	}
	return one
}

func (t *trail) script(name, abs string) {
	if t != nil {
		t.scripts = append(t.scripts, named{name, abs})
	}
}

func (t *trail) local(names []string) {
	if t != nil {
		for _, name := range names {
			t.locals[name] = true
		}
	}
}

// part is what one file adds to a Spec.
type part struct {
	signingKeys  []engine.SigningKey
	certificates []engine.VerificationCertificate
	sources      []engine.OAuthSource
	accounts     []engine.ServiceAccount
	policies     []engine.PolicySource
	mappings     []engine.MappingSource
	providers    []engine.Provider
	tests        []engine.Test
}

// lists are the lists of a Spec to which files add.
func lists(s *engine.Spec) part {
	return part{s.SigningKeys, s.Certificates, s.Sources, s.Accounts, s.Policies, s.Mappings, s.Providers, s.Tests}
}

// since is what was added after before.
func (p part) since(before part) part {
	return part{
		added(before.signingKeys, p.signingKeys), added(before.certificates, p.certificates), added(before.sources, p.sources), added(before.accounts, p.accounts),
		added(before.policies, p.policies), added(before.mappings, p.mappings), added(before.providers, p.providers), added(before.tests, p.tests),
	}
}

func added[T any](before, now []T) []T { return slices.Clone(now[len(before):]) }

func (p part) addTo(s *engine.Spec) {
	s.SigningKeys, s.Certificates = append(s.SigningKeys, p.signingKeys...), append(s.Certificates, p.certificates...)
	s.Sources, s.Accounts = append(s.Sources, p.sources...), append(s.Accounts, p.accounts...)
	s.Policies, s.Mappings = append(s.Policies, p.policies...), append(s.Mappings, p.mappings...)
	s.Providers, s.Tests = append(s.Providers, p.providers...), append(s.Tests, p.tests...)
}

// recall gives each file what is known of it by its name and content.
func (l *loader) recall() {
	known := l.options.cache().snapshot()
	for _, src := range l.sources {
		if k := known[src.abs]; k != nil && k.name == src.name && k.content == sha256.Sum256(src.content) {
			src.memo = k
		}
	}
}

// forgetChanged drops what rests on locals and variables of the environment
// that have changed. The files that it rests on are looked at when its turn
// comes, as reading them is a part of the reading.
func (l *loader) forgetChanged(e *evaluator) {
	for _, src := range l.sources {
		if src.memo != nil && !src.memo.holds(e) {
			src.memo = nil
		}
	}
}

func (k *memo) holds(e *evaluator) bool {
	for name, before := range k.locals {
		now := e.locals[name]
		if now == nil || now.failed || now.tainted != before.tainted || !now.value.RawEquals(before.value) {
			return false
		}
	}
	return !slices.ContainsFunc(k.uses.asked, func(a question) bool {
		value, set := e.lookup(a.name)
		return a != question{a.name, sha256.Sum256([]byte(value)), set}
	})
}

// take adds what is known of a file to what is read, unless something that it
// rests on has changed.
func (l *loader) take(src *source, d *decoder) bool {
	k := src.memo
	if k == nil || k.cost > 0 && d.eval.budget.left <= k.cost {
		return false
	}
	for _, before := range k.uses.reads {
		content, err := d.eval.open(before.abs, before.way)
		if readingOf(before.abs, before.way, content, err) != before {
			return false
		}
	}
	for _, one := range k.uses.scripts {
		content := l.reader.files[one.abs].content
		l.texts[one.name], l.scripts[one.abs] = content, content
	}
	d.eval.budget.left -= k.cost
	k.part.addTo(&l.spec)
	for _, one := range k.remarks {
		l.found.add(one)
	}
	l.keep[src.abs] = k
	return true
}

// open reads a file in one of the ways in which files are read.
func (e *evaluator) open(abs string, by way) ([]byte, error) {
	switch by {
	case wayConfined:
		return e.confinedText(abs)
	case wayText:
		return e.reader.text(abs)
	default:
		return e.reader.read(abs)
	}
}

// remember runs the decoding of a file and keeps what came of it, where that
// is sound and adds to lists alone.
func (l *loader) remember(src *source, d *decoder, decode func()) {
	if l.options.cache() == nil || !src.parsed.listed() {
		decode()
		return
	}
	before, told, left := lists(&l.spec), len(l.found.list), d.eval.budget.left
	d.eval.trail = &trail{locals: make(map[string]bool)}
	decode()
	uses := d.eval.trail
	d.eval.trail = nil
	remarks := slices.Concat(src.parsed.found.list, l.found.list[told:])
	k := &memo{
		name: src.name, content: sha256.Sum256(src.content), uses: uses, locals: make(map[string]*local, len(uses.locals)),
		cost: left - d.eval.budget.left, remarks: remarks,
	}
	for name := range uses.locals {
		one := d.eval.locals[name]
		if one == nil || one.failed {
			return
		}
		k.locals[name] = &local{value: one.value, tainted: one.tainted}
	}
	if remarks.Err() == nil && len(l.found.list) < maxFindings {
		k.part = lists(&l.spec).since(before)
		l.keep[src.abs] = k
	}
}

// listed says whether all that a file declares goes into lists: neither locals,
// which others use, nor what may stand only once in all files.
func (p *parsing) listed() bool {
	return !p.broken && !slices.ContainsFunc(p.blocks, func(g *given) bool { return g.schema.free || g.schema.Single })
}
