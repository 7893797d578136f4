package scripting

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"

	"github.com/m2md/m2md/engine"
)

// Parsed is a script as its author wrote it, but for types and modules, for
// those who judge it without running it.
type Parsed struct {
	// Function is what is called for a decision: function(request, inputs). Of a
	// module it is one around all files, whose last statement returns what the
	// default export returns; its own parameters have no names then.
	Function *ast.FunctionLiteral
	Module   bool
	source   scriptSource
}

// Parse parses a script as CompilePolicy does. What is wrong comes back as
// engine.Findings.
func Parse(script engine.Script) (*Parsed, error) {
	source, found := scriptSource{Script: script, what: whatPolicy}.bundled()
	if found == nil {
		found = source.tooLarge()
	}
	if found != nil {
		return nil, found
	}
	program, err := parser.ParseFile(nil, source.At.File, prefix+source.Text+suffix, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, source.syntaxFindings(err)
	}
	_, inner, found := source.functions(program)
	if found != nil {
		return nil, found
	}
	if source.module {
		if found := source.enter(inner); found != nil {
			return nil, found
		}
	}
	return &Parsed{Function: inner, Module: source.module, source: source}, nil
}

// Range is the place of a node in the author's file.
func (p *Parsed) Range(node ast.Node) engine.Range {
	return p.source.rangeAt(int(node.Idx0())-1-len(prefix), int(node.Idx1()-node.Idx0()))
}

// RangeAt is the place of some characters from an index on.
func (p *Parsed) RangeAt(at file.Idx, length int) engine.Range {
	return p.source.rangeAt(int(at)-1-len(prefix), length)
}

// Text is what a node was parsed from, without types.
func (p *Parsed) Text(node ast.Node) string {
	from, to := int(node.Idx0())-1-len(prefix), int(node.Idx1())-1-len(prefix)
	if from < 0 || to > len(p.source.Text) || from > to {
		return ""
	}
	return p.source.Text[from:to]
}

// Lines calls see with each line of the author's files, and the place where it
// begins.
func (p *Parsed) Lines(see func(line string, at engine.Range)) {
	b := p.source.files
	if b == nil {
		b = p.source.gather()
	}
	for i := range b.texts {
		one, from := b.file(i), 0
		for from <= len(b.texts[i]) {
			to := from
			for to < len(b.texts[i]) && b.texts[i][to] != '\n' {
				to++
			}
			see(b.texts[i][from:to], one.rangeAt(from, to-from))
			from = to + 1
		}
	}
}
