package plan

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/m2md/m2md/engine"
)

// maxExample bounds an example of a pattern in bytes.
const maxExample = 512

// words stand where a pattern takes anything: such as an attacker would choose,
// and such as reads well.
var words = [...]string{"another", "x", "someone-else", "0"}

// examples are texts that match a pattern, each made by other choices; fewer
// where there are no more, none where none was found.
func examples(p *engine.Pattern, most int) []string {
	parsed, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	var found []string
	for variant := range 4 * most {
		g := &generator{variant: variant, choice: variant}
		g.node(parsed)
		if text := g.text.String(); len(text) <= maxExample && p.Match(text) && !slices.Contains(found, text) {
			found = append(found, text)
		}
		if len(found) == most {
			break
		}
	}
	return found
}

// generator writes one text that an expression matches, but for what it says of
// the text around.
type generator struct {
	text    strings.Builder
	variant int
	choice  int // what is left of variant for alternatives
}

func (g *generator) node(re *syntax.Regexp) {
	if g.text.Len() > maxExample {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		g.text.WriteString(string(re.Rune))
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.text.WriteRune(g.rune(re))
	case syntax.OpCapture:
		g.node(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			g.node(sub)
		}
	case syntax.OpAlternate:
		i := g.choice % len(re.Sub)
		g.choice /= len(re.Sub)
		g.node(re.Sub[i])
	case syntax.OpStar:
		g.repeat(re.Sub[0], 0, -1)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1, -1)
	case syntax.OpQuest:
		g.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		g.repeat(re.Sub[0], re.Min, re.Max)
	}
}

// repeat writes a word where single characters are repeated, and else as few as
// may be, or one more.
func (g *generator) repeat(re *syntax.Regexp, fewest, most int) {
	word := words[g.variant%len(words)]
	if single(re) && (most < 0 || most >= len(word)) && fewest <= len(word) && !strings.ContainsFunc(word, func(r rune) bool { return !takes(re, r) }) {
		g.text.WriteString(word)
		return
	}
	n := fewest
	if n == 0 && g.variant%2 == 0 {
		n = 1
	}
	for range n {
		g.node(re)
	}
}

func single(re *syntax.Regexp) bool {
	return re.Op == syntax.OpCharClass || re.Op == syntax.OpAnyChar || re.Op == syntax.OpAnyCharNotNL
}

// takes says whether an expression for one character takes it.
func takes(re *syntax.Regexp, r rune) bool {
	switch re.Op {
	case syntax.OpAnyChar:
		return true
	case syntax.OpAnyCharNotNL:
		return r != '\n'
	}
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i] <= r && r <= re.Rune[i+1] {
			return true
		}
	}
	return false
}

// rune is a character that reads well, where the class has one.
func (g *generator) rune(re *syntax.Regexp) rune {
	const readable = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./:@"
	start := g.variant * 7 % len(readable)
	for i := range len(readable) {
		if r := rune(readable[(start+i)%len(readable)]); takes(re, r) {
			return r
		}
	}
	if len(re.Rune) > 1 {
		return re.Rune[1]
	}
	return unicode.ReplacementChar
}

// otherwise are texts like one that mean somebody else: another of the same
// owner, the same of another owner, another id.
func otherwise(text string) []string {
	digits := strings.TrimLeft(text, "0123456789") == ""
	switch last := strings.LastIndexByte(text, '/'); {
	case text == "":
		return []string{"another"}
	case digits:
		return []string{"999999"}
	case last > 0 && last < len(text)-1:
		first := strings.IndexByte(text, '/')
		return []string{text[:last+1] + "another", "someone-else" + text[first:]}
	case strings.HasPrefix(text, "http"):
		return []string{text + "/another"}
	default:
		return []string{"another"}
	}
}
