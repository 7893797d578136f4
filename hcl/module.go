package hcl

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// maxModules bounds the files of one script, as package scripting does.
const maxModules = 32

// modules reads what a script imports, and what that imports. It returns false
// where anything of it cannot be had, which it has told.
func (f *field) modules(script *engine.Script, abs string) bool {
	if f.eval.imports == nil {
		return true
	}
	m := &moduleWalk{field: f, script: script, seen: map[string]bool{}}
	m.follow(script.Path, abs, script.Text)
	return !m.failed
}

// onceByName asks of each file once: many scripts may import the same one.
func onceByName(ask func(name, text string) ([]engine.Import, error)) func(name, text string) ([]engine.Import, error) {
	if ask == nil {
		return nil
	}
	type answer struct {
		imports []engine.Import
		err     error
	}
	answers := map[string]answer{}
	return func(name, text string) ([]engine.Import, error) {
		one, asked := answers[name]
		if !asked {
			one.imports, one.err = ask(name, text)
			answers[name] = one
		}
		return one.imports, one.err
	}
}

// moduleWalk follows the imports of one script.
type moduleWalk struct {
	*field
	script *engine.Script
	path   []string // the files by which it came where it is
	seen   map[string]bool
	failed bool
}

func (m *moduleWalk) follow(name, abs, text string) {
	m.seen[name] = true
	m.path = append(m.path, name)
	defer func() { m.path = m.path[:len(m.path)-1] }()
	imports, err := m.eval.imports(name, text)
	for _, one := range engine.AsFindings(err, m.at) {
		m.found.add(one)
		m.failed = true
	}
	for _, one := range imports {
		m.enter(name, abs, one)
	}
}

// enter reads one import, unless that was done already. A cycle is refused:
// which of its files runs first, and so sees what of the others, depends on who
// imports it.
func (m *moduleWalk) enter(from, fromAbs string, one engine.Import) {
	relative := filepath.FromSlash(one.Name)
	name, abs := filepath.Join(filepath.Dir(from), relative), filepath.Join(filepath.Dir(fromAbs), relative)
	if i := slices.Index(m.path, name); i >= 0 {
		m.fault(one.At, fmt.Sprintf("%q leads in a circle", one.Name),
			fmt.Sprintf("%s. Move what they share into a file that imports neither.", strings.Join(append(slices.Clone(m.path[i:]), name), " imports ")))
		return
	}
	if m.seen[name] {
		return
	}
	if len(m.seen) >= maxModules {
		m.fault(one.At, "too many files in one script", fmt.Sprintf("A script may be made of %d files.", maxModules))
		return
	}
	content, err := m.eval.confinedText(abs)
	if err == nil && len(content) > maxScript {
		err = errScriptTooLarge
	}
	if err != nil {
		m.fault(one.At, fmt.Sprintf("%q %s", one.Name, err), importRemedy(err))
		return
	}
	m.sources[name], m.scripts[abs] = content, content
	m.eval.trail.script(name, abs)
	if m.script.Modules == nil {
		m.script.Modules = map[string]string{}
	}
	m.script.Modules[name] = string(content)
	m.follow(name, abs, string(content))
}

func (m *moduleWalk) fault(at engine.Range, summary, detail string) {
	m.found.fault(at, summary, detail)
	m.failed = true
}

var errScriptTooLarge = errors.New("is too large")

func importRemedy(err error) string {
	switch {
	case errors.Is(err, errScriptTooLarge):
		return fmt.Sprintf("Each file of a script may have at most %d bytes.", maxScript)
	case errors.Is(err, errMissing):
		return "Check the name. It starts at the folder of the file that says it, and is written with its end: .ts, .js or .json."
	default:
		return remedyOf(err)
	}
}
