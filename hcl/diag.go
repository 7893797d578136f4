package hcl

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/m2md/m2md/engine"
)

// maxFindings bounds what one reading tells; beyond it, nobody reads on.
const maxFindings = 1000

// fault is what a check says of a value that it refuses: a summary, and the
// remedy. The summary goes on after the attribute's name, unless it is whole.
// The zero value is no fault.
type fault struct {
	summary, detail string
	whole           bool
}

// findings gathers what the author is told.
type findings struct {
	list engine.Findings
	full bool
}

func (f *findings) add(one engine.Finding) {
	if len(f.list) < maxFindings {
		f.list = append(f.list, one)
		return
	}
	if !f.full && one.Severity == engine.Error {
		f.full = true
		f.list = append(f.list, engine.Finding{
			Summary: "too many faults",
			Detail:  "The faults beyond the first 1000 are not shown.",
			At:      one.At,
		})
	}
}

func (f *findings) fault(at engine.Range, summary, detail string) {
	f.add(engine.Finding{Summary: summary, Detail: detail, At: at})
}

// syntax adds what the parser of hashicorp/hcl found. It has seen no value
// yet, only the text of the file, which the author knows.
func (f *findings) syntax(diags hcl.Diagnostics, file string) {
	for _, d := range diags {
		f.add(engine.Finding{
			Severity: severity(d.Severity),
			Summary:  lowerFirst(d.Summary),
			Detail:   d.Detail,
			At:       diagRange(d, file),
		})
	}
}

// evaluation adds what went wrong while an expression was computed. The
// details of hashicorp/hcl quote values, so those of a tainted expression are
// replaced; only what our own functions say is fit to be shown.
func (f *findings) evaluation(diags hcl.Diagnostics, at engine.Range, tainted bool) {
	for _, d := range diags {
		where := at
		if d.Subject != nil {
			where = rangeOf(*d.Subject)
		}
		if own, ok := callErrorOf(d); ok {
			f.fault(where, own.summary, own.detail)
			continue
		}
		if tainted {
			f.fault(where, "the value cannot be computed",
				"The reason is not shown, because the expression uses env() or file(), whose values no output shows.")
			continue
		}
		f.fault(where, lowerFirst(d.Summary), d.Detail)
	}
}

// callErrorOf is the error of one of our own functions behind a diagnostic.
func callErrorOf(d *hcl.Diagnostic) (*callError, bool) {
	extra, ok := hcl.DiagnosticExtra[interface{ FunctionCallError() error }](d)
	if !ok {
		return nil, false
	}
	var own *callError
	return own, errors.As(extra.FunctionCallError(), &own)
}

func severity(s hcl.DiagnosticSeverity) engine.Severity {
	if s == hcl.DiagWarning {
		return engine.Warning
	}
	return engine.Error
}

func diagRange(d *hcl.Diagnostic, file string) engine.Range {
	if d.Subject == nil {
		return fileStart(file)
	}
	return rangeOf(*d.Subject)
}

// rangeOf converts a place. A range that ends before it starts comes from a
// file that the parser gave up on; its start is right.
func rangeOf(r hcl.Range) engine.Range {
	out := engine.Range{File: r.Filename, Start: engine.Pos(r.Start), End: engine.Pos(r.End)}
	if out.Start.Line < 1 {
		return fileStart(r.Filename)
	}
	if out.End.Byte < out.Start.Byte {
		out.End = out.Start
	}
	return out
}

// fileStart is the place of what concerns a file as a whole.
func fileStart(file string) engine.Range {
	first := engine.Pos{Line: 1, Column: 1}
	return engine.Range{File: file, Start: first, End: first}
}

// lowerFirst begins a summary as ours do.
func lowerFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	second, _ := utf8.DecodeRuneInString(s[size:])
	if unicode.IsUpper(second) { // an abbreviation, such as JSON
		return s
	}
	return string(unicode.ToLower(first)) + s[size:]
}

// quoted joins words for a sentence: "a", "b" or "c".
func quoted(words []string, last string) string {
	marked := make([]string, len(words))
	for i, word := range words {
		marked[i] = `"` + word + `"`
	}
	if len(marked) < 2 {
		return strings.Join(marked, "")
	}
	n := len(marked) - 1
	return strings.Join(marked[:n], ", ") + " " + last + " " + marked[n]
}
