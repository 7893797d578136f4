package scripting_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

func TestAPolicySeesTheWholeRequest(t *testing.T) {
	tests := []string{ // each must return true
		`const c = request.context; return c.oauth_jwt === c.JWT && c.JWT.repository === "acme/api"`,
		`return request.context.oauth_scopes.includes("read") && request.context.oauth_scopes.length === 2`,
		`return request.context.oauth_grant_type === "client_credentials"`,
		`return request.context.source === "github" && request.context.actor === null && request.context.cert === null && request.context.registry === null`,
		`const {headers} = request.http; return headers["user-agent"] === "curl/8" && headers["accept-language"] === null && Object.keys(headers).length === 2`,
		`return request.user.username.startsWith("github/") && request.user.name === "acme/api"`,
		`return request.user.groups.some(g => g === "ci") && request.user.attributes.team === "sre"`,
		`return request.provider === "loki"`,
		`const {door, method, host, path, client_ip} = request.http; return [door, method, host, path, client_ip].join(" ") === "token POST auth.example.com /oauth2/token 192.0.2.7"`,
		`return request.client_ip === "192.0.2.7"`,
		`return request.time === "2001-02-03T12:00:00Z" && new Date().toISOString() === "2001-02-03T12:00:00.000Z" && Date.now() === Date.parse(request.time)`,
		`return inputs.repository === "acme/api" && inputs.nested.a[0] === "b"`,
		`return Object.keys(request).join() === "context,user,provider,http,client_ip,time"`,
		`return "oauth_jwt" in request.context && !("oauth" in request.context)`,
		`return this === undefined && arguments.length === 2 && typeof globalThis === "undefined"`,
	}
	for _, script := range tests {
		t.Run(script, func(t *testing.T) {
			in := github(t)
			in.HTTP.HeaderNames, in.HTTP.Headers = []string{"accept-language", "user-agent"}, map[string]string{"user-agent": "curl/8", "cookie": "secret"}
			if got, err := evaluate(t, script, in); !got || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAPolicySeesTheCertificate(t *testing.T) {
	in := github(t)
	in.Certificate = &engine.PolicyCertificate{Subject: "CN=ci", Issuer: "CN=ca", Serial: "1f", NotAfter: noon, Fingerprint: "ab"}
	script := `const {subject, issuer, serial, not_after, fingerprint} = request.context.cert;
		return [subject, issuer, serial, not_after, fingerprint].join() === "CN=ci,CN=ca,1f,2001-02-03T12:00:00Z,ab"`
	if got, err := evaluate(t, script, in); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWhatARequestDoesNotHaveIsNull(t *testing.T) {
	script := `const c = request.context; return c.oauth_jwt === null && c.JWT === null && c.source === null && request.client_ip === null
		&& request.http.client_ip === null && c.oauth_scopes.length === 0 && c.oauth_grant_type === "" && request.user.groups.length === 0 && request.user.attributes.x === undefined`
	if got, err := evaluate(t, script, &engine.PolicyInput{Time: noon}); !got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestArraysOfClaimsBehaveAsArrays(t *testing.T) {
	in := &engine.PolicyInput{JWT: claims(t, `{"list":["a","b",{"c":[1,2]}],"o":{"x":1,"y":[true,null]}}`), Time: noon}
	tests := []string{
		`return Array.isArray(l) && l.length === 3`,
		`return l.includes("a") && !l.includes("z") && l.indexOf("b") === 1`,
		`return l.some(x => x === "b") && l.every(x => x !== "z") && l.find(x => x === "b") === "b"`,
		`return l.map(x => typeof x).join() === "string,string,object"`,
		`let n = 0; for (const x of l) n++; return n === 3`,
		`let n = 0; for (let i = 0; i < l.length; i++) if (l[i] === "b") n = i; return n === 1`,
		`return [...l].length === 3 && [...l, ...l].length === 6`,
		`const [first, ...rest] = l; return first === "a" && rest.length === 2`,
		`return JSON.stringify(l) === '["a","b",{"c":[1,2]}]' && JSON.stringify(jwt.o) === '{"x":1,"y":[true,null]}'`,
		`return l.concat(["z"]).length === 4 && l.slice(1).length === 2 && l.filter(x => x !== "a").length === 2`,
		`return l[3] === undefined && l[-1] === undefined && l.at(-1) === l[2] && l.at(-1).c[1] === 2`,
		`return Object.entries(jwt.o).length === 2 && Object.keys(jwt).join() === "list,o"`,
		`return new Set(l).has("b") && Array.from(l, x => x).length === 3 && String(l.slice(0, 2)) === "a,b"`,
		`return [[1, [2]], [3]].flat(Infinity).length === 3 && l.flatMap(x => [x, x]).length === 6`,
	}
	for _, script := range tests {
		t.Run(script, func(t *testing.T) {
			if got, err := evaluate(t, "const jwt = request.context.oauth_jwt, l = jwt.list; "+script, in); !got || err != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestAbsentClaimsAreUndefinedWhateverTheirName(t *testing.T) {
	for _, name := range []string{"absent", "constructor", "__proto__", "hasOwnProperty", "toString", "valueOf", "then", "length", "isPrototypeOf"} {
		script := `return request.context.oauth_jwt["` + name + `"] === undefined && request.user.attributes["` + name + `"] === undefined && !("` + name + `" in request.context.oauth_jwt)`
		if got, err := evaluate(t, script, github(t)); !got || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		in := &engine.PolicyInput{JWT: engine.Claims{name: "mine"}, Time: noon}
		script = `return request.context.oauth_jwt["` + name + `"] === "mine" && Object.hasOwn(request.context.oauth_jwt, "` + name + `")`
		if got, err := evaluate(t, script, in); !got || err != nil {
			t.Errorf("own %s: %v, %v", name, got, err)
		}
	}
}

func TestNumbersThatJavaScriptCannotHoldAreText(t *testing.T) {
	tests := []struct{ number, want string }{
		{"0", "number 0"},
		{"1342004", "number 1342004"},
		{"9007199254740992", "number 9007199254740992"}, // 2^53
		{"-9007199254740992", "number -9007199254740992"},
		{"9007199254740993", "string 9007199254740993"},
		{"-9007199254740993", "string -9007199254740993"},
		{"99999999999999999999", "string 99999999999999999999"}, // beyond int64
		{"1e17", "string 1e17"},
		{"1e3", "number 1000"},
		{"1.5", "number 1.5"},
		{"1e400", "string 1e400"},
		{"-1e400", "string -1e400"},
	}
	for _, tt := range tests {
		in := &engine.PolicyInput{JWT: engine.Claims{"n": json.Number(tt.number)}, Time: noon}
		script := "const n = request.context.oauth_jwt.n; return `${typeof n} ${n}` === " + `"` + tt.want + `"`
		if got, err := evaluate(t, script, in); !got || err != nil {
			t.Errorf("%s: %v, %v, want %s", tt.number, got, err, tt.want)
		}
	}
}

// What a script reads by a name that is made when it runs cannot be seen before.
func TestAMistypedMemberThrowsAndNamesTheRightOne(t *testing.T) {
	tests := []struct{ script, want string }{
		{`return it(request).contxt`, `request has no member "contxt". Did you mean "context"?`},
		{`return it(request.context).oauth_jw`, `request.context has no member "oauth_jw". Did you mean "oauth_jwt"?`},
		{`return it(request.context)["jwt"].iss`, `request.context has no member "jwt"`},
		{`return it(request.context).get("oauth_jwt", null)`, `Write request.context.oauth_jwt`},
		{`return it(request.user).group`, `request.user has no member "group". Did you mean "groups"?`},
		{`return it(request.http).ip`, `request.http has no member "ip"`},
		{`return request["no" + "w"]`, `request has no member "now"`},
		{`return it(inputs).repositry`, `inputs has no member "repositry". Did you mean "repository"?`},
		{`return request.http.headers["user-agents"]`, `request.http.headers has no member "user-agents". Did you mean "user-agent"?`},
		{`return request.http.headers["User-Agent"]`, `Did you mean "user-agent"?`},
	}
	for _, tt := range tests {
		in := github(t)
		in.HTTP.HeaderNames = []string{"user-agent"}
		got, err := evaluate(t, "const it = x => x; "+tt.script, in)
		if got || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "p.js:1:") {
			t.Errorf("%s: %v, %v; want %s", tt.script, got, err, tt.want)
		}
	}
}

// writes are tried on what stands in the place of T, each of which must throw
// and change nothing.
var writes = []string{
	`T.x = 1`, `T["x"] = 1`, `T.iss = "evil"`, `T[0] = "evil"`, `T.length = 0`, `delete T.iss`, `delete T[0]`, `T.iss += "x"`,
	`T.constructor = 1`, `T.__proto__ = {iss: "evil"}`, `Object.defineProperty(T, "iss", {value: "evil"})`, `Object.assign(T, {iss: "evil"})`,
	`Object.setPrototypeOf(T, {x: 1})`, `Object.freeze(T)`, `Object.preventExtensions(T)`, `[T.iss] = ["evil"]`, `({a: T.iss} = {a: "evil"})`,
	`for (T.iss of ["evil"]);`, `Array.prototype.push.call(T, 1)`, `Array.prototype.splice.call(T, 0, 1)`, `Object["define" + "Property"](T, "iss", {value: "evil"})`,
}

var arrayWrites = []string{
	`T.push("evil")`, `T.pop()`, `T.shift()`, `T.unshift("evil")`, `T.splice(0, 1)`, `T.sort()`, `T.sort((a, b) => a < b ? 1 : -1)`, `T.reverse()`, `T.fill("evil")`, `T.copyWithin(0, 1)`,
}

func TestNothingThatAPolicySeesCanBeWritten(t *testing.T) {
	targets := []string{"request", "request.context", "request.context.oauth_jwt", "request.context.JWT.o", "request.user", "request.user.attributes", "request.http", "inputs", "inputs.o"}
	arrays := []string{"request.context.oauth_scopes", "request.context.oauth_jwt.list", "request.user.groups", "inputs.list"}
	in := func() *engine.PolicyInput {
		return &engine.PolicyInput{
			JWT:    claims(t, `{"iss":"good","list":["b","a"],"o":{"iss":"good"}}`),
			Scopes: []string{"b", "a"}, Time: noon,
			User: engine.PolicyUser{Groups: []string{"b", "a"}, Attributes: map[string]any{"iss": "good"}},
		}
	}
	inputs := func() map[string]any {
		return map[string]any{"iss": "good", "list": []any{"b", "a"}, "o": map[string]any{"iss": "good"}}
	}
	try := func(target, write string) {
		request, given := in(), inputs()
		// Behind a function, so that it shows only when the script runs.
		script := "const it = x => x; " + strings.ReplaceAll(write, "T", "it("+target+")") + "; return true"
		policy, err := scripting.New(scripting.Options{Deadline: deadline}).CompilePolicy(source(script, given))
		if err != nil {
			t.Errorf("%s: %v", script, err)
			return
		}
		if got, err := policy.Evaluate(t.Context(), request); got.Pass || err == nil {
			t.Errorf("%s was allowed: %v, %v", script, got, err)
		}
		if !reflect.DeepEqual(request, in()) || !reflect.DeepEqual(given, inputs()) {
			t.Errorf("%s changed what others see", script)
		}
	}
	for _, target := range targets {
		for _, write := range writes {
			try(target, write)
		}
	}
	for _, target := range arrays {
		for _, write := range append(arrayWrites, writes...) {
			if write != `delete T.iss` { // an array has no such member
				try(target, write)
			}
		}
	}
}

func TestOnlyTheBooleanTrueLetsIn(t *testing.T) {
	tests := []struct {
		script, err string // err "": false without an error
	}{
		{`return false`, ""},
		{`return !request.context.oauth_jwt`, ""},
		{`return "true"`, "returned a string"},
		{`return 1`, "returned a number"},
		{`return NaN`, "returned a number"},
		{`return`, "returned nothing"},
		{``, "returned nothing"},
		{`true`, "returned nothing"},
		{`return null`, "returned null"},
		{`return new Boolean(true)`, "returned a Boolean object"},
		{`return {}`, "returned an object"},
		{`return []`, "returned an array"},
		{`return () => true`, "returned a function"},
		{`return {then(f) { f(true) }}`, "returned an object"},
		{`return {valueOf() { return true }, toString() { return "true" }}`, "returned an object"},
		{`return request.context.oauth_jwt`, "returned an object"},
		{`return request.context.oauth_jwt.repository`, "returned a string"},
		{`return Promise.resolve(true)`, "Promise is not defined (a policy runs to its end at once)"},
		{`return request`, "returned an object"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			got, err := evaluate(t, tt.script, github(t))
			switch {
			case got:
				t.Error("let in")
			case tt.err == "" && err != nil, tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("error %v, want %q", err, tt.err)
			case err != nil && strings.Contains(err.Error(), "acme"):
				t.Errorf("the error holds a claim: %v", err)
			}
		})
	}
}

func TestExceptionsAreToldInOneShortLineWithTheirPlace(t *testing.T) {
	tests := []struct{ script, want string }{
		{"\n  throw new Error('no')", `threw Error: no at p.js:2:9`},
		{"throw 'plain'", `threw plain at p.js:1:`},
		{"throw {toString() { throw 1 }}", `threw an object at p.js:1:`},
		{"throw {name: 'N', message: 'm'}", `threw N: m at p.js`},
		{"throw new Error('a\\nb\\u001b[31m\\r\\u0000c')", `threw Error: a b[31mc at`},
		{"throw new Error('x'.repeat(5000))", `x… at p.js:1:`},
		{"const f = () => nothing;\nreturn f()", `ReferenceError: nothing is not defined at p.js:1:`},
		{"return request.context.oauth_jwt.a.b", `TypeError: Cannot read property 'b' of undefined at p.js:1:`},
		{"if (None) return true", `None is not defined (write null)`},
		{"return eval('true')", `eval is not defined`},
		{"throw null", `threw null at`},
		{"throw {get message() { for (;;); }}", `took more steps`},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			got, err := evaluate(t, tt.script, github(t))
			if got || err == nil {
				t.Fatalf("got %v, %v", got, err)
			}
			if text := err.Error(); !strings.Contains(text, tt.want) || len(text) > 420 || strings.ContainsAny(text, "\n\x1b\x00") {
				t.Errorf("error %q, want %q", text, tt.want)
			}
		})
	}
}

func TestMessagesOfTheEngineHoldNoClaim(t *testing.T) {
	for _, script := range []string{
		`return request.context.oauth_jwt.repository()`,
		`return request.context.oauth_jwt.repository in request.context.oauth_jwt.sub`,
		`return new request.context.oauth_jwt.repository()`,
		`const {a} = request.context.oauth_jwt.absent; return a`,
		`return request.context.oauth_jwt.repository instanceof request.context.oauth_jwt.sub`,
		`return [...request.context.oauth_jwt]`,
		`return JSON.parse(request.context.oauth_jwt.repository)`,
		`return "x".repeat(request.context.oauth_jwt.repository).normalize(request.context.oauth_jwt.repository)`,
		`return request.context[request.context.oauth_jwt.repository]`,
		`return new RegExp("(" + request.context.oauth_jwt.repository)`,
	} {
		got, err := evaluate(t, script, github(t))
		if got || err == nil || strings.Contains(err.Error(), "acme") {
			t.Errorf("%s: %v, %v", script, got, err)
		}
	}
	// What the script itself puts there stays.
	if _, err := evaluate(t, `throw new Error("not for " + request.context.oauth_jwt.repository)`, github(t)); err == nil || !strings.Contains(err.Error(), "not for acme/api") {
		t.Errorf("got %v", err)
	}
}

// Whoever signs a token may put an object where a policy looks for text.
func TestAnObjectOfTheRequestIsNeverText(t *testing.T) {
	for _, script := range []string{
		`return "" + jwt.m === ""`, "return `${jwt.m}` !== ''", `return String(jwt.m) !== ""`, `return jwt.m == "x"`, `return jwt.m < 1`, `return "a".includes(jwt.m)`,
		`return String([jwt.m]) !== ""`, `return Number(jwt) > 0`, `return String(request) !== ""`, `try { return String(jwt.m) !== "" } catch { return true }`,
	} {
		in := &engine.PolicyInput{JWT: engine.Claims{"m": map[string]any{"secret": "acme"}}, Time: noon}
		got, err := evaluate(t, "const jwt = request.context.oauth_jwt; "+script, in)
		if got || err == nil || !strings.Contains(err.Error(), "an object of the request stands where text or a number is wanted") {
			t.Errorf("%s: %v, %v", script, got, err)
		}
	}
}

func TestEvaluationsShareNothing(t *testing.T) {
	policy := compile(t, `
		const seen = Array.prototype.evil || Object.prototype.evil || String.prototype.startsWith("x") || Date.evil || JSON.evil || Object.evil;
		if (request.context.source === "tamper") {
			Array.prototype.evil = Object.prototype.evil = Date.evil = JSON.evil = Object.evil = true;
			String.prototype.startsWith = () => true;
			Array.prototype.includes = () => true;
			Object.prototype.repository = "acme/api";
			return true;
		}
		return seen === true || ["a"].includes("b") || ({}).repository !== undefined;`, nil)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for range 50 {
				in := github(t)
				if i%2 == 0 {
					in.Source = "tamper"
				}
				if got, err := policy.Evaluate(t.Context(), in); err != nil || got.Pass != (i%2 == 0) {
					t.Errorf("tamper = %v: got %v, %v", i%2 == 0, got, err)
					return
				}
			}
		})
	}
	wait.Wait()
}
