package hcl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	eastasian "golang.org/x/text/width"

	"github.com/m2md/m2md/engine"
)

// TextOptions say how findings are laid out for people.
type TextOptions struct {
	Color bool
	Width int // of the details, in characters; 0 for 78
}

// maxExcerpt is how many characters of a line are shown.
const maxExcerpt = 160

// WriteText writes findings for people: what is wrong, where, the line with
// the exact stretch underlined, and the remedy; the counts at the end. Nothing
// is written where there is nothing to tell.
func WriteText(w io.Writer, f engine.Findings, s Sources, o TextOptions) error {
	if len(f) == 0 {
		return nil
	}
	if o.Width <= 0 {
		o.Width = 78
	}
	var out bytes.Buffer
	for _, one := range f {
		writeFinding(&out, one, s, o)
	}
	fmt.Fprintln(&out, counts(f))
	_, err := w.Write(out.Bytes())
	return err
}

func writeFinding(out *bytes.Buffer, one engine.Finding, s Sources, o TextOptions) {
	word := one.Severity.String() + ":"
	if o.Color {
		word = colors()[one.Severity] + word + "\x1b[0m"
	}
	fmt.Fprintf(out, "%s %s\n", word, printable(one.Title()))
	fmt.Fprintf(out, "  at %s\n", printable(one.At.String()))
	if line, under, ok := excerpt(one.At, s); ok {
		number := fmt.Sprint(one.At.Start.Line)
		fmt.Fprintf(out, "  %s | %s\n", number, line)
		fmt.Fprintf(out, "  %s | %s\n", strings.Repeat(" ", len(number)), under)
	}
	for _, line := range wrap(printable(one.Detail), o.Width-2) {
		fmt.Fprintf(out, "  %s\n", line)
	}
	out.WriteByte('\n')
}

func colors() map[engine.Severity]string {
	return map[engine.Severity]string{
		engine.Error: "\x1b[1;31m", engine.Warning: "\x1b[1;33m", engine.Note: "\x1b[1;36m",
	}
}

// counts is the last line, such as "2 errors, 1 note".
func counts(f engine.Findings) string {
	var parts []string
	for _, severity := range []engine.Severity{engine.Error, engine.Warning, engine.Note} {
		switch n := count(f, severity); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+severity.String())
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}

func count(f engine.Findings, severity engine.Severity) int {
	n := 0
	for _, one := range f {
		if one.Severity == severity {
			n++
		}
	}
	return n
}

// excerpt is the line where a place begins, and a line of carets under the
// place.
func excerpt(at engine.Range, s Sources) (line, under string, ok bool) {
	text, start, end, ok := lineOf(at, s)
	if !ok {
		return "", "", false
	}
	before, marked, after := printable(text[:start]), printable(text[start:end]), printable(text[end:])
	if long := utf8.RuneCountInString(before) - maxExcerpt/2; long > 0 {
		before = "…" + string([]rune(before)[long:])
	}
	marked = shorten(marked, maxExcerpt/2)
	after = shorten(after, max(0, maxExcerpt-utf8.RuneCountInString(before+marked)))
	var blank strings.Builder // as wide as what stands before, whatever a tab means
	for part := range strings.SplitAfterSeq(before, "\t") {
		text, tab := strings.CutSuffix(part, "\t")
		blank.WriteString(strings.Repeat(" ", columns(text)))
		if tab {
			blank.WriteByte('\t')
		}
	}
	under = blank.String() + strings.Repeat("^", max(1, columns(marked)))
	if at.End.Line > at.Start.Line+1 || at.End.Line > at.Start.Line && at.End.Column > 1 {
		under += fmt.Sprintf(" to line %d", at.End.Line)
	}
	return before + marked + after, under, true
}

// columns is how many columns of a terminal a text takes (UAX #11): those of
// East Asia take two, and what combines with the character before takes none.
func columns(s string) (n int) {
	for _, r := range s {
		switch kind := eastasian.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == eastasian.EastAsianWide || kind == eastasian.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// lineOf is the line where a place begins, with the part of it that the place
// covers. No secret stands in it.
func lineOf(at engine.Range, s Sources) (text string, start, end int, ok bool) {
	content, known := s[at.File]
	if !known || at.Start.Byte > len(content) {
		return "", 0, 0, false
	}
	begin := bytes.LastIndexByte(content[:at.Start.Byte], '\n') + 1
	rest := content[begin:]
	if stop := bytes.IndexByte(rest, '\n'); stop >= 0 {
		rest = rest[:stop]
	}
	text = masked(strings.TrimSuffix(string(rest), "\r"))
	start = min(at.Start.Byte-begin, len(text))
	end = min(max(at.End.Byte-begin, start), len(text))
	return text, start, end, true
}

func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// printable keeps what a file says from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		if r == '\n' {
			return ' '
		}
		return unicode.ReplacementChar
	}, s)
}

func wrap(s string, most int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && columns(line)+1+columns(word) > most {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// The JSON form of findings, close to that of terraform validate -json.
type (
	jsonReport struct {
		Valid       bool          `json:"valid"`
		Errors      int           `json:"error_count"`
		Warnings    int           `json:"warning_count"`
		Diagnostics []jsonFinding `json:"diagnostics"`
	}
	jsonFinding struct {
		Severity string    `json:"severity"`
		ID       string    `json:"id,omitempty"`
		Summary  string    `json:"summary"`
		Detail   string    `json:"detail"`
		Range    jsonRange `json:"range"`
		Snippet  string    `json:"snippet"` // the line where the range begins; "" where it is not at hand
	}
	jsonRange struct {
		File  string  `json:"file"`
		Start jsonPos `json:"start"`
		End   jsonPos `json:"end"`
	}
	jsonPos struct {
		Line   int `json:"line"`
		Column int `json:"column"`
		Byte   int `json:"byte"`
	}
)

// WriteJSON writes findings for machines, one object with a line's end.
func WriteJSON(w io.Writer, f engine.Findings, s Sources) error {
	report := jsonReport{
		Valid: f.Err() == nil, Errors: count(f, engine.Error), Warnings: count(f, engine.Warning),
		Diagnostics: make([]jsonFinding, 0, len(f)),
	}
	for _, one := range f {
		line, _, _, _ := lineOf(one.At, s)
		report.Diagnostics = append(report.Diagnostics, jsonFinding{
			Severity: one.Severity.String(), ID: one.ID, Summary: one.Summary, Detail: one.Detail, Snippet: shorten(line, 4*maxExcerpt),
			Range: jsonRange{File: one.At.File, Start: jsonPos(one.At.Start), End: jsonPos(one.At.End)},
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
