package scripting

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/dop251/goja"

	"github.com/m2md/m2md/engine"
)

// matcher is a pattern of a helper, compiled: an expression of RE2, or a glob.
type matcher struct {
	whole *engine.Pattern // as require_claims have it
	part  *regexp.Regexp
	size  int // instructions of its automaton
}

// compilePattern compiles what regexMatch and regexReplace take.
func compilePattern(source string) (*matcher, error) {
	whole, err := engine.ParsePattern(source)
	if err != nil {
		return nil, patternFault(err)
	}
	part, err := regexp.Compile(source)
	if err != nil {
		return nil, patternFault(err)
	}
	return &matcher{whole: whole, part: part, size: sizeOfAutomaton(source)}, nil
}

// patternFault is what is wrong with a pattern, in one line.
func patternFault(err error) error {
	var wrong *syntax.Error
	switch {
	case !errors.As(err, &wrong):
		return fmt.Errorf("it must have between 1 and %d bytes", maxPattern)
	case wrong.Code == syntax.ErrInvalidPerlOp || wrong.Code == syntax.ErrInvalidEscape:
		return fmt.Errorf("RE2 has no %s", oneLine(wrong.Expr))
	default:
		return errors.New(wrong.Code.String())
	}
}

// sizeOfAutomaton follows the time that a match takes for each character.
func sizeOfAutomaton(source string) int {
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return len(source)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return len(source)
	}
	return len(program.Inst)
}

// compileGlob compiles what glob takes: * for all but a slash, ** for anything,
// ? for one character but a slash; all else stands for itself.
func compileGlob(source string) (*matcher, error) {
	if len(source) > maxPattern {
		return nil, fmt.Errorf("it may have %d bytes", maxPattern)
	}
	var out strings.Builder
	for rest := source; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "**"):
			out.WriteString(`(?s:.*)`)
			rest = rest[2:]
		case rest[0] == '*':
			out.WriteString(`[^/]*`)
			rest = rest[1:]
		case rest[0] == '?':
			out.WriteString(`[^/]`)
			rest = rest[1:]
		default:
			n := strings.IndexAny(rest, "*?")
			if n < 0 {
				n = len(rest)
			}
			out.WriteString(regexp.QuoteMeta(rest[:n]))
			rest = rest[n:]
		}
	}
	part, err := regexp.Compile(`\A(?:` + out.String() + `)\z`)
	if err != nil {
		return nil, errors.New("it is not UTF-8")
	}
	return &matcher{part: part, size: sizeOfAutomaton(out.String())}, nil
}

// patternKey tells patterns from globs of the same text.
type patternKey struct {
	glob   bool
	source string
}

func (k patternKey) compile() (*matcher, error) {
	if k.glob {
		return compileGlob(k.source)
	}
	return compilePattern(k.source)
}

// matcher compiles an argument, unless it stood in the script.
func (c help) matcher(i int, glob bool) *matcher {
	key := patternKey{glob, c.text(i, "pattern")}
	if ready, ok := c.run.patterns[key]; ok {
		return ready
	}
	if ready, ok := c.run.compiled[key]; ok {
		return ready
	}
	c.run.spend(product(64, len(key.source)))
	ready, err := key.compile()
	if err != nil {
		c.fail("was given an invalid pattern: %s", err)
	}
	if c.run.compiled == nil {
		c.run.compiled = map[patternKey]*matcher{}
	}
	c.run.compiled[key] = ready
	return ready
}

// charge pays for one match.
func (p *matcher) charge(run *evaluation, text string) {
	run.spend(product(len(text)+1, 1+p.size/4))
}

// regexMatch says whether the whole of a text matches.
func regexMatch(c help) goja.Value {
	text, p := c.text(0, "text"), c.matcher(1, false)
	p.charge(c.run, text)
	return c.answer(p.whole.Match(text))
}

// globMatch says whether a text is of the form of a path with wildcards.
func globMatch(c help) goja.Value {
	text, p := c.text(0, "text"), c.matcher(1, true)
	p.charge(c.run, text)
	return c.answer(p.part.MatchString(text))
}

// regexReplace replaces every part of a text that matches. In what replaces it
// $1 is a group, $& the part itself, and $$ a dollar, as in JavaScript.
func regexReplace(c help) goja.Value {
	text, p, with := c.text(0, "text"), c.matcher(1, false), c.text(2, "with")
	p.charge(c.run, text)
	pieces := replacement(with)
	var out strings.Builder
	end := 0
	for _, at := range p.part.FindAllStringSubmatchIndex(text, -1) {
		begun := out.Len()
		out.WriteString(text[end:at[0]])
		for _, piece := range pieces {
			out.WriteString(piece.of(text, at))
		}
		end = at[1]
		c.run.spend(out.Len() - begun + len(at))
	}
	out.WriteString(text[end:])
	return c.made(out.String())
}

// piece is a part of what replaces a match: a text, or a group where the text
// is as it was written.
type piece struct {
	text  string
	group int // -1 for the text
}

// of is what a piece stands for in one match.
func (p piece) of(text string, at []int) string {
	switch {
	case p.group < 0:
		return p.text
	case 2*p.group >= len(at):
		return p.text // no such group: as it was written
	case at[2*p.group] < 0:
		return "" // a group that took no part
	default:
		return text[at[2*p.group]:at[2*p.group+1]]
	}
}

// replacement splits what replaces matches at its dollars.
func replacement(with string) []piece {
	var pieces []piece
	for with != "" {
		plain, rest, dollar := strings.Cut(with, "$")
		if plain != "" {
			pieces = append(pieces, piece{plain, -1})
		}
		if !dollar {
			break
		}
		digits := 0
		for digits < min(2, len(rest)) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		group, _ := strconv.Atoi(rest[:digits]) // digits only, or none
		switch {
		case strings.HasPrefix(rest, "$"):
			pieces, rest = append(pieces, piece{"$", -1}), rest[1:]
		case strings.HasPrefix(rest, "&"):
			pieces, rest = append(pieces, piece{"$&", 0}), rest[1:]
		case group > 0:
			pieces, rest = append(pieces, piece{"$" + rest[:digits], group}), rest[digits:]
		default:
			pieces = append(pieces, piece{"$", -1})
		}
		with = rest
	}
	return pieces
}
