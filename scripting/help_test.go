package scripting_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

func TestHelpersAnswer(t *testing.T) {
	tests := []struct{ expression, want string }{ // want as JSON.stringify gives it
		{`regexMatch("refs/heads/main", "refs/heads/(main|release-.*)")`, `true`},
		{`regexMatch("refs/heads/main", "main")`, `false`}, // the whole text, not a part
		{`regexMatch("a.example.evil", "a.example|b.example")`, `false`},
		{`regexMatch("b.example", "a.example|b.example")`, `true`},
		{`regexMatch("main\nx", "main$")`, `false`},
		{`regexMatch("main\n", "main")`, `false`},
		{`regexMatch("é", ".")`, `true`},
		{`regexMatch("v1", "v" + "\\d")`, `true`}, // made when it runs
		{"regexMatch('a/b', `a/b`)", `true`},
		{`["v1", "v2", "x"].filter(v => regexMatch(v, "v\\d")).length`, `2`},

		{`regexReplace("user@example.com", "(.+)@.+", "$1")`, `"user"`},
		{`regexReplace("a1b22", "[0-9]+", "-")`, `"a-b-"`},
		{`regexReplace("ab", "(a)(b)", "$2$1")`, `"ba"`},
		{`regexReplace("ab", "b", "[$&]")`, `"a[b]"`},
		{`regexReplace("ab", "b", "$$1")`, `"a$1"`},
		{`regexReplace("ab", "(b)", "$1x")`, `"abx"`}, // not a group called 1x
		{`regexReplace("ab", "b", "$1$x$")`, `"a$1$x$"`},
		{`regexReplace("ab", "(x)?b", "<$1>")`, `"a<>"`},
		{`regexReplace("abc", "^a|c$", "")`, `"b"`},
		{`regexReplace("aa", "^a", "")`, `"a"`},
		{`regexReplace("aé", "x*", "-")`, `"-a-é-"`},
		{`regexReplace("x", "y", "z")`, `"x"`},

		{`glob("acme/api", "acme/*")`, `true`},
		{`glob("acme/api/x", "acme/*")`, `false`}, // * stops at a slash
		{`glob("acme/api/x", "acme/**")`, `true`},
		{`glob("acme/", "acme/*")`, `true`},
		{`glob("acme", "acme/**")`, `false`},
		{`glob("Acme/api", "acme/*")`, `false`},
		{`glob("a.b", "a?b")`, `true`},
		{`glob("a/b", "a?b")`, `false`},
		{`glob("axb", "a.b")`, `false`}, // a dot is a dot
		{`glob("a[b]", "a[b]")`, `true`},
		{`glob("ab", "a{b,c}")`, `false`},
		{`glob("", "")`, `true`},
		{`glob("x", "")`, `false`},
		{`glob("a\nb", "**")`, `true`},
		{`glob("evil/acme/api", "acme/*")`, `false`},

		{`ipInNetwork("192.0.2.1", "192.0.2.0/24")`, `true`},
		{`ipInNetwork("192.0.3.1", "192.0.2.0/24")`, `false`},
		{`ipInNetwork("192.0.2.1", ["10.0.0.0/8", "192.0.2.0/24"])`, `true`},
		{`ipInNetwork("192.0.2.1", [])`, `false`},
		{`ipInNetwork("192.0.2.1", "192.0.2.1")`, `true`},
		{`ipInNetwork("::ffff:192.0.2.1", "192.0.2.0/24")`, `true`},
		{`ipInNetwork("192.0.2.1", "::ffff:192.0.2.0/120")`, `true`},
		{`ipInNetwork("2001:db8::1", "2001:db8::/32")`, `true`},
		{`ipInNetwork("192.0.2.1", "::/0")`, `false`},
		{`ipInNetwork(request.client_ip, inputs.networks)`, `true`},

		{`isGroupMember("ci")`, `true`},
		{`isGroupMember("CI")`, `false`},
		{`isGroupMember("x", "ci")`, `true`},
		{`isGroupMember("x", "y")`, `false`},

		{`slugify("Hello, World!")`, `"hello-world"`},
		{`slugify("  Crème  brûlée -- 2 ")`, `"creme-brulee-2"`},
		{`slugify("refs/heads/Main_Branch")`, `"refsheadsmain_branch"`}, // as Django's
		{`slugify("日本")`, `""`},
		{`slugify("_a-")`, `"a"`},

		{`listFlatten(["foo"])`, `"foo"`},
		{`listFlatten(["foo", "bar"])`, `"foo"`},
		{`listFlatten([])`, `null`},
		{`listFlatten("foo")`, `"foo"`},
		{`listFlatten(request.user.groups)`, `"ci"`},
		{`listFlatten({a: 1})`, `{"a":1}`},

		{`message("x")`, ``},
		{`log("x")`, ``},
		{`typeof regexMatch + typeof globalThis`, `"functionundefined"`},
		{`glob === glob`, `true`},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			inputs := map[string]any{"want": tt.want, "networks": []any{"192.0.2.0/24"}}
			script := "const got = JSON.stringify(" + tt.expression + "); if ((got ?? '') !== inputs.want) throw new Error('got ' + got); return true"
			if verdict, err := compile(t, script, inputs).Evaluate(t.Context(), github(t)); !verdict.Pass || err != nil {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// What is no text must never be taken for one: it throws, which denies even
// where the answer is negated.
func TestHelpersRefuseWhatIsOfAnotherType(t *testing.T) {
	tests := []struct{ expression, want string }{
		{`regexMatch(jwt.absent, ".*")`, "regexMatch wants a string for text, not nothing (undefined)"},
		{`regexMatch(null, ".*")`, "regexMatch wants a string for text, not null"},
		{`regexMatch(5, ".*")`, "regexMatch wants a string for text, not a number"},
		{`regexMatch(["a"], "a")`, "regexMatch wants a string for text, not an array"},
		{`regexMatch(new String("a"), "a")`, "regexMatch wants a string for text, not an object"},
		{`regexMatch({toString() { return "a" }}, "a")`, "not an object"},
		{`regexMatch("a", jwt.absent)`, "regexMatch wants a string for pattern"},
		{`regexMatch("a", "(" + jwt.ref)`, "regexMatch was given an invalid pattern: missing closing )"},
		{`regexMatch("a", "" + "")`, "between 1 and 1024 bytes"},
		{`regexMatch("a", "a".repeat(1025))`, "between 1 and 1024 bytes"},
		{`regexMatch("aa", "(a)" + "\\1")`, `RE2 has no \1`},
		{`regexMatch("aa", "(?=" + "a)")`, "RE2 has no (?="},
		{`regexReplace("a", "a", 1)`, "regexReplace wants a string for with, not a number"},
		{`glob(jwt.absent, "*")`, "glob wants a string for text"},
		{`ipInNetwork(null, "10.0.0.0/8")`, "ipInNetwork wants a string for ip, not null"},
		{`ipInNetwork("a.example", "10.0.0.0/8")`, "ipInNetwork wants an IP address"},
		{`ipInNetwork("fe80::1%eth0", "fe80::/10")`, "ipInNetwork wants an IP address"},
		{`ipInNetwork("10.0.0.1", "10.0.0.0/" + "33")`, "ipInNetwork was given an invalid network"},
		{`ipInNetwork("10.0.0.1", "10.0.0.1" + "/8")`, "10.0.0.0/8 would be right"},
		{`ipInNetwork("10.0.0.1", ["10.0.0.0/8", "x" + ""])`, "invalid network"}, // though the first fits
		{`ipInNetwork("10.0.0.1", [1])`, "the list holds a number"},
		{`ipInNetwork("10.0.0.1", {0: "10.0.0.0/8", length: 1})`, "not an object"},
		{`isGroupMember(jwt.absent)`, "isGroupMember wants a string for a group"},
		{`isGroupMember(["ci"])`, "isGroupMember wants a string for a group, not an array"},
		{`isGroupMember(...[])`, "isGroupMember takes (group, …), and was called with 0 arguments"},
		{`slugify(1)`, "slugify wants a string"},
		{`message(jwt)`, "message wants a string for text, not an object"},
		{`log(undefined)`, "log wants a string"},
		{`glob(...["a"])`, "glob takes (text, pattern), and was called with 1 arguments"},
		{`new glob("a", "b")`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			got, err := evaluate(t, "const jwt = request.context.oauth_jwt; return !("+tt.expression+")", github(t))
			if got || err == nil || !strings.Contains(err.Error(), tt.want) {
				if tt.want != "" || got {
					t.Errorf("got %v, %v, want %s", got, err, tt.want)
				}
			}
		})
	}
}

func TestWhatIsWrongWithACallOfAHelperIsToldBeforeItRuns(t *testing.T) {
	tests := []struct{ script, at, summary string }{
		{`return regexMatch(request.provider, "(")`, "1,37", "invalid pattern"},
		{`return regexMatch(request.provider, "(?<=a)b")`, "1,37", "invalid pattern"},
		{`return regexMatch(request.provider, /a/)`, "1,37", "regexMatch takes a pattern as text"},
		{"return regexMatch(request.provider, `[`)", "1,37", "invalid pattern"},
		{`return regexReplace(request.provider, "*", "") === ""`, "1,39", "invalid pattern"},
		{`return ipInNetwork(request.client_ip, "10.0.0.0/40")`, "1,39", "invalid network"},
		{"return ipInNetwork(request.client_ip, [\n  \"10.0.0.0/8\",\n  \"10.0.0.1/8\"])", "3,3", "invalid network"},
		{`return glob("a")`, "1,8", "glob takes (text, pattern)"},
		{`return isGroupMember()`, "1,8", "isGroupMember takes (group, …)"},
		{`return callPolicy(request.provider)`, "1,19", "callPolicy wants a label that is written out"},
		{`return callPolicy("a" + "b")`, "1,19", "callPolicy wants a label that is written out"},
		{`return callPolicy(...["a"])`, "1,8", "callPolicy wants a label"},
		{`const ask = callPolicy; return ask("a")`, "1,13", "callPolicy is not called"},
		{`return ["a"].every(callPolicy)`, "1,20", "callPolicy is not called"},
	}
	for _, tt := range tests {
		_, err := scripting.New(scripting.Options{}).CompilePolicy(source(tt.script, nil))
		found := engine.AsFindings(err, engine.Range{})
		if len(found) != 1 || found[0].Summary != tt.summary || found[0].At.String() != "p.js:"+tt.at || found[0].Detail == "" {
			t.Errorf("%s: %v, want %s at %s", tt.script, err, tt.summary, tt.at)
		}
	}
}

// A script may use the names for something of its own; what it does to helpers
// ends with it.
func TestAHelperIsWhatItIsUnlessTheScriptSaysOtherwise(t *testing.T) {
	for _, script := range []string{
		`const glob = (a) => a === "x"; return glob("x")`,
		`function log() { return true } return log()`,
		`const message = {regexMatch: x => x}; return message.regexMatch(true)`,
		`return ((callPolicy) => callPolicy(request.provider))(x => x === "loki")`,
		`try { glob = () => true } catch (e) { return e instanceof ReferenceError || e instanceof TypeError } return false`,
		`glob.call = () => true; glob.x = 1; return !glob("a", "b")`,
		`return !glob.call(null, "a", "b") && !glob.apply(null, ["a", "b"]) && !glob.bind(null, "a")("b")`,
	} {
		if got, err := evaluate(t, script, github(t)); !got || err != nil {
			t.Errorf("%s: %v, %v", script, got, err)
		}
	}
	policy := compile(t, `glob.x = (glob.x ?? 0) + 1; return glob.x === 1`, nil)
	for range 2 {
		if verdict, err := policy.Evaluate(t.Context(), github(t)); !verdict.Pass || err != nil {
			t.Errorf("got %v, %v", verdict, err)
		}
	}
}

func TestWhatAPolicyTellsIsKeptAndBounded(t *testing.T) {
	tests := []struct {
		script        string
		messages, log []string
	}{
		{`return true`, nil, nil},
		{`message("only " + request.provider); log("a"); message("b"); return false`, []string{"only loki", "b"}, []string{"a"}},
		{`message("a\n\u001b[31mb\u0000"); message(" "); message(""); return true`, []string{"a [31mb"}, nil},
		{`for (let i = 0; i < 50; i++) message("m" + i); return true`, []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"}, nil},
		{`message("x".repeat(5000)); return true`, []string{strings.Repeat("x", 297) + "…"}, nil},
		{`message("before"); throw new Error("no")`, []string{"before"}, nil},
		{`log("before"); for (;;);`, nil, []string{"before"}},
	}
	for _, tt := range tests {
		policy, err := scripting.New(scripting.Options{Deadline: 300 * time.Millisecond}).CompilePolicy(source(tt.script, nil))
		if err != nil {
			t.Fatal(err)
		}
		verdict, _ := policy.Evaluate(t.Context(), github(t))
		if !slices.Equal(verdict.Messages, tt.messages) || !slices.Equal(verdict.Log, tt.log) {
			t.Errorf("%s: told %q and %q", tt.script, verdict.Messages, verdict.Log)
		}
	}
}

// asking compiles policies that may ask each other, and evaluates the first.
func asking(t *testing.T, options scripting.Options, scripts ...string) (engine.Verdict, error) {
	t.Helper()
	in := github(t)
	in.Policies = map[string]engine.Policy{}
	compiler := scripting.New(options)
	for i, script := range scripts {
		src := source(script, nil)
		src.Label = string(rune('a' + i))
		policy, err := compiler.CompilePolicy(src)
		if err != nil {
			t.Fatal(err)
		}
		in.Policies[src.Label] = policy
	}
	return in.Policies["a"].Evaluate(t.Context(), in)
}

func TestAPolicyAsksAnother(t *testing.T) {
	tests := []struct {
		name     string
		scripts  []string
		pass     bool
		err      string
		messages []string
	}{
		{"yes", []string{`return callPolicy("b")`, `return request.provider === "loki"`}, true, "", nil},
		{"no", []string{`return callPolicy("b")`, `return false`}, false, "", nil},
		{"not no", []string{`return !callPolicy("b")`, `return false`}, true, "", nil},
		{"messages are kept", []string{`message("1"); const b = callPolicy("b"); message("3"); return b`, `message("2"); return true`}, true, "", []string{"1", "2", "3"}},
		{"messages of one that fails, too", []string{`return !callPolicy("b")`, `message("2"); throw new Error("no")`}, false, "callPolicy has no answer: policy b threw Error: no at p.js:1:", []string{"2"}},
		{"what throws is no no", []string{`return !callPolicy("b")`, `throw 1`}, false, "callPolicy has no answer", nil},
		{"what answers otherwise is no no", []string{`return !callPolicy("b")`, `return 0`}, false, "returned a number instead of true or false", nil},
		{"by way of a third", []string{`return callPolicy("b")`, `return callPolicy("c")`, `return true`}, true, "", nil},
		{"what is not there", []string{`return !callPolicy("z")`}, false, "callPolicy finds no policy of that label", nil},
		{"itself, were it compiled", []string{`return !callPolicy("a")`}, false, "callPolicy has no answer: policy a threw TypeError: callPolicy has no answer", nil},
		{"nothing is shared", []string{`Array.prototype.includes = () => true; String.prototype.x = 1; return callPolicy("b")`, `return !["a"].includes("b") && "".x === undefined`}, true, "", nil},
		{"the budget is one", []string{`try { callPolicy("b") } catch (e) {} return true`, `for (;;) [1, 2, 3].map(x => x + "y".repeat(500))`}, false, "took", nil},
		{"many calls use it up", []string{`for (;;) { try { callPolicy("b") } catch (e) {} }`, `return true`}, false, "took", nil}, // more than it may, or longer where the machine is slow
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			verdict, err := asking(t, scripting.Options{Deadline: deadline}, tt.scripts...)
			if verdict.Pass != tt.pass || (tt.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) || !slices.Equal(verdict.Messages, tt.messages) {
				t.Errorf("got %+v, %v", verdict, err)
			}
		})
	}
}

func TestTheDeadlineOfAPolicyIsThatOfThoseItAsks(t *testing.T) {
	began := time.Now()
	verdict, err := asking(t, scripting.Options{Deadline: 100 * time.Millisecond}, `try { callPolicy("b") } catch (e) {} return true`, `for (;;);`)
	if verdict.Pass || err == nil || !strings.Contains(err.Error(), "took") {
		t.Errorf("got %v, %v", verdict, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compile(t, `return callPolicy("b")`, nil).Evaluate(ctx, github(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAPolicySaysWhomItAsks(t *testing.T) {
	policy := compile(t, "const a = callPolicy(\"b\");\nreturn a && ['x'].some(() => callPolicy(`c`))", nil)
	var got []string
	for _, ref := range policy.Calls() {
		got = append(got, ref.String()+" at "+ref.At.String())
	}
	if want := []string{"policy.b at p.js:1,22", "policy.c at p.js:2,41"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// A pattern that RE2 takes long for is paid for before it runs.
func TestHelpersStayWithinTheirBounds(t *testing.T) {
	for _, script := range []string{
		`return regexMatch("a".repeat(400000), "(a?){500}(a?){500}")`,
		`return regexReplace("a".repeat(100000), "a", "b".repeat(5000)) !== ""`,
		`for (let i = 0; ; i++) regexMatch("a", "a{1,900}" + i)`,
		`const a = Array.from({length: 10000}, () => "10.0.0.0/8"); for (;;) ipInNetwork("10.0.0.1", a)`,
		`for (;;) slugify("ﷺ".repeat(10000))`,
		`for (;;) glob("a".repeat(1000), "*a".repeat(400))`,
		`for (;;) message("a")`,
	} {
		began := time.Now()
		policy, err := scripting.New(scripting.Options{Deadline: 200 * time.Millisecond}).CompilePolicy(source(script, nil))
		if err != nil {
			t.Fatal(err)
		}
		verdict, err := policy.Evaluate(t.Context(), github(t))
		if verdict.Pass || err == nil || !strings.Contains(err.Error(), "took") {
			t.Errorf("%s: %v, %v", script, verdict.Pass, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s took %s", script, took)
		}
	}
}
