package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// maxShown bounds a value of a claim in a trace, in bytes.
const maxShown = 200

// showValue tells a value of a claim so that its type is seen, in one line
// without control characters.
func showValue(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return showText(v)
	case json.Number:
		return "the number " + shorten(v.String(), maxShown)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "the list " + shorten(string(mustEncode(v)), maxShown)
	case map[string]any:
		return "an object with " + showNames(slices.Sorted(maps.Keys(v)))
	default:
		return "something else"
	}
}

// showText quotes a text, cut where it is long.
func showText(s string) string {
	if len(s) <= maxShown {
		return strconv.Quote(s)
	}
	n := maxShown
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(s[:n]), len(s))
}

// showNames lists names of claims, the first of many.
func showNames(names []string) string {
	const most = 12
	if len(names) == 0 {
		return "nothing in it"
	}
	shown := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		shown = append(shown, writtenName(name))
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), len(names)-most)
	}
	return strings.Join(shown, ", ")
}

// isName is a name that needs no quotes in HCL.
var isName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// writtenName is a claim's name as require_claims writes it.
func writtenName(name string) string {
	if isName.MatchString(name) && len(name) <= maxShown {
		return name
	}
	return showText(name)
}

// showRequired tells what a claim must be.
func (r *Requirement) show() string {
	switch {
	case r.Fields != nil:
		names := make([]string, len(r.Fields))
		for i := range r.Fields {
			names[i] = r.Fields[i].Name
		}
		return "an object with " + showNames(names)
	case r.AnyOf != nil:
		const most = 8
		var each []string
		for i := range r.AnyOf[:min(len(r.AnyOf), most)] {
			each = append(each, r.AnyOf[i].show())
		}
		if len(r.AnyOf) > most {
			each = append(each, fmt.Sprintf("%d more", len(r.AnyOf)-most))
		}
		return strings.Join(each, " or ")
	case r.Pattern != nil:
		return "pattern(" + showText(r.Pattern.source) + ")"
	default:
		return showValue(r.Equal)
	}
}

// near tells how little a value misses what it must be; "" where that is not
// to be told in a few words.
func (r *Requirement) near(got any) string {
	if list, ok := got.([]any); ok {
		for _, member := range list {
			if near := r.near(member); near != "" {
				return "of the list, " + showValue(member) + ": " + near
			}
		}
		return ""
	}
	switch {
	case r.AnyOf != nil:
		for i := range r.AnyOf {
			if near := r.AnyOf[i].near(got); near != "" {
				return "from " + r.AnyOf[i].show() + " it " + near
			}
		}
		return ""
	case r.Pattern != nil:
		return r.Pattern.near(got)
	case r.Fields != nil:
		return ""
	default:
		return nearValue(r.Equal, got)
	}
}

// nearValue tells how two values differ, where that is little.
func nearValue(want, got any) string {
	switch want := want.(type) {
	case string:
		switch got := got.(type) {
		case string:
			return nearText(want, got)
		case json.Number, bool:
			if fmt.Sprint(got) == want {
				return fmt.Sprintf("differs in type: the token has %s, required is the text %q", namedType(got), want)
			}
		}
	case json.Number, bool:
		if got, ok := got.(string); ok && got == fmt.Sprint(want) {
			return fmt.Sprintf("differs in type: the token has the text %q, required is %s", got, namedType(want))
		}
	}
	return ""
}

// namedType is a number or a truth value in words.
func namedType(value any) string {
	if _, is := value.(bool); is {
		return fmt.Sprintf("the bare word %v", value)
	}
	return fmt.Sprintf("the number %v", value)
}

// nearText tells how two texts differ, where that is little.
func nearText(want, got string) string {
	switch {
	case want == got:
		return ""
	case strings.EqualFold(want, got):
		return "differs in case"
	case strings.TrimSpace(want) == strings.TrimSpace(got):
		return "differs in white space at an end"
	case want+"/" == got:
		return "differs in a slash at its end, which the token has"
	case want == got+"/":
		return "differs in a slash at its end, which the token lacks"
	case schemeless(want) == schemeless(got):
		return "differs in http and https"
	case strings.EqualFold(strings.TrimSuffix(schemeless(want), "/"), strings.TrimSuffix(schemeless(got), "/")):
		return "differs in case, in a slash at its end, or in http and https"
	case len(want) > 2 && strings.HasSuffix(got, "/"+want):
		return fmt.Sprintf("differs in what stands before it: the token has %s in front", showText(strings.TrimSuffix(got, want)))
	case len(got) > 2 && strings.HasSuffix(want, "/"+got):
		return fmt.Sprintf("differs in what stands before it: the token lacks %s in front", showText(strings.TrimSuffix(want, got)))
	case len(want) > 2 && strings.HasPrefix(got, want):
		return fmt.Sprintf("begins with it, and goes on with %s", showText(strings.TrimPrefix(got, want)))
	case len(got) > 2 && strings.HasPrefix(want, got):
		return fmt.Sprintf("ends too early: %s is missing", showText(strings.TrimPrefix(want, got)))
	}
	return nearLetters(want, got)
}

// schemeless is a URL without http:// or https://.
func schemeless(s string) string {
	s = strings.TrimPrefix(s, "https://")
	return strings.TrimPrefix(s, "http://")
}

// nearLetters tells where texts differ that differ in one or two letters.
func nearLetters(want, got string) string {
	if len(want) < 4 || len(want) > maxShown || len(got) > maxShown || levenshtein.Distance(want, got, nil) > 2 {
		return ""
	}
	w, g := []rune(want), []rune(got)
	i := 0
	for i < len(w) && i < len(g) && w[i] == g[i] {
		i++
	}
	rest := func(r []rune) string {
		if i >= len(r) {
			return "its end"
		}
		if r[i] > '~' { // which may look like a letter that it is not
			return fmt.Sprintf("%q (%U)", r[i], r[i])
		}
		return strconv.QuoteRune(r[i])
	}
	return fmt.Sprintf("differs at character %d: the token has %s, required is %s", i+1, rest(g), rest(w))
}

// near tells which part of a pattern a value does not match.
func (p *Pattern) near(got any) string {
	s, ok := got.(string)
	if !ok {
		return "a pattern matches texts only"
	}
	if len(s) > maxSubject {
		return ""
	}
	if re, err := regexp.Compile(`(?i)\A(?:` + p.source + `)\z`); err == nil && re.MatchString(s) {
		return "differs in case"
	}
	if re, err := regexp.Compile(p.source); err == nil && p.source != "" {
		if at := re.FindStringIndex(s); at != nil && at[1] > at[0] {
			return fmt.Sprintf("the pattern matches only %s of it, and must match the whole", showText(s[at[0]:at[1]]))
		}
	}
	return p.matchedPart(s)
}

// matchedPart tells how far a text goes along with a pattern.
func (p *Pattern) matchedPart(s string) string {
	parsed, err := syntax.Parse(p.source, syntax.Perl)
	if err != nil || parsed.Op != syntax.OpConcat {
		return ""
	}
	parts := partsOf(parsed)
	for n := len(parts) - 1; n > 0; n-- {
		begin := &syntax.Regexp{Op: syntax.OpConcat, Sub: parts[:n]}
		re, err := regexp.Compile(`\A(?:` + begin.String() + `)`)
		if err != nil {
			return ""
		}
		if at := re.FindStringIndex(s); at != nil && at[1] > 0 {
			rest := &syntax.Regexp{Op: syntax.OpConcat, Sub: parts[n:]}
			return fmt.Sprintf("%s goes along with the pattern, and then %s does not match %s", showText(s[:at[1]]), showText(s[at[1]:]), showText(rest.String()))
		}
	}
	return ""
}

// partsOf are the parts of an expression that follow each other, each letter by
// itself.
func partsOf(whole *syntax.Regexp) (parts []*syntax.Regexp) {
	for _, sub := range whole.Sub {
		if sub.Op != syntax.OpLiteral {
			parts = append(parts, sub)
			continue
		}
		for _, letter := range sub.Rune {
			parts = append(parts, &syntax.Regexp{Op: syntax.OpLiteral, Flags: sub.Flags, Rune: []rune{letter}})
		}
	}
	return parts
}

// nearName tells of a claim that may be meant by a name that is not there.
func nearName(name string, there map[string]any) string {
	names := slices.Sorted(maps.Keys(there))
	like := func(is func(string) bool) string {
		if i := slices.IndexFunc(names, is); i >= 0 {
			return "the token has " + writtenName(names[i])
		}
		return ""
	}
	if found := like(func(n string) bool { return strings.EqualFold(n, name) }); found != "" {
		return found
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	if found := like(func(n string) bool { return plain(n) == plain(name) }); found != "" {
		return found
	}
	if found := like(func(n string) bool { return n == name+"_id" || n+"_id" == name || n == name+"_path" }); found != "" {
		return found
	}
	if found := like(func(n string) bool { return levenshtein.Distance(n, name, nil) <= 2 && len(name) > 3 }); found != "" {
		return found
	}
	for _, outer := range names {
		if inside, ok := there[outer].(map[string]any); ok {
			if _, has := inside[name]; has {
				return fmt.Sprintf("the token has it inside of %s", writtenName(outer))
			}
		}
	}
	return like(func(n string) bool {
		return len(name) > 3 && (strings.HasPrefix(n, name) || strings.HasPrefix(name, n+"_"))
	})
}
