package hcl

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/parallel"
)

// Format lays a file in HCL's native syntax out in the canonical style, which
// is that of hclwrite.Format and thus of `terraform fmt`: two spaces for each
// level, equals signs and comments of neighbouring lines under each other. Only
// white space between tokens changes, so that comments, strings and heredocs,
// and the scripts in them, stay as they are to the byte. name is that of the
// file in the findings. A file that cannot be split into tokens is left alone:
// the result is nil, and the findings say why.
//
// It does not use hclwrite, which takes about ten times as long: a hook asks for
// each save, and CI for all files. The tests hold it against hclwrite.
func Format(name string, content []byte) ([]byte, engine.Findings) {
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	tokens, bad := scan(content)
	if bad == nil {
		if !utf8.Valid(content) {
			bad = &badToken{textEnd(content), "this is not UTF-8", "Save the file as UTF-8 text."}
		}
	}
	if bad != nil {
		at := engine.Range{File: name, Start: posAt(content, bad.at), End: posAt(content, min(bad.at+1, len(content)))}
		return nil, engine.Findings{{Summary: bad.summary, Detail: bad.remedy, At: at}}
	}
	f := &formatter{src: content, tokens: tokens}
	f.split()
	f.indent()
	for _, line := range f.lines {
		f.space(line.lead, false)
		f.space(line.assign, true)
	}
	f.align(func(l layoutLine) ([]token, bool) { return l.assign, l.assign != nil }, f.leadColumns)
	f.align(func(l layoutLine) ([]token, bool) { return l.comment, l.comment != nil }, f.columnsBeforeComment)
	return f.bytes(), nil
}

// formatter lays tokens out by the number of spaces before each.
type formatter struct {
	src    []byte
	tokens []token
	lines  []layoutLine
}

// layoutLine is what stands up to a newline token, in up to three cells that
// are aligned with those of the lines around it. All are stretches of the tokens.
type layoutLine struct {
	lead    []token
	assign  []token // from the equals sign of an attribute that ends on its line; nil for none
	comment []token // a comment behind something else; nil for none
}

// split finds the lines and their cells.
func (f *formatter) split() {
	lines := 1
	for i := range f.tokens {
		if f.tokens[i].endsLine(f.src) {
			lines++
		}
	}
	f.lines = make([]layoutLine, 0, lines)
	begin := 0
	for i := range f.tokens {
		if f.tokens[i].endsLine(f.src) {
			f.lines = append(f.lines, cells(f.tokens[begin:i+1]))
			begin = i + 1
		}
	}
	if begin < len(f.tokens) {
		f.lines = append(f.lines, cells(f.tokens[begin:]))
	}
}

// endsLine says whether a line of the layout ends with the token: the lines of
// a heredoc are one.
func (t token) endsLine(src []byte) bool {
	return t.kind == tokenNewline || t.kind == tokenLineComment && src[t.end-1] == '\n'
}

func cells(line []token) (l layoutLine) {
	l.lead = line
	if last := len(line) - 1; last > 0 && (line[last].kind == tokenLineComment || line[last].kind == tokenComment) {
		l.lead, l.comment = line[:last], line[last:]
	}
	for i := 1; i < len(l.lead); i++ {
		if l.lead[i].kind != tokenEqual {
			continue
		}
		if opens(l.lead[i:]) == 0 { // else the value goes on below
			l.lead, l.assign = l.lead[:i], l.lead[i:]
		}
		break
	}
	return l
}

// opens is how many more brackets are opened than closed.
func opens(tokens []token) (net int) {
	for i := range tokens {
		net += tokens[i].kind.opens()
	}
	return net
}

// opens is 1 for what opens a bracket, -1 for what closes one, and else 0.
func (k tokenKind) opens() int {
	switch k {
	case tokenOpenBrace, tokenOpenBracket, tokenOpenParen, tokenInterpolation:
		return 1
	case tokenCloseBrace, tokenCloseBracket, tokenCloseParen, tokenEndInterpolation:
		return -1
	default:
		return 0
	}
}

// indent sets the spaces at the start of each line: two for each line that
// opened more than it closed and is not closed yet, however many brackets it
// opened.
func (f *formatter) indent() {
	levels := make([]int, 0, 16) // how many brackets each level opened
	for i := range f.lines {
		line := &f.lines[i]
		first := &line.lead[0]
		if first.kind == tokenNewline {
			first.spaces = 0
			continue
		}
		net := opens(line.assign)
		for j := range line.lead {
			net += line.lead[j].kind.opens()
			if line.lead[j].kind == tokenOpenHeredoc {
				break
			}
		}
		if net > 0 {
			first.spaces = int32(2 * len(levels))
			levels = append(levels, net)
			continue
		}
		levels = closeLevels(levels, -net)
		first.spaces = int32(2 * len(levels))
	}
}

// closeLevels takes so many brackets from the innermost levels.
func closeLevels(levels []int, closed int) []int {
	for closed > 0 && len(levels) > 0 {
		last := len(levels) - 1
		if closed < levels[last] {
			levels[last] -= closed
			break
		}
		closed -= levels[last]
		levels = levels[:last]
	}
	return levels
}

// space sets the spaces between the tokens of a cell.
func (f *formatter) space(cell []token, assign bool) {
	if assign && len(cell) > 0 {
		cell[0].spaces = 1
	}
	before := tokenNone
	for i := range len(cell) - 1 {
		cell[i+1].spaces = 0
		if spaced(before, cell[i].kind, cell[i+1].kind) {
			cell[i+1].spaces = 1
		}
		before = cell[i].kind
	}
}

// spaced says whether a space stands between a token and the one after it.
func spaced(before, it, after tokenKind) bool {
	name := it == tokenIdent || it == tokenIn
	switch {
	case after == tokenNewline,
		name && after == tokenOpenParen, // a call
		name && after == tokenDoubleColon, it == tokenDoubleColon && (after == tokenIdent || after == tokenIn),
		it == tokenDot || after == tokenDot,
		after == tokenComma || after == tokenEllipsis:
		return false
	case it == tokenComma:
		return true
	case it == tokenText, it == tokenOpenQuote, it == tokenOpenHeredoc,
		after == tokenText, after == tokenCloseQuote, after == tokenCloseHeredoc:
		return false
	case it == tokenIn && (before == tokenIdent || before == tokenIn): // [for x in [1]: x]
		return true
	case after == tokenOpenBracket && (name || it == tokenNumber || it.opens() < 0), // an index
		it == tokenBang:
		return false
	case it == tokenMinus:
		return !signAfter(before)
	case it == tokenOpenBrace || after == tokenCloseBrace:
		return it != tokenOpenBrace || after != tokenCloseBrace
	case it == tokenInterpolation && after == tokenOpenBrace, it == tokenCloseBrace && after == tokenEndInterpolation:
		return true
	case it == tokenEndInterpolation && after == tokenInterpolation, it.opens() > 0, after.opens() < 0:
		return false
	default:
		return true
	}
}

// signAfter says whether a minus behind such a token is that of a number, and no
// subtraction.
func signAfter(before tokenKind) bool {
	switch before {
	case tokenNone, tokenOpenParen, tokenOpenBrace, tokenOpenBracket, tokenEqual, tokenComma, tokenOperator, tokenMinus, tokenBang:
		return true
	default:
		return false
	}
}

// align puts the cells of lines that follow each other under each other. cell
// returns one, and whether there is one; columns is how wide what is before it is.
func (f *formatter) align(cell func(layoutLine) ([]token, bool), columns func(layoutLine) int) {
	for i := 0; i < len(f.lines); {
		widest, end := 0, i
		for end < len(f.lines) {
			if _, has := cell(f.lines[end]); !has {
				break
			}
			widest = max(widest, columns(f.lines[end]))
			end++
		}
		for _, line := range f.lines[i:end] {
			first, _ := cell(line)
			first[0].spaces = int32(widest - columns(line) + 1)
		}
		i = max(end, i+1)
	}
}

func (f *formatter) leadColumns(l layoutLine) int { return f.columns(l.lead) }

func (f *formatter) columnsBeforeComment(l layoutLine) int {
	return f.columns(l.lead) + f.columns(l.assign)
}

// columns is how many characters, as people count them, tokens have with the
// spaces before them.
func (f *formatter) columns(tokens []token) (n int) {
	for _, t := range tokens {
		n += int(t.spaces) + columnsOf(f.src[t.start:t.end])
	}
	return n
}

func columnsOf(text []byte) int {
	ascii := true
	for _, c := range text {
		ascii = ascii && c < utf8.RuneSelf && c != '\r'
	}
	if ascii {
		return len(text)
	}
	clusters, err := textseg.TokenCount(text, textseg.ScanGraphemeClusters)
	if err != nil {
		return utf8.RuneCount(text) // it never fails
	}
	return clusters
}

// manySpaces is what indentations are cut from.
var manySpaces = strings.Repeat(" ", 256)

func (f *formatter) bytes() []byte {
	out := make([]byte, 0, len(f.src)+len(f.src)/8)
	for _, t := range f.tokens {
		for n := int(t.spaces); n > 0; n -= len(manySpaces) {
			out = append(out, manySpaces[:min(n, len(manySpaces))]...)
		}
		out = append(out, f.src[t.start:t.end]...)
	}
	return out
}

// Laid is a file of a configuration and its layout.
type Laid struct {
	Name          string // as in engine.Range
	Before, After []byte // After is nil where the file cannot be split into tokens
}

// FormatAll lays out the files in native syntax of a file or folder, tests
// included, in the order of their names. It changes none.
func FormatAll(path string) ([]Laid, engine.Findings) {
	found := new(findings)
	w := &walk{reader: &reader{files: make(map[string]read)}, found: found, path: path, tests: true, real: make(map[string]bool)}
	w.roots = resolveRoots([]string{(&loader{options: Options{Path: path}}).root()})
	w.find()
	sources := slices.DeleteFunc(w.open(), (*source).json)
	laid := make([]Laid, len(sources))
	refused := make([]engine.Findings, len(sources))
	parallel.Each(len(laid), func(i int) {
		laid[i] = Laid{Name: sources[i].name, Before: sources[i].content}
		laid[i].After, refused[i] = Format(sources[i].name, sources[i].content)
	})
	all := slices.Concat(append([]engine.Findings{found.list}, refused...)...)
	all.Sort()
	return laid, all
}
