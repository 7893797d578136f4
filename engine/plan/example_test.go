package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
)

func pattern(t *testing.T, source string) *engine.Pattern {
	t.Helper()
	p, err := engine.ParsePattern(source)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Each pattern that authors write has examples, which match it.
func TestPatternsHaveExamplesThatMatch(t *testing.T) {
	for source, one := range map[string]string{
		`acme/.*`:               "acme/another",
		`.*`:                    "another",
		`repo:acme/.+:ref:.*`:   "repo:acme/another:ref:another",
		`acme/(api|web)`:        "acme/web",
		`v[0-9]+\.[0-9]+`:       "v0.0",
		`[a-z]{3,8}-prod`:       "another-prod",
		`refs/(heads|tags)/\S+`: "refs/tags/x",
		`(?i)main`:              "MAIN",
		`\d{4}`:                 "",
		`^acme$`:                "acme",
		`[^a-z]+`:               "",
		`(a|b)*c?`:              "",
		`\p{Greek}+`:            "",
		`[\x00-\x1f]`:           "",
		`x{0,3}y`:               "xy",
	} {
		found := examples(pattern(t, source), 6)
		if len(found) == 0 {
			t.Errorf("%s has none", source)
		}
		if one != "" && !slices.ContainsFunc(found, func(s string) bool { return strings.EqualFold(s, one) }) {
			t.Errorf("%s has %q, but not %q", source, found, one)
		}
	}
}

// A hostile pattern takes no time and no memory, and may have no example.
func TestAPatternThatIsHugeEndsSoon(t *testing.T) {
	for _, source := range []string{`(((a{30}){30})b)+`, `(a|b|c|d|e|f){500}`, strings.Repeat("(", 200) + "a" + strings.Repeat(")*", 200)} {
		for _, one := range examples(pattern(t, source), 6) {
			if len(one) > maxExample {
				t.Errorf("%s has an example of %d bytes", source, len(one))
			}
		}
	}
}

// What is taken for implied is: whatever value fulfils the one fulfils the other.
func TestWhatIsImpliedHoldsForValues(t *testing.T) {
	equal := func(v any) *engine.Requirement { return &engine.Requirement{Equal: v} }
	anyOf := func(all ...any) *engine.Requirement {
		r := &engine.Requirement{}
		for _, one := range all {
			r.AnyOf = append(r.AnyOf, *equal(one))
		}
		return r
	}
	like := func(source string) *engine.Requirement { return &engine.Requirement{Pattern: pattern(t, source)} }
	fields := func(pairs ...any) *engine.Requirement {
		r := &engine.Requirement{Fields: []engine.FieldRequirement{}}
		for i := 0; i < len(pairs); i += 2 {
			r.Fields = append(r.Fields, engine.FieldRequirement{Name: pairs[i].(string), Requirement: *pairs[i+1].(*engine.Requirement)})
		}
		return r
	}
	for _, tt := range []struct {
		a, b *engine.Requirement
		want bool
	}{
		{nil, nil, true},
		{equal("x"), nil, true},
		{nil, equal("x"), false},
		{equal("x"), equal("x"), true},
		{equal("x"), equal("y"), false},
		{equal("true"), equal(true), false},
		{equal("x"), anyOf("x", "y"), true},
		{anyOf("x", "y"), equal("x"), false},
		{anyOf("x", "y"), anyOf("z", "y", "x"), true},
		{equal("acme/api"), like("acme/.*"), true},
		{equal("evil/api"), like("acme/.*"), false},
		{anyOf("acme/a", "evil/b"), like("acme/.*"), false},
		{like("acme/.*"), like("acme/.*"), true},
		{like("acme/.*"), like(".*"), false}, // though it is: nothing is known of two patterns
		{like("acme"), equal("acme"), false},
		{fields("a", equal("x"), "b", equal("y")), fields("a", equal("x")), true},
		{fields("a", equal("x")), fields("a", equal("x"), "b", equal("y")), false},
		{fields("a", fields("c", equal("x"))), fields("a", fields("c", anyOf("x", "z"))), true},
		{fields("a", equal("x")), equal("x"), false},
		{equal("x"), fields("a", equal("x")), false},
	} {
		if got := implies(tt.a, tt.b); got != tt.want {
			t.Errorf("%s implies %s: %v", write(tt.a), write(tt.b), got)
		}
	}
}
