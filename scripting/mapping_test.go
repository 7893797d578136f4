package scripting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// mapped runs a mapping on the claims of a workflow run.
func mapped(t testing.TB, script string, in *engine.PolicyInput) (map[string]any, error) {
	t.Helper()
	src := source(script, map[string]any{"team": "sre", "list": []any{"a"}})
	mapping, err := scripting.New(scripting.Options{Deadline: deadline}).CompileMapping(engine.MappingSource{Decl: src.Decl, Script: src.Script, Inputs: src.Inputs})
	if err != nil {
		t.Fatalf("compiling %q: %v", script, err)
	}
	return mapping.Map(t.Context(), in)
}

func TestAMappingReturnsClaims(t *testing.T) {
	tests := []struct{ script, want string }{
		{`return {}`, `{}`},
		{`return {repository: request.context.oauth_jwt.repository, team: inputs.team}`, `{"repository":"acme/api","team":"sre"}`},
		{`return {groups: request.user.groups, attributes: request.user.attributes, list: inputs.list}`, `{"attributes":{"list":["x"],"team":"sre"},"groups":["ci"],"list":["a"]}`},
		{`return {whole: 5, negative: -3, fraction: 1.5, zero: -0, large: 2 ** 53, exponent: 1e15}`, `{"exponent":1000000000000000,"fraction":1.5,"large":9007199254740992,"negative":-3,"whole":5,"zero":0}`},
		{`return {yes: true, no: false, none: null, left: undefined, nested: {left: undefined, right: 1}}`, `{"nested":{"right":1},"no":false,"none":null,"yes":true}`},
		{`return {list: [1, "a", [true], {b: null}], empty: [], text: "é😀\n"}`, `{"empty":[],"list":[1,"a",[true],{"b":null}],"text":"é😀\n"}`},
		{`return Object.assign({}, request.context.oauth_jwt, {iss: undefined, only: 1}).only === 1 ? {ok: true} : {}`, `{"ok":true}`},
		{`const {repository, ...rest} = request.context.oauth_jwt; return {repository, n: Object.keys(rest).length > 3}`, `{"n":true,"repository":"acme/api"}`},
		{`class Claims { constructor() { this.a = 1 } get hidden() { return 2 } } return new Claims()`, `{"a":1}`},
		{`return {get a() { return "once" }}`, `{"a":"once"}`},
		{`return Object.create({inherited: 1}, {own: {value: 2, enumerable: true}, hidden: {value: 3}})`, `{"own":2}`},
		{`return {["__proto__"]: 1, constructor: 2, toJSON: 3, then: 4}`, `{"__proto__":1,"constructor":2,"then":4,"toJSON":3}`},
		{`return JSON.parse(JSON.stringify({a: [1, {b: 2}]}))`, `{"a":[1,{"b":2}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			claims, err := mapped(t, tt.script, github(t))
			got, marshalErr := json.Marshal(claims)
			if err != nil || marshalErr != nil || string(got) != tt.want {
				t.Errorf("got %s, %v, %v; want %s", got, err, marshalErr, tt.want)
			}
		})
	}
}

func TestWhatNoTokenCanHoldIsRefusedByItsName(t *testing.T) {
	tests := []struct{ script, want string }{
		{``, "returned nothing instead of an object of claims"},
		{`return`, "returned nothing instead"},
		{`return null`, "returned null instead"},
		{`return true`, "returned a boolean instead"},
		{`return "x"`, "returned a string instead"},
		{`return ["x"]`, "returned an array instead"},
		{`return () => ({})`, "what it returned is a function, which no token can hold"},
		{`return new Map([["a", 1]])`, "what it returned is a Map or a Set (return [...it]"},
		{`return {a: () => 1}`, `"a" is a function, which no token can hold`},
		{`return {a: NaN}`, `"a" is NaN, which no token can hold`},
		{`return {a: 1 / 0}`, `"a" is Infinity`},
		{`return {a: {b: [0, -1 / 0]}}`, `"a"."b"[1] is -Infinity`},
		{`return {a: new Date()}`, `"a" is a Date (return its toISOString()`},
		{`return {a: new Set([1])}`, `"a" is a Map or a Set`},
		{`return {a: /x/}`, `"a" is an object of the class RegExp`},
		{`return {a: new Error("x")}`, `"a" is an object of the class Error`},
		{`return {a: new Boolean(true)}`, `"a" is a Boolean object`},
		{`return {a: new String("x")}`, `"a" is an object of the class String`},
		{`return {a: [1, undefined]}`, `"a"[1] is undefined: a list has no gaps`},
		{`return {a: [1, , 2]}`, `"a"[1] is undefined`},
		{`return {a: 2 ** 53 + 2}`, `"a" is a whole number beyond 2^53`},
		{`return {a: 1e300}`, `"a" is a whole number beyond 2^53`},
		{`return {a: "\ud83d"}`, `"a" holds half a character`},
		{`const a = {}; a.a = a; return a`, "is nested more than 8 deep, or holds itself"},
		{`const a = []; a.push(a); return {a}`, "is nested more than 8 deep, or holds itself"},
		{`return {a: Array.from({length: 1001}, () => 1)}`, `"a" has more than 1000 values`},
		{`const a = {}; for (let i = 0; i < 1001; i++) a["k" + i] = 1; return a`, "is one value too many"},
		{`return {get a() { throw new Error("no") }}`, "mapping p threw Error: no at p.js:1:"},
		{`return {get a() { for (;;); }}`, "was stopped: took"},
		{`return {get a() { return "x".repeat(1 << 28) }}`, "was stopped: took more"},
		{`throw new Error("no")`, "mapping p threw Error: no at p.js:1:"},
		{`return {a: request.context.oauth_jwt.b.c}`, "mapping p threw TypeError"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			claims, err := mapped(t, tt.script, github(t))
			if claims != nil || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "mapping p") {
				t.Errorf("got %v, %v, want %s", claims, err, tt.want)
			}
		})
	}
}

// What a mapping returns is nobody else's: neither the request's nor that of
// the next evaluation.
func TestClaimsOfAMappingAreCopies(t *testing.T) {
	in := github(t)
	claims, err := mapped(t, `return {groups: request.user.groups, list: inputs.list}`, in)
	if err != nil {
		t.Fatal(err)
	}
	claims["groups"].([]any)[0] = "changed"
	if in.User.Groups[0] != "ci" {
		t.Error("the request was changed")
	}
}

func TestWhatIsForPoliciesIsRefusedInMappings(t *testing.T) {
	for _, script := range []string{`message("x"); return {}`, `const say = log; return {}`} {
		src := source(script, nil)
		_, err := scripting.New(scripting.Options{}).CompileMapping(engine.MappingSource{Decl: src.Decl, Script: src.Script})
		if found := engine.AsFindings(err, engine.Range{}); len(found) != 1 || !strings.HasSuffix(found[0].Summary, "is for policies") {
			t.Errorf("%s: %v", script, err)
		}
	}
}

func BenchmarkMap(b *testing.B) {
	src := source(`const jwt = request.context.oauth_jwt; return {repository: jwt.repository, ref: jwt.ref, team: inputs.team}`, map[string]any{"team": "sre"})
	mapping, err := scripting.New(scripting.Options{Deadline: deadline}).CompileMapping(engine.MappingSource{Decl: src.Decl, Script: src.Script, Inputs: src.Inputs})
	if err != nil {
		b.Fatal(err)
	}
	in := github(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Map(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
