package hcl

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/m2md/m2md/engine"
)

// maxScript bounds a script in bytes, as package scripting does.
const maxScript = 16 << 10

// script decodes a script that stands in the configuration file: text without
// interpolation, in quotes or as a heredoc.
func (f *field) script() any {
	if f.source.toldScript(f.expr.Range()) {
		return nil
	}
	if template, ok := f.expr.(*hclsyntax.TemplateExpr); ok && isLiteral(template) {
		value, diags := template.Value(nil)
		if diags.HasErrors() {
			return nil
		}
		return f.placed(value.AsString(), template)
	}
	if text, ok := jsonString(f.expr); ok {
		return f.jsonScript(text)
	}
	f.fail(f.at, fault{summary: "must be written out", detail: "Write script = <<-JS … JS, or keep the script in a file of its own and name it with script_file. Values come in by inputs."})
	return nil
}

// placed is a script of the native syntax with its place.
func (f *field) placed(text string, template *hclsyntax.TemplateExpr) any {
	return f.sized(engine.Script{
		Text:   text,
		At:     rangeOf(template.Parts[0].Range()),
		Indent: removedIndent(f.source.content[template.SrcRange.Start.Byte:template.SrcRange.End.Byte], text),
	})
}

// sized refuses scripts without content, and those that nobody can read.
func (f *field) sized(s engine.Script) any {
	switch {
	case strings.TrimSpace(s.Text) == "":
		f.fail(f.at, fault{summary: "is empty", detail: "Write the body of function(request, inputs). Only what returns true passes."})
		return nil
	case len(s.Text) > maxScript:
		f.fail(f.at, fault{summary: "is too large", detail: fmt.Sprintf("A script may have at most %d bytes.", maxScript)})
		return nil
	}
	return s
}

// removedIndent is how many characters a <<- heredoc took off the start of
// each line: the difference at the first line that is not blank.
func removedIndent(written []byte, text string) int {
	if !bytes.HasPrefix(written, []byte("<<-")) {
		return 0
	}
	raw := strings.Split(string(written), "\n")[1:]
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) != "" && i < len(raw) {
			return leadingSpace(raw[i]) - leadingSpace(line)
		}
	}
	return 0
}

func leadingSpace(line string) int {
	rest := strings.TrimLeftFunc(line, unicode.IsSpace)
	return utf8.RuneCountInString(line[:len(line)-len(rest)])
}

// jsonScript is a script in a JSON string, where hashicorp/hcl takes $${ for
// ${ as everywhere.
func (f *field) jsonScript(text string) any {
	tokens, _ := hclsyntax.LexTemplate([]byte(text), f.source.name, afterQuote(f.expr.Range()))
	told := false
	for _, tok := range tokens {
		if tok.Type == hclsyntax.TokenTemplateInterp || tok.Type == hclsyntax.TokenTemplateControl {
			addInterpolation(f.found, rangeOf(tok.Range), tok.Bytes)
			told = true
		}
	}
	if told {
		return nil
	}
	out := f.eval.value(f.source, f.expr)
	if !out.ok || out.value.Type() != cty.String {
		return nil
	}
	at := f.at
	at.Start = engine.Pos(afterQuote(f.expr.Range()))
	return f.sized(engine.Script{Text: out.value.AsString(), At: at})
}

// scriptFile reads a script that stands in a file of its own.
func (f *field) scriptFile(out result) any {
	name, ok := f.text(out.value, f.at, f.fail)
	if !ok {
		return nil
	}
	called := fmt.Sprintf("file %q", name)
	if !out.literal {
		called = fmt.Sprintf("the file that %q names", f.row.Name)
	}
	abs := f.source.resolve(name)
	content, err := f.eval.confinedText(abs)
	if err != nil {
		f.found.fault(f.at, called+" "+err.Error(), remedyOf(err))
		return nil
	}
	shown := f.source.scriptName(name)
	f.sources[shown] = content
	f.scripts[abs] = content
	f.eval.trail.script(shown, abs)
	script := engine.Script{Text: string(content), At: wholeFile(shown, content), Path: shown}
	if !f.modules(&script, abs) {
		return nil
	}
	return f.sized(script)
}

// wholeFile is the place of all that a file holds.
func wholeFile(name string, content []byte) engine.Range {
	at := fileStart(name)
	at.End = posAt(content, len(content))
	return at
}
