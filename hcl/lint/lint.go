package lint

import (
	"io/fs"
	"time"

	"github.com/m2md/m2md/engine"
)

// Rule is what the documentation says of one kind of finding.
type Rule struct {
	ID    string
	Title string // what is wrong, in lower case and without a period
	// Severity is the gravest that findings of this kind have.
	Severity engine.Severity
	Why      string // whole sentences
	// Fault and Fix are HCL that has exactly one such finding, and none. What
	// they refer to and do not declare is like what any configuration has. They
	// are empty for what no HCL alone can show.
	Fault, Fix string
}

// Options are what a Spec does not tell.
type Options struct {
	Now time.Time
	// FileMode tells the permissions of a file, by its path relative to where
	// the configuration was named from; false where they are not known, as in a
	// revision of Git. Nil knows none.
	FileMode func(path string) (fs.FileMode, bool)
	// Partial says that not all is told that there is to find, because there are
	// faults or values that are not known: then no comment is said to silence
	// nothing.
	Partial bool
	// Others are the IDs of findings that this package's table does not have,
	// such as those in scripts: comments may name them, too.
	Others []string
}

// family is some rules, and what finds those that are found here.
type family struct {
	rules []Rule
	check func(*linter)
}

// families are all of them, in the order of the documentation: the one list.
func families() []family {
	return []family{
		tenants(), audiences(), names(), workflows(), patterns(), issuers(), claims(), platforms(), keys(),
		secrets(), blocks(), doors(), lifetimes(), comments(),
	}
}

// Check tells what it finds in a configuration, in reading order: warnings and
// notes. Where the Spec is not sound, what was refused is passed over.
func Check(spec engine.Spec, o Options) engine.Findings {
	l := newLinter(&spec, o)
	for _, one := range families() {
		if one.check != nil {
			one.check(l)
		}
	}
	l.found.Sort()
	return l.found
}

// linter is one run of Check.
type linter struct {
	spec    *engine.Spec
	options Options
	sources map[string]*engine.OAuthSource // by label
	ways    []way
	found   engine.Findings
	told    map[place]bool
}

// place is where a finding of one kind was told: each is told once, however
// many ways lead there.
type place struct {
	id string
	at engine.Range
}

func newLinter(spec *engine.Spec, o Options) *linter {
	l := &linter{spec: spec, options: o, sources: map[string]*engine.OAuthSource{}, told: map[place]bool{}}
	for i := range spec.Sources {
		l.sources[spec.Sources[i].Label] = &spec.Sources[i]
	}
	l.ways = waysOf(spec, o.Now)
	return l
}

// warn tells a risk.
func (l *linter) warn(id string, at engine.Range, summary, detail string) {
	l.tell(engine.Warning, id, at, summary, detail)
}

// note tells what is only superfluous.
func (l *linter) note(id string, at engine.Range, summary, detail string) {
	l.tell(engine.Note, id, at, summary, detail)
}

func (l *linter) tell(severity engine.Severity, id string, at engine.Range, summary, detail string) {
	if l.told[place{id, at}] {
		return
	}
	l.told[place{id, at}] = true
	l.found = append(l.found, engine.Finding{Severity: severity, ID: id, Summary: summary, Detail: detail, At: at})
}
