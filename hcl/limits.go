package hcl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/m2md/m2md/engine"
)

// Bounds of what is read. The parser and the evaluator of hashicorp/hcl
// recurse once per bracket and once per operator, without a bound of their own,
// and Go cannot recover from a full stack; some of their loops are quadratic.
const (
	maxFileBytes     = 1 << 20  // of one file
	maxFiles         = 10_000   // of one configuration
	maxTotalBytes    = 64 << 20 // of all files of one configuration
	maxDepth         = 100      // brackets, blocks and templates within each other
	maxOperators     = 1_000    // operators and steps in one expression, those around it included
	maxLoops         = 2        // for expressions within each other
	maxTemplateLines = 10_000   // pieces of literal text in one template: joined pair by pair
	maxTemplateBytes = 512 << 10
	maxNumberBytes   = 64
	maxExponent      = 300
	maxSyntaxFaults  = 20 // of the lexer, per file
)

// closeComment ends a comment that the file leaves open. The lexer would go
// back and try again at each of a million "/*"; with this behind the text, it
// is linear, and such a comment is one token that reaches beyond the file.
const closeComment = "\n*/\n"

// nesting is one bracket, block or template that is open at a token.
type nesting struct {
	closer    hclsyntax.TokenType
	template  bool
	lineEnds  bool // a newline ends the expression in it
	operators int
	loops     int
	pieces    int
	text      int
}

// meter follows the tokens of a file and bounds what the parser will do.
type meter struct {
	open      []nesting
	operators int // in all that is open
	loops     int
}

func newMeter(template bool) *meter {
	return &meter{open: []nesting{{closer: hclsyntax.TokenEOF, template: template, lineEnds: !template}}}
}

func (m *meter) top() *nesting { return &m.open[len(m.open)-1] }

// check says where the tokens go too far, if they do.
func (m *meter) check(tokens hclsyntax.Tokens) (hcl.Range, fault) {
	for i, tok := range tokens {
		if bad := m.step(tokens, i); bad != (fault{}) {
			return tok.Range, bad
		}
	}
	return hcl.Range{}, fault{}
}

func (m *meter) step(tokens hclsyntax.Tokens, i int) fault {
	tok := tokens[i]
	switch tok.Type {
	case hclsyntax.TokenOBrace:
		m.count()
		return m.push(nesting{closer: hclsyntax.TokenCBrace, lineEnds: !startsLoop(tokens[i+1:])})
	case hclsyntax.TokenOBrack:
		m.count()
		return m.push(nesting{closer: hclsyntax.TokenCBrack})
	case hclsyntax.TokenOParen:
		m.count()
		return m.push(nesting{closer: hclsyntax.TokenCParen})
	case hclsyntax.TokenOQuote:
		return m.push(nesting{closer: hclsyntax.TokenCQuote, template: true})
	case hclsyntax.TokenOHeredoc:
		return m.push(nesting{closer: hclsyntax.TokenCHeredoc, template: true})
	case hclsyntax.TokenTemplateInterp:
		return m.push(nesting{closer: hclsyntax.TokenTemplateSeqEnd})
	case hclsyntax.TokenTemplateControl:
		return m.directive(tokens[i+1:])
	case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote,
		hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
		m.pop(tok.Type)
	case hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
		return m.literal(len(tok.Bytes))
	case hclsyntax.TokenComma:
		m.forget()
	case hclsyntax.TokenNewline:
		if m.top().lineEnds {
			m.forget()
		}
	case hclsyntax.TokenNumberLit:
		return checkNumber(tok.Bytes)
	case hclsyntax.TokenIdent:
		if string(tok.Bytes) == "for" && i > 0 && opensLoop(tokens, i) {
			return m.loop()
		}
	case hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenDot, hclsyntax.TokenQuestion, hclsyntax.TokenDoubleColon:
		m.count()
	}
	return m.tooMany()
}

func (m *meter) push(n nesting) fault {
	m.open = append(m.open, n)
	if len(m.open) > maxDepth {
		return fault{summary: "nested too deep", detail: fmt.Sprintf("Brackets, blocks and templates may stand at most %d deep within each other. Take parts out into locals.", maxDepth)}
	}
	return m.tooMany()
}

// pop closes what the token closes, and all that was left open within it. The
// parser does the same: it gives up on the inner ones at once.
func (m *meter) pop(closer hclsyntax.TokenType) {
	for i := len(m.open) - 1; i > 0; i-- {
		if m.open[i].closer != closer {
			continue
		}
		for _, n := range m.open[i:] {
			m.operators -= n.operators
			m.loops -= n.loops
		}
		m.open = m.open[:i]
		return
	}
}

func (m *meter) count() {
	m.top().operators++
	m.operators++
}

// forget starts a new expression in the innermost bracket.
func (m *meter) forget() {
	m.operators -= m.top().operators
	m.top().operators = 0
}

func (m *meter) tooMany() fault {
	if m.operators <= maxOperators {
		return fault{}
	}
	return fault{summary: "expression too long", detail: fmt.Sprintf("An expression may have at most %d operators and steps. Take parts out into locals.", maxOperators)}
}

// directive opens %{if …}, %{for …} and their ends. Those that have an end
// nest in the template, not in a bracket.
func (m *meter) directive(next hclsyntax.Tokens) fault {
	m.count()
	if len(next) > 0 && string(next[0].Bytes) == "endfor" && m.top().loops > 0 {
		m.top().loops--
		m.loops--
	}
	if len(next) > 0 && string(next[0].Bytes) == "for" {
		if bad := m.loop(); bad != (fault{}) {
			return bad
		}
	}
	return m.push(nesting{closer: hclsyntax.TokenTemplateSeqEnd})
}

func (m *meter) loop() fault {
	m.top().loops++
	m.loops++
	limit := maxLoops
	if m.open[0].template { // in JSON, whose loops cannot be made to pay for each turn
		limit = 1
	}
	if m.loops <= limit {
		return fault{}
	}
	return fault{summary: "too many for expressions within each other", detail: fmt.Sprintf("At most %d may nest.", limit)}
}

func (m *meter) literal(size int) fault {
	top := m.top()
	top.pieces++
	top.text += size
	if top.pieces <= maxTemplateLines && top.text <= maxTemplateBytes {
		return fault{}
	}
	return fault{summary: "text too long", detail: fmt.Sprintf("A text in a configuration file may have at most %d lines and %d KiB. Keep it in a file of its own and name that.",
		maxTemplateLines, maxTemplateBytes>>10)}
}

// startsLoop says whether the tokens behind a brace begin a for expression,
// in which newlines do not separate.
func startsLoop(next hclsyntax.Tokens) bool {
	for _, tok := range next {
		if tok.Type != hclsyntax.TokenNewline && tok.Type != hclsyntax.TokenComment {
			return tok.Type == hclsyntax.TokenIdent && string(tok.Bytes) == "for"
		}
	}
	return false
}

// opensLoop says whether the "for" at i stands behind a bracket.
func opensLoop(tokens hclsyntax.Tokens, i int) bool {
	for i--; i >= 0; i-- {
		switch tokens[i].Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenComment:
			continue
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack:
			return true
		default:
			return false
		}
	}
	return false
}

// checkNumber keeps out numbers that are short to write and endless to print.
func checkNumber(text []byte) fault {
	bad := fault{summary: "number out of range", detail: fmt.Sprintf("A number may have at most %d characters and an exponent of at most %d.", maxNumberBytes, maxExponent)}
	if len(text) > maxNumberBytes {
		return bad
	}
	if i := bytes.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(string(text[i+1:]))
		if err == nil && (exponent > maxExponent || exponent < -maxExponent) {
			return bad
		}
	}
	return fault{}
}

// checkNative says whether a native file may be parsed.
func checkNative(src *source, found *findings) bool {
	return plain(src.content) || look(src, found)
}

// look lexes a native file and says whether it may be parsed. The
// scripts that are interpolated are told here, at their tokens, and left in
// the source, so that nobody asks what stands in them.
func look(src *source, found *findings) bool {
	padded := append(bytes.Clone(src.content), closeComment...)
	tokens, diags := hclsyntax.LexConfig(padded, src.name, hcl.InitialPos)
	for _, tok := range tokens {
		if leftOpen(tok, len(src.content)) {
			start := tok.Range
			start.End = start.Start
			found.fault(rangeOf(start), "comment is never closed", `Write "*/" where it ends.`)
			return false
		}
	}
	if where, bad := newMeter(false).check(tokens); bad != (fault{}) {
		found.fault(rangeOf(where), bad.summary, bad.detail)
		return false
	}
	src.scripts = interpolatedScripts(tokens, found)
	wrong := 0
	for _, d := range diags {
		where := hcl.Range{}
		if d.Subject != nil {
			where = *d.Subject
		}
		if where.Start.Byte >= len(src.content) { // in what was appended
			continue
		}
		if wrong++; wrong <= maxSyntaxFaults && !src.toldScript(where) {
			found.syntax(hcl.Diagnostics{d}, src.name)
		}
	}
	return wrong == 0
}

// leftOpen says whether a token is a comment that only closeComment ended.
func leftOpen(tok hclsyntax.Token, size int) bool {
	return tok.Type == hclsyntax.TokenComment && tok.Range.End.Byte > size && bytes.HasPrefix(tok.Bytes, []byte("/*"))
}

// toldScript says whether a place lies in a script that was told of already.
func (s *source) toldScript(r hcl.Range) bool {
	for _, script := range s.scripts {
		if r.Start.Byte >= script.Start.Byte && r.Start.Byte <= script.End.Byte {
			return true
		}
	}
	return false
}

// interpolatedScripts finds ${ and %{ in scripts, which are
// text of another language, and returns where those scripts stand.
func interpolatedScripts(tokens hclsyntax.Tokens, found *findings) []hcl.Range {
	var scripts []hcl.Range
	var blocks []string // the names of the blocks around a token; "" for objects
	for i := 0; i < len(tokens); i++ {
		switch tokens[i].Type {
		case hclsyntax.TokenOBrace:
			blocks = append(blocks, blockName(tokens[:i]))
		case hclsyntax.TokenCBrace:
			blocks = blocks[:max(0, len(blocks)-1)]
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			end, marks := interpolations(tokens[i:])
			if len(marks) > 0 && len(blocks) == 1 && (blocks[0] == "policy" || blocks[0] == "mapping") && assignsTo(tokens[:i], "script") {
				for _, mark := range marks {
					addInterpolation(found, rangeOf(mark.Range), mark.Bytes)
				}
				scripts = append(scripts, hcl.RangeBetween(tokens[i].Range, tokens[i+end].Range))
			}
			i += end
		}
	}
	return scripts
}

// assignsTo says whether the tokens end in NAME =.
func assignsTo(before hclsyntax.Tokens, name string) bool {
	n := len(before)
	return n >= 2 && before[n-1].Type == hclsyntax.TokenEqual && string(before[n-2].Bytes) == name
}

// blockName is the first word of the line that a brace ends, where that line
// is the header of a block.
func blockName(before hclsyntax.Tokens) string {
	for i := len(before) - 1; i >= 0; i-- {
		switch before[i].Type {
		case hclsyntax.TokenOQuote, hclsyntax.TokenQuotedLit, hclsyntax.TokenCQuote:
			continue
		case hclsyntax.TokenIdent:
			if i == 0 || before[i-1].Type == hclsyntax.TokenNewline || before[i-1].Type == hclsyntax.TokenComment {
				return string(before[i].Bytes)
			}
			continue
		}
		break
	}
	return ""
}

// interpolations walks over the template that the first token opens. It
// returns the index of its last token and the marks directly in it.
func interpolations(tokens hclsyntax.Tokens) (end int, marks hclsyntax.Tokens) {
	depth := 0
	for i, tok := range tokens {
		switch tok.Type {
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if depth == 1 {
				marks = append(marks, tok)
			}
			depth++
		case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth == 0 {
				return i, marks
			}
		}
	}
	return len(tokens) - 1, marks
}

func addInterpolation(found *findings, at engine.Range, mark []byte) {
	sign := string(mark[:1])
	found.fault(at, "interpolation in a script",
		fmt.Sprintf("A script is never interpolated. Write %q for a literal %q, or keep the script in a file of its own and name it with script_file; values come in by inputs.",
			sign+sign+"{", sign+"{"))
}

// checkJSON bounds a JSON file: its own nesting, and that of each string,
// which is parsed as a template of the native syntax when it is evaluated.
func checkJSON(src []byte, name string, found *findings) bool {
	depth := 0
	for i := 0; i < len(src); i++ {
		var bad fault
		size := 1
		switch c := src[i]; {
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				bad = fault{summary: "nested too deep", detail: fmt.Sprintf("Objects and arrays may stand at most %d deep within each other.", maxDepth)}
			}
		case c == '}' || c == ']':
			depth--
		case c == '"':
			size = jsonStringEnd(src[i:])
			bad = checkTemplate(src[i : i+size])
		case c == '-' || c >= '0' && c <= '9':
			size = jsonNumberEnd(src[i:])
			bad = checkNumber(src[i : i+size])
		}
		if bad != (fault{}) {
			found.fault(byteRange(src, name, i, i+size), bad.summary, bad.detail)
			return false
		}
		i += size - 1
	}
	return true
}

func jsonStringEnd(src []byte) int {
	for i := 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"', '\n':
			return i + 1
		}
	}
	return len(src)
}

func jsonNumberEnd(src []byte) int {
	n := 0
	for n < len(src) && strings.IndexByte("+-.0123456789eE", src[n]) >= 0 {
		n++
	}
	return n
}

// checkTemplate bounds a JSON string as the template that it will be. A
// string without any of the characters of a template is one literal.
func checkTemplate(literal []byte) fault {
	var text string
	if err := json.Unmarshal(literal, &text); err != nil || !strings.ContainsAny(text, "$%\n\r") {
		return fault{} // the parser tells what is wrong with it
	}
	tokens, _ := hclsyntax.LexTemplate([]byte(text+closeComment), "", hcl.InitialPos)
	for _, tok := range tokens {
		if leftOpen(tok, len(text)) {
			return fault{summary: "comment is never closed", detail: `Write "*/" where it ends.`}
		}
	}
	_, bad := newMeter(true).check(tokens)
	return bad
}

// byteRange is the place of src[start:end], counted by hand.
func byteRange(src []byte, file string, start, end int) engine.Range {
	begin := posAt(src, start)
	return engine.Range{File: file, Start: begin, End: posAt(src, min(end, len(src)))}
}

func posAt(src []byte, offset int) engine.Pos {
	before := src[:offset]
	line := bytes.LastIndexByte(before, '\n') + 1
	return engine.Pos{
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: len([]rune(string(before[line:]))) + 1,
		Byte:   offset,
	}
}
