package lint

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/m2md/m2md/engine"
)

// beginning is how some of what a pattern matches begins, or the whole of it.
type beginning struct {
	text  string
	whole bool // nothing follows
}

// Bounds of what is spelled out of a pattern: beyond them, it counts as open.
const (
	maxBeginnings = 64
	maxRunes      = 8 // of a class
)

// beginnings are how what the pattern matches begins, each of its alternatives
// up to where it is open.
func beginnings(p *engine.Pattern) []beginning {
	re, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil { // which no engine.Pattern is
		return []beginning{{}}
	}
	return begin(re)
}

func begin(re *syntax.Regexp) []beginning {
	switch re.Op {
	case syntax.OpLiteral:
		return []beginning{{string(re.Rune), true}}
	case syntax.OpCharClass:
		return beginClass(re.Rune)
	case syntax.OpCapture:
		return begin(re.Sub[0])
	case syntax.OpConcat:
		return beginAll(re.Sub)
	case syntax.OpAlternate:
		var all []beginning
		for _, sub := range re.Sub {
			all = append(all, begin(sub)...)
		}
		return bounded(all)
	case syntax.OpQuest:
		return bounded(append([]beginning{{"", true}}, begin(re.Sub[0])...))
	case syntax.OpPlus:
		return opened(begin(re.Sub[0]))
	case syntax.OpRepeat:
		return beginRepeat(re)
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []beginning{{"", true}}
	default: // anything
		return []beginning{{}}
	}
}

func beginClass(ranges []rune) []beginning {
	var all []beginning
	for i := 0; i+1 < len(ranges); i += 2 {
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if len(all) == maxRunes {
				return []beginning{{}}
			}
			all = append(all, beginning{string(r), true})
		}
	}
	return all
}

// beginAll is one after the other.
func beginAll(subs []*syntax.Regexp) []beginning {
	all := []beginning{{"", true}}
	for _, sub := range subs {
		var next []beginning
		tails := begin(sub)
		for _, head := range all {
			if !head.whole {
				next = append(next, head)
				continue
			}
			for _, tail := range tails {
				next = append(next, beginning{head.text + tail.text, tail.whole})
			}
		}
		if len(next) > maxBeginnings {
			return opened(all)
		}
		all = next
	}
	return all
}

func beginRepeat(re *syntax.Regexp) []beginning {
	if re.Min == 0 {
		return []beginning{{}}
	}
	all := beginAll(slices.Repeat([]*syntax.Regexp{re.Sub[0]}, min(re.Min, maxRunes)))
	if re.Max == re.Min && re.Min <= maxRunes {
		return all
	}
	return opened(all)
}

func opened(all []beginning) []beginning {
	out := slices.Clone(all)
	for i := range out {
		out[i].whole = false
	}
	return out
}

func bounded(all []beginning) []beginning {
	if len(all) > maxBeginnings {
		return []beginning{{}}
	}
	return all
}

// finite says whether a pattern matches only what could be listed.
func finite(p *engine.Pattern) bool {
	return !slices.ContainsFunc(beginnings(p), func(b beginning) bool { return !b.whole })
}

// universal says whether a pattern matches whatever a claim may be.
func universal(p *engine.Pattern) bool {
	for _, sample := range []string{"0", "zq", "a-b_c.d", "repo:a/b:ref:refs/heads/c", "Q@x.invalid", "https://x.invalid/y"} {
		if !p.Match(sample) {
			return false
		}
	}
	return true
}

// matchesInside says whether an open part of the pattern may match what holds
// that character.
func matchesInside(re *syntax.Regexp, r rune) bool {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i] <= r && r <= re.Rune[i+1] {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return matchesInside(sub, r) })
}

// isOpen says whether an expression repeats something without naming it.
func isOpen(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar, syntax.OpPlus:
		return true
	case syntax.OpRepeat:
		return re.Max < 0 || re.Max > maxRunes
	}
	return slices.ContainsFunc(re.Sub, isOpen)
}

// splits says whether the pattern takes a text apart: something that may hold
// the separator, and text of its own behind it.
func splits(p *engine.Pattern, separator rune) bool {
	re, err := syntax.Parse(p.String(), syntax.Perl)
	return err == nil && splitsAt(re, separator)
}

func splitsAt(re *syntax.Regexp, separator rune) bool {
	if re.Op != syntax.OpConcat {
		return (re.Op == syntax.OpCapture || re.Op == syntax.OpAlternate) &&
			slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return splitsAt(sub, separator) })
	}
	open := false
	for _, sub := range re.Sub {
		if open && hasLetters(sub) {
			return true
		}
		open = open || isOpen(sub) && matchesInside(sub, separator)
	}
	return slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return splitsAt(sub, separator) })
}

func hasLetters(re *syntax.Regexp) bool {
	if re.Op == syntax.OpLiteral {
		return slices.ContainsFunc(re.Rune, unicode.IsLetter)
	}
	return slices.ContainsFunc(re.Sub, hasLetters)
}

// patterns are the findings about how patterns are written, whatever the claim.
func patterns() family {
	return family{
		rules: []Rule{{
			ID: "WIF007", Title: "a pattern that matches more than it seems to", Severity: engine.Warning,
			Why: "In a pattern, a dot is any character: acme.example also matches acmeXexample, which somebody else may register. " +
				"An alternative without a group goes to the end of the pattern: refs/heads/main|release matches the whole value release, not refs/heads/release. " +
				"Patterns always match the whole value, so they need no ^ and $.",
			Fault: `access "ci" {
  from = [oauth_source.github]
  require_claims = {
    repository_id    = "5678"
    job_workflow_ref = pattern("acme/ci/.github/workflows/deploy[.]yml@refs/tags/v[0-9]+")
  }
}`,
			Fix: `access "ci" {
  from = [oauth_source.github]
  require_claims = {
    repository_id    = "5678"
    job_workflow_ref = pattern("acme/ci/[.]github/workflows/deploy[.]yml@refs/tags/v[0-9]+")
  }
}`,
		}},
		check: func(l *linter) {
			l.each(func(_ *way, a asked) {
				for _, p := range a.patterns {
					switch {
					case bareDot(p.String()):
						l.warn("WIF007", a.at, "a dot in the pattern is any character", "It stands among text, as if it were itself. Write [.] for a dot, and .* for whatever may follow.")
					case loseAlternative(p.String()):
						l.warn("WIF007", a.at, "the alternatives of the pattern are of different forms", "What stands before and behind | are whole values, and one of them has separators that the other lacks. Put what varies into brackets: refs/heads/(main|release).")
					}
				}
			})
		},
	}
}

// scan walks over an expression and gives each character that is neither
// escaped nor in a class, with how deep in groups it stands.
func scan(expression string, visit func(i int, c byte, depth int)) {
	depth, class := 0, false
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
			if strings.HasPrefix(expression[i+1:], "^]") { // a bracket that comes first is itself
				i += 2
			} else if strings.HasPrefix(expression[i+1:], "]") {
				i++
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
		default:
			visit(i, c, depth)
		}
	}
}

// bareDot says whether a dot stands between text, unescaped and not repeated.
func bareDot(expression string) bool {
	bare := false
	scan(expression, func(i int, c byte, _ int) {
		if c != '.' || i == 0 || i+1 >= len(expression) {
			return
		}
		before, after := rune(expression[i-1]), rune(expression[i+1])
		follows := isWord(before) || strings.ContainsRune("/:@-", before)
		bare = bare || follows && isWord(after)
	})
	return bare
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// loseAlternative says whether some alternatives, in no group, have separators
// and others have none.
func loseAlternative(expression string) bool {
	var parts []string
	start := 0
	scan(expression, func(i int, c byte, depth int) {
		if c == '|' && depth == 0 {
			parts, start = append(parts, expression[start:i]), i+1
		}
	})
	if parts = append(parts, expression[start:]); len(parts) < 2 {
		return false
	}
	separated := func(s string) bool { return strings.ContainsAny(s, "/:") }
	return slices.ContainsFunc(parts, separated) && slices.ContainsFunc(parts, func(s string) bool { return !separated(s) && s != "" })
}
