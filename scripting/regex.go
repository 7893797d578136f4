package scripting

import (
	"errors"
	"math"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"
)

// goja runs a regular expression with RE2, in linear time, where it can, and
// else by backtracking, where a claim that somebody chose for it can take hours.
// Patterns that RE2 cannot run are refused; with the flags g and y some of the
// others are backtracked too (see backtracks), for no longer than this.
const (
	// matchTimeout is when regexp2 gives up, and clockPeriod how often it looks
	// at the clock. It then says "no match", which would let in where the test
	// is negated: maxMatch, which is less, ends the run before.
	matchTimeout = 20 * time.Millisecond
	clockPeriod  = 2 * time.Millisecond
	maxMatch     = 15 * time.Millisecond

	// maxPattern bounds a pattern that is made at run time, in characters.
	maxPattern = 1024
)

// pattern finds what is wrong with a regular expression that stands in a
// script, and notes the size of one that is right.
func (a *analysis) pattern(n *ast.RegExpLiteral) {
	size, why := automaton(n.Pattern, n.Flags)
	if why != "" {
		a.refuse(n.Idx, n.Literal, "Regular expression needs backtracking", "It has "+why+
			", which no engine matches in linear time: whoever chooses the text could stall the policy. Write it without, or as two tests.")
		return
	}
	a.sizes[n.Pattern] = max(size, a.sizes[n.Pattern])
}

// automaton measures what RE2 makes of a pattern, in instructions, or says what
// of it RE2 cannot run. Of what is no pattern at all both are zero.
func automaton(pattern, flags string) (size int, why string) {
	re2, err := parser.TransformRegExp(pattern, strings.Contains(flags, "s"), strings.Contains(flags, "u"))
	var incompatible parser.RegexpErrorIncompatible
	if errors.As(err, &incompatible) {
		return 0, construct(incompatible.Error())
	}
	if err != nil {
		return 0, ""
	}
	parsed, err := syntax.Parse(re2, syntax.Perl)
	if fault := new(syntax.Error); errors.As(err, &fault) && fault.Code == syntax.ErrInvalidRepeatSize {
		return 0, "a part that repeats more than 1000 times"
	}
	if err != nil {
		return 0, ""
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, ""
	}
	return len(program.Inst), ""
}

// construct is goja's reason in words.
func construct(reason string) string {
	switch {
	case strings.Contains(reason, "lookahead"):
		return "a look-ahead"
	case strings.Contains(reason, "lookbehind"):
		return "a look-behind"
	case strings.Contains(reason, "group name"):
		return "a group whose name is not of the letters a to z (others are backtracked)"
	case strings.Contains(reason, "S in class"):
		return `\S within [ ]`
	default:
		return "a back-reference"
	}
}

// match guards what runs a regular expression.
func match(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		if object, ok := call.This.(*goja.Object); ok && object.ClassName() == "RegExp" {
			call.Arguments = []goja.Value{call.Argument(0).ToString()}
			return run.timed(next, call, object, call.Arguments[0])
		}
		call.This, call.Arguments = run.text(call.This), plain(call.Arguments)
		return run.timed(next, call, call.Argument(0), call.This)
	}
}

// pattern guards what makes a regular expression of a string by itself.
func pattern(run *evaluation, next native) native {
	matching := match(run, next)
	return func(call goja.FunctionCall) goja.Value {
		if object, ok := call.Argument(0).(*goja.Object); !ok || object.ClassName() != "RegExp" {
			call.Arguments = plain(call.Arguments)
			if len(call.Arguments) > 0 {
				run.checkPattern(call.Arguments[0], "")
			}
		}
		return matching(call)
	}
}

// split pays for each part as well.
func split(run *evaluation, next native) native {
	matching := match(run, next)
	return func(call goja.FunctionCall) goja.Value {
		call.This = run.text(call.This)
		run.spend(4 * sizeOf(call.This))
		return matching(call)
	}
}

// checkPattern throws where a pattern that was made at run time is not for RE2.
func (run *evaluation) checkPattern(pattern goja.Value, flags string) {
	run.spend(64 * sizeOf(pattern))
	if sizeOf(pattern) > maxPattern {
		panic(run.rt.NewTypeError("a pattern may have %d characters", maxPattern))
	}
	size, why := automaton(pattern.String(), flags)
	if why != "" {
		panic(run.rt.NewTypeError("a pattern may not have " + why))
	}
	run.spend(4 * size)
	if run.made == nil {
		run.made = map[string]int{}
	}
	run.made[pattern.String()] = size
}

// matchCost follows the size of a pattern's automaton, as RE2 takes time in the
// product of that and the text; and what its groups make.
func (run *evaluation) matchCost(pattern goja.Value, text int) int {
	regex, ok := pattern.(*goja.Object)
	if !ok || regex.ClassName() != "RegExp" {
		return text
	}
	source := ""
	if s := regex.Get("source"); s != nil && goja.IsString(s) {
		source = s.String()
	}
	size, ok := run.sizes[source]
	if !ok {
		if size, ok = run.made[source]; !ok { // the engine writes it otherwise
			size = max(len(source), largest(run.sizes), largest(run.made))
		}
	}
	return min(product(1+size/8, text)+strings.Count(source, "("), math.MaxInt32)
}

func largest(sizes map[string]int) int {
	n := 0
	for _, size := range sizes {
		n = max(n, size)
	}
	return n
}

// timed runs a match, and ends the run where it was backtracked for so long
// that the engine may have given up and called that "no match".
func (run *evaluation) timed(next native, call goja.FunctionCall, pattern, text goja.Value) goja.Value {
	paid := run.payMatch(call.This, pattern, text)
	if !backtracks(call.This, pattern, text) {
		v := next(call)
		paid(v.ToBoolean())
		return v
	}
	run.use(max(0, run.left-(budget-light)+1)) // it may take long, which no units tell
	began := time.Now()
	v := next(call)
	if time.Since(began) > maxMatch {
		run.stop(errRegex)
	}
	paid(v.ToBoolean())
	return v
}

// payMatch pays for a match, by what it returns once the match is over where
// only then is known how far it went: one of several in the same text.
func (run *evaluation) payMatch(this, pattern, text goja.Value) (after func(found bool)) {
	regex, ok := pattern.(*goja.Object)
	if !ok || this != pattern || !resumes(regex) {
		run.spend(run.matchCost(pattern, sizeOf(text)))
		return func(bool) {}
	}
	from := min(clamp(regex.Get("lastIndex")), sizeOf(text))
	if run.matchCost(pattern, sizeOf(text)-from) > run.left {
		run.stop(errBudget)
	}
	return func(found bool) {
		to := sizeOf(text)
		if found {
			to = min(max(from, clamp(regex.Get("lastIndex"))), to)
		}
		run.spend(8 + run.matchCost(pattern, to-from))
	}
}

// backtracks says whether goja may match with the other engine: where a match
// begins after the start of the text, or where it looks for several in text
// beyond ASCII.
func backtracks(this, pattern, text goja.Value) bool {
	regex, ok := pattern.(*goja.Object)
	if !ok || regex.ClassName() != "RegExp" {
		return false
	}
	if this == pattern {
		return resumes(regex) && clamp(regex.Get("lastIndex")) > 0
	}
	return has(regex, "sticky") || len(text.String()) != sizeOf(text)
}

// resumes says whether a match begins where the last one ended.
func resumes(regex *goja.Object) bool { return has(regex, "global") || has(regex, "sticky") }

func has(regex *goja.Object, flag string) bool {
	v := regex.Get(flag)
	return v != nil && v.ToBoolean()
}
