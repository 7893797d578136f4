package scripting

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/evanw/esbuild/pkg/api"

	"github.com/m2md/m2md/engine"
)

// Options bound what one evaluation may take. The zero value is right for serving.
type Options struct {
	Deadline     time.Duration // wall clock of one evaluation; 0 for 50 ms
	MaxCallDepth int           // nested calls; 0 for 256
	Coverage     *Coverage     // counts how conditions come out; nil in whatever serves
}

const (
	defaultDeadline  = 50 * time.Millisecond
	defaultCallDepth = 256

	// traceDepth bounds calls where natives may be made to make errors, each of
	// which holds all calls.
	traceDepth = 32

	// maxScript bounds a script in bytes, and maxNesting its brackets within
	// brackets: the parser recurses, and a stack that overflows would end the
	// process, not the parsing.
	maxScript  = 16 << 10
	maxNesting = 200
	// maxColons bounds labels, among others: the parser makes an error of each
	// pair of the same name.
	maxColons = 1000

	// maxFindings keeps one slip from hiding among what the parser makes of it.
	maxFindings = 10
)

// Compiler turns the source of policies into Programs. It is safe for
// concurrent use.
type Compiler struct {
	opts   Options
	guards map[string][]guard
	every  []guard       // all of them that may wait, see guardAll
	places chan struct{} // one for each evaluation at a time that is not light
	cache  *cache
	slots  sync.Map // for analyse
}

var _ engine.PolicyCompiler = (*Compiler)(nil)

// regexTimeout makes regexp2's package variable be set once: goja gives no
// other way to bound it, and a second write would race with its readers.
var regexTimeout sync.Once

// New makes a Compiler. It panics on negative options. The first call sets
// regexp2.DefaultMatchTimeout for the whole process, see the package's comment.
func New(opts Options) *Compiler {
	if opts.Deadline < 0 || opts.MaxCallDepth < 0 {
		panic("scripting: Options must not be negative")
	}
	if opts.Deadline == 0 {
		opts.Deadline = defaultDeadline
	}
	if opts.MaxCallDepth == 0 {
		opts.MaxCallDepth = defaultCallDepth
	}
	regexTimeout.Do(func() {
		regexp2.DefaultMatchTimeout = matchTimeout
		regexp2.SetTimeoutCheckPeriod(clockPeriod)
	})
	guards := guardsByName()
	every := slices.Concat(slices.Collect(maps.Values(guards))...)
	every = slices.DeleteFunc(every, func(g guard) bool { return g.always })
	return &Compiler{
		opts: opts, guards: guards, every: sortGuards(every),
		places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), cache: &cache{},
	}
}

// Program is a compiled policy or mapping. It is safe for any number of
// goroutines: what they share is never written after compilation.
type Program struct {
	*compiled
	source     scriptSource
	inputs     map[string]any
	inputNames []string // sorted
}

// compiled is what Programs of the same script share.
type compiled struct {
	opts      Options
	text      scriptSource // what was compiled, where it stood in the file then
	code      *goja.Program
	weight    int // of what runs once
	callDepth int
	sizes     map[string]int // of the automata of its regular expressions, by pattern
	guards    []guard
	every     []guard // of the Compiler
	places    chan struct{}
	calls     map[string]bool // which functions its wrapper brings in; none: there is no wrapper
	// noCtor: the script mentions "constructor", so that those which compile
	// strings are taken away.
	noCtor bool
	// unguarded are the names of natives that have a guard, but not in this
	// program: no computed key may be one of them.
	unguarded  map[string]bool
	conditions []*condition            // that are counted, in whatever tests
	patterns   map[patternKey]*matcher // that helpers are called with
	asked      []engine.Ref            // the policies that it asks
}

var _ engine.Policy = (*Program)(nil)

// Calls are the policies that the script asks, see engine.Policy.
func (p *Program) Calls() []engine.Ref { return p.asked }

// CompilePolicy compiles the body of function(request, inputs), in strict
// mode. What the script does wrong comes back as engine.Findings.
func (c *Compiler) CompilePolicy(src engine.PolicySource) (engine.Policy, error) {
	program, err := c.compile(scriptSource{Script: src.Script, what: whatPolicy, label: src.Label}, src.Inputs, src.Unknown["inputs"])
	if err != nil {
		return nil, err
	}
	return program, nil
}

// compile makes a Program of a script, whatever it is for, of what was compiled
// before where that is in use. open says that inputs are not all that the script
// will have.
func (c *Compiler) compile(text scriptSource, inputs map[string]any, open bool) (*Program, error) {
	key, known := keyOf(text, inputs, open)
	known = known && c.opts.Coverage == nil // which counts each place by itself
	var made *compiled
	if known {
		made = c.cache.find(key, text.Script)
	}
	if made == nil {
		var err error
		if made, err = c.translate(text, inputs, open); err != nil {
			return nil, err
		}
		if known {
			c.cache.keep(key, made)
		}
	}
	source := made.text
	source.At, source.Indent, source.label = text.At, text.Indent, text.label
	return &Program{compiled: made, source: source, inputs: inputs, inputNames: slices.Sorted(maps.Keys(inputs))}, nil
}

// translate compiles a script.
func (c *Compiler) translate(text scriptSource, inputs map[string]any, open bool) (*compiled, error) {
	text, found := text.bundled()
	if found == nil {
		found = text.tooLarge()
	}
	if found != nil {
		return nil, found
	}
	program, err := parser.ParseFile(nil, text.At.File, prefix+text.Text+suffix, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, text.syntaxFindings(err)
	}
	outer, inner, found := text.functions(program)
	if found != nil {
		return nil, found
	}
	if text.module {
		if found := text.enter(inner); found != nil {
			return nil, found
		}
	}
	var conditions []*condition
	if c.opts.Coverage != nil {
		conditions = c.opts.Coverage.instrument(inner, text)
	}
	seen := analyse(inner, text, &c.slots)
	if len(conditions) > 0 {
		seen.calls[coverName] = true
	}
	if text.module {
		seen.members.enter(inner)
	}
	use := seen.members.checkHelpers(text)
	seen.found = slices.Concat(seen.found, seen.members.findings(text, inputsShape(inputs, open)), use.found)
	if len(seen.found) > 0 {
		seen.found.Sort()
		return nil, seen.found
	}
	if len(seen.calls) > 0 {
		nameParameters(outer)
	} else {
		program.Body[0].(*ast.ExpressionStatement).Expression = inner
	}
	code, err := goja.CompileAST(program, true)
	if err != nil {
		return nil, text.compileFindings(err)
	}
	guards, unguarded := c.needed(seen)
	made := &compiled{
		opts: c.opts, text: text, code: code,
		weight: seen.weight, sizes: seen.sizes, callDepth: c.opts.MaxCallDepth, every: c.every, places: c.places,
		guards: guards, calls: seen.calls, conditions: conditions, noCtor: seen.names["constructor"], unguarded: unguarded,
		patterns: use.patterns, asked: use.asked,
	}
	if seen.traces || made.noCtor {
		made.callDepth = min(made.callDepth, traceDepth)
	}
	return made, nil
}

// The body stands between these on the same lines, so that only the columns of
// its first line are shifted. The outer function brings in what the rewritten
// script calls; analyse.go renames its parameters to what no source can spell.
const (
	prefix = `(function(meter,key,spread,cover){return function(request,inputs){`
	suffix = "\n}})"
)

// functions returns the two functions of the wrapper, after making sure that
// the body closed neither: `return true } ; (function(){` would leave code
// outside that runs although nobody asked.
func (s scriptSource) functions(program *ast.Program) (outer, inner *ast.FunctionLiteral, found engine.Findings) {
	end := file.Idx(1 + len(prefix) + len(s.Text) + len("\n")) // of the } that closes the inner one
	outer = leftmost(program.Body[0].(*ast.ExpressionStatement).Expression)
	inner = leftmost(outer.Body.List[0].(*ast.ReturnStatement).Argument)
	if onlyWrapper(program, outer, inner) && inner.Body.RightBrace == end && outer.Body.RightBrace == end+1 {
		return outer, inner, nil
	}
	at := s.rangeAt(int(inner.Body.RightBrace)-1-len(prefix), 1)
	return nil, nil, engine.Findings{{
		Summary: "unmatched }",
		Detail:  "A policy is the body of function(request, inputs); this bracket would end that function. Remove it, or open what it closes.",
		At:      at,
	}}
}

// onlyWrapper says whether the wrapper is all that the program consists of.
func onlyWrapper(program *ast.Program, outer, inner *ast.FunctionLiteral) bool {
	return len(program.Body) == 1 && len(outer.Body.List) == 1 &&
		program.Body[0].(*ast.ExpressionStatement).Expression == ast.Expression(outer) &&
		outer.Body.List[0].(*ast.ReturnStatement).Argument == ast.Expression(inner)
}

// leftmost is the function that an expression begins with. The wrapper begins
// with its two, whatever the body made of the rest.
func leftmost(e ast.Expression) *ast.FunctionLiteral {
	for {
		switch x := e.(type) {
		case *ast.FunctionLiteral:
			return x
		case *ast.SequenceExpression:
			e = x.Sequence[0]
		case *ast.CallExpression:
			e = x.Callee
		case *ast.DotExpression:
			e = x.Left
		case *ast.BracketExpression:
			e = x.Left
		case *ast.BinaryExpression:
			e = x.Left
		case *ast.AssignExpression:
			e = x.Left
		case *ast.ConditionalExpression:
			e = x.Test
		case *ast.TemplateLiteral:
			e = x.Tag
		case *ast.UnaryExpression:
			e = x.Operand
		case *ast.OptionalChain:
			e = x.Expression
		case *ast.Optional:
			e = x.Expression
		default:
			return nil
		}
	}
}

// scriptSource tells the places of a script in the file that holds it.
type scriptSource struct {
	engine.Script
	what  string // "policy" or "mapping"
	label string
	// Where Text is what esbuild wrote: what of, and which part from where.
	files  *bundle
	origin *sourceMap
	module bool // it ends in the call of a default export, see enter
}

// pos is the place of a byte of the script, where that was not made of files.
func (s scriptSource) pos(offset int) engine.Pos {
	offset = min(max(offset, 0), len(s.Text))
	line := strings.Count(s.Text[:offset], "\n")
	start := strings.LastIndexByte(s.Text[:offset], '\n') + 1
	column := utf8.RuneCountInString(s.Text[start:offset])
	at := s.At.Start
	pos := engine.Pos{
		Line:   at.Line + line,
		Column: column + 1 + s.Indent,
		Byte:   at.Byte + offset + line*s.Indent,
	}
	if line == 0 {
		pos.Column = at.Column + column
	}
	return pos
}

func (s scriptSource) rangeAt(offset, length int) engine.Range {
	if s.origin != nil {
		return s.files.rangeAt(s.origin, offset, length)
	}
	return engine.Range{File: s.At.File, Start: s.pos(offset), End: s.pos(offset + length)}
}

// offset turns goja's line and column (both from 1, in bytes, of the wrapped
// text) into the byte of the script.
func (s scriptSource) offset(at file.Position) int {
	if at.Line <= 1 {
		return at.Column - 1 - len(prefix)
	}
	rest, offset := s.Text, 0
	for range at.Line - 1 {
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			return len(s.Text) // the suffix: the script ended too early
		}
		rest, offset = rest[i+1:], offset+i+1
	}
	return offset + at.Column - 1
}

func (s scriptSource) tooLarge() engine.Findings {
	if len(s.Text) > maxScript && s.origin == nil {
		return engine.Findings{{
			Summary: "policy too long",
			Detail:  fmt.Sprintf("A script may have %d KiB. Move data into inputs, or split the policy: an access takes a list of them.", maxScript>>10),
			At:      s.rangeAt(0, 0),
		}}
	}
	if s.origin == nil && s.language() == api.LoaderJS && strings.Count(s.Text, ":") > maxColons {
		return engine.Findings{{
			Summary: "policy too long",
			Detail:  fmt.Sprintf("A script may have %d colons. Move tables into inputs.", maxColons),
			At:      s.rangeAt(0, 0),
		}}
	}
	if at := tooDeep(s.Text); at >= 0 {
		return engine.Findings{{
			Summary: "policy too deeply nested",
			Detail:  fmt.Sprintf("Nesting may be %d deep. Give the inner parts names of their own.", maxNesting),
			At:      s.rangeAt(at, 1),
		}}
	}
	return nil
}

// tooDeep returns the first byte whose brackets nest too deep, or -1. It
// counts in strings and comments too: to be simple, and because none has so
// many. What nests without brackets is bounded by the length of a script.
func tooDeep(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{':
			if depth++; depth > maxNesting {
				return i
			}
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return -1
}

func (s scriptSource) syntaxFindings(err error) engine.Findings {
	var list parser.ErrorList
	if !errors.As(err, &list) {
		return engine.Findings{{Summary: "invalid JavaScript", Detail: oneLine(err.Error()), At: s.rangeAt(0, 0)}}
	}
	var found engine.Findings
	lines := map[int]bool{}
	for _, one := range list {
		offset := s.offset(one.Position)
		at := s.rangeAt(offset, 1)
		if lines[at.Start.Line] || len(found) == maxFindings {
			continue // what follows on the same line is mostly its echo
		}
		lines[at.Start.Line] = true
		found = append(found, s.syntaxFinding(one.Message, offset, at))
	}
	return found
}

// syntaxFinding says what the parser said, in words that help more where the
// reason can be told.
func (s scriptSource) syntaxFinding(message string, offset int, at engine.Range) engine.Finding {
	detail := "The script is the body of function(request, inputs), in strict mode: statements that end in return true or return false."
	word := s.wordAt(offset)
	switch {
	case word == "import" || word == "export":
		return engine.Finding{
			Summary: fmt.Sprintf("%s is only for scripts in files of their own", word),
			Detail:  "Put the script into a file whose name ends in .js or .ts, name it by script_file, and write export default before its function (request, inputs).",
			At:      at,
		}
	case offset >= len(s.Text):
		detail = "The script ends where something is still open: look for a missing }, ) or quote."
	case strings.Contains(message, "reserved word"):
		detail = fmt.Sprintf("%q is a word of the language and cannot be used here.", word)
	case pythonic(s.Text):
		detail = "This looks like Python. Policies are JavaScript: if (!jwt) return false; and jwt.sub === \"…\"."
	}
	return engine.Finding{Summary: "invalid JavaScript: " + lowerFirst(oneLine(message)), Detail: detail, At: at}
}

// pythonic says whether a script that does not parse was written for authentik.
func pythonic(script string) bool {
	for _, sign := range []string{"if not ", "return True", "return False", " None", "elif ", "def "} {
		if strings.Contains(script, sign) {
			return true
		}
	}
	return false
}

// wordAt is the identifier at or just before the offset.
func (s scriptSource) wordAt(offset int) string {
	letter := func(i int) bool {
		c := s.Text[i]
		return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	offset = min(max(offset, 0), len(s.Text))
	start, end := offset, offset
	for start > 0 && letter(start-1) {
		start--
	}
	for end < len(s.Text) && letter(end) {
		end++
	}
	return s.Text[start:end]
}

func (s scriptSource) compileFindings(err error) engine.Findings {
	var syntax *goja.CompilerSyntaxError
	if !errors.As(err, &syntax) || syntax.File == nil {
		return engine.Findings{{Summary: "invalid JavaScript", Detail: oneLine(err.Error()), At: s.rangeAt(0, 0)}}
	}
	offset := syntax.Offset - len(prefix)
	return engine.Findings{{
		Summary: "invalid JavaScript: " + lowerFirst(oneLine(syntax.Message)),
		Detail:  "Policies run in strict mode.",
		At:      s.rangeAt(offset, 1),
	}}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// maxMessage bounds what an exception may put into a log, in bytes.
const maxMessage = 300

// oneLine drops control characters and cuts s to maxMessage bytes.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError:
			return -1
		default:
			return r
		}
	}, s[:min(len(s), 4*maxMessage)])
	if len(s) <= maxMessage {
		return s
	}
	cut := maxMessage - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
