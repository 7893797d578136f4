package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// decodeClaims decodes claims as a JWT's payload is: numbers keep their digits.
func decodeClaims(t testing.TB, text string) engine.Claims {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var claims engine.Claims
	if err := decoder.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestRequireClaims(t *testing.T) {
	pattern := enginetest.Pattern
	type object = map[string]any
	type list = []any
	tests := []struct {
		name    string
		require any
		claims  string
		want    bool
	}{
		{"a string", object{"a": "x"}, `{"a":"x"}`, true},
		{"another string", object{"a": "x"}, `{"a":"X"}`, false},
		{"a string with a space", object{"a": "x"}, `{"a":"x "}`, false},
		{"an absent claim", object{"a": "x"}, `{}`, false},
		{"null", object{"a": "x"}, `{"a":null}`, false},
		{"two claims", object{"a": "x", "b": "y"}, `{"a":"x","b":"y","c":"z"}`, true},
		{"one of two claims", object{"a": "x", "b": "y"}, `{"a":"x"}`, false},

		{"true", object{"a": true}, `{"a":true}`, true},
		{"false", object{"a": false}, `{"a":false}`, true},
		{"false for true", object{"a": true}, `{"a":false}`, false},
		{`"true" for true`, object{"a": true}, `{"a":"true"}`, false},
		{`true for "true"`, object{"a": "true"}, `{"a":true}`, false},
		{`"true"`, object{"a": "true"}, `{"a":"true"}`, true},
		{"false for an absent claim", object{"a": false}, `{}`, false},

		{"a number", object{"a": 1234}, `{"a":1234}`, true},
		{"a number as a string", object{"a": 1234}, `{"a":"1234"}`, false},
		{"a string as a number", object{"a": "1234"}, `{"a":1234}`, false},
		{"1.0 for 1", object{"a": 1}, `{"a":1.0}`, true},
		{"1e0 for 1", object{"a": 1}, `{"a":1e0}`, true},
		{"-0 for 0", object{"a": 0}, `{"a":-0}`, true},
		{"0 for false", object{"a": false}, `{"a":0}`, false},
		{"a fraction", object{"a": json.Number("0.5")}, `{"a":5e-1}`, true},
		{"2^53", object{"a": json.Number("9007199254740992")}, `{"a":9007199254740992}`, true},
		{"2^53+1 for 2^53", object{"a": json.Number("9007199254740992")}, `{"a":9007199254740993}`, false},
		{"2^53 for 2^53+1", object{"a": json.Number("9007199254740993")}, `{"a":9007199254740992}`, false},
		{"2^53.0 for 2^53+1", object{"a": json.Number("9007199254740993")}, `{"a":9007199254740992.0}`, false},
		{"the greatest int64", object{"a": json.Number("9223372036854775807")}, `{"a":9223372036854775807}`, true},
		{"its neighbour", object{"a": json.Number("9223372036854775807")}, `{"a":9223372036854775806}`, false},
		{"the greatest uint64", object{"a": json.Number("18446744073709551615")}, `{"a":18446744073709551615}`, true},
		{"its neighbour", object{"a": json.Number("18446744073709551615")}, `{"a":18446744073709551614}`, false},
		{"beyond any float", object{"a": json.Number("1e400")}, `{"a":1e401}`, false},
		{"a number for a huge one", object{"a": 1}, `{"a":1e400}`, false},

		{"any of", object{"a": list{"x", "y"}}, `{"a":"y"}`, true},
		{"none of", object{"a": list{"x", "y"}}, `{"a":"z"}`, false},
		{"any of two types", object{"a": list{"x", true}}, `{"a":true}`, true},
		{"a list that holds it", object{"a": "x"}, `{"a":["w","x"]}`, true},
		{"a list that does not", object{"a": "x"}, `{"a":["w"]}`, false},
		{"an empty list", object{"a": "x"}, `{"a":[]}`, false},
		{"an empty list for false", object{"a": false}, `{"a":[]}`, false},
		{"any of, in a list", object{"a": list{"x", "y"}}, `{"a":["w","y"]}`, true},
		{"a list in a list", object{"a": "x"}, `{"a":[["x"]]}`, false},
		{"a list of its characters", object{"a": "xy"}, `{"a":["x","y"]}`, false},

		{"nested", object{"k": object{"ns": "prom", "sa": object{"name": "p"}}}, `{"k":{"ns":"prom","sa":{"name":"p","uid":"u"}}}`, true},
		{"nested, another", object{"k": object{"ns": "prom", "sa": object{"name": "p"}}}, `{"k":{"ns":"prom","sa":{"name":"q"}}}`, false},
		{"nested, absent", object{"k": object{"ns": "prom"}}, `{"k":{}}`, false},
		{"an object that is a string", object{"k": object{"ns": "prom"}}, `{"k":"prom"}`, false},
		{"a string that is an object", object{"k": "prom"}, `{"k":{"prom":"prom"}}`, false},
		{"a dot is a character like any other", object{"kubernetes.io": object{"ns": "prom"}}, `{"kubernetes.io":{"ns":"prom"}}`, true},
		{"a dot is no path", object{"kubernetes.io": "x"}, `{"kubernetes":{"io":"x"}}`, false},
		{"an object in a list", object{"k": object{"a": "x", "b": "y"}}, `{"k":[{"a":"x"},{"a":"x","b":"y"}]}`, true},
		{"halves of an object in a list", object{"k": object{"a": "x", "b": "y"}}, `{"k":[{"a":"x"},{"b":"y"}]}`, false},

		{"a pattern", object{"a": pattern("refs/heads/.*")}, `{"a":"refs/heads/main"}`, true},
		{"a pattern matches the whole", object{"a": pattern("acme/api")}, `{"a":"acme/api-evil"}`, false},
		{"a pattern from the start", object{"a": pattern("acme/api")}, `{"a":"evil/acme/api"}`, false},
		{"an alternation is anchored on both sides", object{"a": pattern("a|b")}, `{"a":"ax"}`, false},
		{"an alternation is anchored on both sides too", object{"a": pattern("a|b")}, `{"a":"xb"}`, false},
		{"an alternation", object{"a": pattern("a|b")}, `{"a":"b"}`, true},
		{"an alternation with own anchors", object{"a": pattern("^a$|^b$")}, `{"a":"b"}`, true},
		{"an alternation with half anchors", object{"a": pattern("^https://a.example|https://b.example$")}, `{"a":"https://a.example.evil.test"}`, false},
		{"a line break behind the match", object{"a": pattern("main")}, `{"a":"main\n"}`, false},
		{"a line of several", object{"a": pattern("(?m)^main$")}, `{"a":"evil\nmain"}`, false},
		{"a dot matches no line break", object{"a": pattern("a.*")}, `{"a":"a\nb"}`, false},
		{"a flag", object{"a": pattern("(?i)main")}, `{"a":"MAIN"}`, true},
		{"a flag ends with its pattern", object{"a": pattern("(?i:m)ain")}, `{"a":"MAIN"}`, false},
		{"a pattern of a number", object{"a": pattern("1")}, `{"a":1}`, false},
		{"a pattern of true", object{"a": pattern(".*")}, `{"a":true}`, false},
		{"a pattern of null", object{"a": pattern(".*")}, `{"a":null}`, false},
		{"a pattern of an absent claim", object{"a": pattern(".*")}, `{}`, false},
		{"a pattern in a list", object{"a": pattern("m.*")}, `{"a":["x","main"]}`, true},
		{"any of a pattern and a string", object{"a": list{pattern("m.*"), "x"}}, `{"a":"x"}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := enginetest.Require(tt.require).Match(decodeClaims(t, tt.claims)); got != tt.want {
				t.Errorf("Match(%s) = %v, want %v", tt.claims, got, tt.want)
			}
		})
	}
}

func TestNoRequirementAsksNothingAndAnEmptyOneAdmitsNothing(t *testing.T) {
	claims := engine.Claims{"a": "x"}
	if !(*engine.Requirement)(nil).Match(claims) || !(*engine.Requirement)(nil).Match(nil) {
		t.Error("nil asks something")
	}
	if (&engine.Requirement{}).Match(claims) || (&engine.Requirement{}).Match(nil) {
		t.Error("the zero value lets in")
	}
	if (&engine.Requirement{AnyOf: []engine.Requirement{}}).Match(claims) {
		t.Error("any of nothing lets in")
	}
	if enginetest.Require(map[string]any{"a": "x"}).Match(nil) {
		t.Error("an account, which has no claims, fulfils a requirement")
	}
}

func TestParsePattern(t *testing.T) {
	tests := []struct {
		source string
		ok     bool
	}{
		{"main", true},
		{"(a|b)+", true},
		{strings.Repeat("a", 1024), true},
		{"", false},
		{strings.Repeat("a", 1025), false},
		{"(", false},
		{"a)(b", false},  // an expression between our brackets only
		{"a)|(b", false}, // likewise, and one that would escape the anchors
		{`(?<name>a)`, true},
		{`(a)\1`, false},   // a backreference, which RE2 has not
		{`(?=a)`, false},   // likewise
		{"a{1001}", false}, // more repetitions than RE2 compiles
		{"((a{100}){100}){100}", false},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			p, err := engine.ParsePattern(tt.source)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, engine.ErrPattern) {
				t.Fatalf("ParsePattern(%q) = %v", tt.source, err)
			}
			if err == nil && p.String() != tt.source {
				t.Errorf("String() = %q", p.String())
			}
		})
	}
}

// FuzzPatternMatchesTheWhole holds the anchors against the definition of a
// whole match: the leftmost-longest one covers the string.
func FuzzPatternMatchesTheWhole(f *testing.F) {
	f.Add("a|b", "ax")
	f.Add("^a|b$", "xb")
	f.Add("(?m)^a$", "b\na")
	f.Add(`a\Q)`, "a)")
	f.Add("(?i)a|(?s).b", "\nB")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, source, text string) {
		p, err := engine.ParsePattern(source)
		if err != nil {
			return
		}
		if !p.Match(text) {
			return
		}
		re := regexp.MustCompile(source)
		re.Longest()
		found := false
		for _, at := range re.FindAllStringIndex(text, -1) {
			found = found || at[0] == 0 && at[1] == len(text)
		}
		if !found {
			t.Errorf("%q matches %q, but not the whole of it", source, text)
		}
	})
}

// FuzzRequirement makes a requirement of any JSON object and holds claims
// against it: what asks for the claims themselves is fulfilled by them, and
// what asks for one thing more is not.
func FuzzRequirement(f *testing.F) {
	f.Add(`{"a":"x","b":[1,true,"y"],"c":{"d":9007199254740993}}`)
	f.Add(`{"a":1e400}`)
	f.Add(`{"":-0}`)
	f.Fuzz(func(t *testing.T, text string) {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var claims map[string]any
		if decoder.Decode(&claims) != nil || claims == nil || !requirable(claims) {
			return
		}
		if !enginetest.Require(claims).Match(claims) {
			t.Errorf("%s does not fulfil itself", text)
		}
		more := enginetest.With(claims, map[string]any{"one more": "x"})
		if claims["one more"] == nil && enginetest.Require(more).Match(claims) {
			t.Errorf("%s fulfils what asks for more", text)
		}
	})
}

// requirable says whether a value can be asked for as it is: null, empty lists
// and lists of lists cannot.
func requirable(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case []any:
		for _, member := range value {
			if _, nested := member.([]any); nested || !requirable(member) {
				return false
			}
		}
		return len(value) > 0
	case map[string]any:
		for _, member := range value {
			if !requirable(member) {
				return false
			}
		}
	}
	return fmt.Sprint(value) != ""
}
