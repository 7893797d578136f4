package scripting_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// hostile are policies that must come to no answer, soon and in little memory.
// They are as an author could write them, or as a careless one could be made
// to run them by the claims.
var hostile = []struct{ name, script string }{
	{"a loop", `for (;;);`},
	{"a loop that catches", `for (;;) { try { for (;;); } catch (e) {} finally { continue } }`},
	{"recursion", `const f = () => f(); return f()`},
	{"recursion through natives", `const f = () => [1].map(f); return f()`},
	{"recursion that catches", `const f = () => { try { f() } catch (e) { f() } }; f(); return true`},
	{"recursion by toString", `const o = {toString() { return "" + o }}; return "" + o`},
	{"repeat", `return "x".repeat(1 << 28) !== ""`},
	{"repeat of the largest", `return "x".repeat(2 ** 53) !== ""`},
	{"repeat in a loop", `const all = []; for (;;) all.push("xyz".repeat(10000) + all.length)`},
	{"repeat by a computed name", `return "x"["re" + "peat"](1 << 28) !== ""`},
	{"repeat by a key that changes its mind", `let n = 0; return "x"[{toString() { return n++ ? "repeat" : "trim" }}](1 << 28) !== ""`},
	{"repeat by destructuring", `const {["re" + "peat"]: r} = "x"; return r.call("x", 1 << 28) !== ""`},
	{"repeat on what poses as a string", `let n = 0; return "".repeat.call({toString() { return n++ ? "x".repeat(1000) : "x" }}, 1 << 27) !== ""`},
	{"padStart", `return "x".padStart(1 << 28) !== ""`},
	{"padEnd", `return "x".padEnd(1 << 28, "ab") !== ""`},
	{"doubling by +=", `let s = "xxxxxxxx"; for (;;) s += s`},
	{"doubling by + and catch", `let s = "xxxxxxxx"; for (;;) { try { s = s + s } catch (e) {} }`},
	{"doubling by a template", "let s = 'xxxxxxxx'; for (;;) s = `${s}${s}`"},
	{"doubling by concat", `let s = "xxxxxxxx"; for (;;) s = s.concat(s, s)`},
	{"doubling by replace", `let s = "xxxxxxxx"; for (;;) s = s.replace(/^.*$/, "$&$&")`},
	{"replacing by prefixes", "return 'x'.repeat(60000).replace(/x/g, '$`') !== ''"},
	{"replacing by a function", `const s = "x".repeat(100000); return s.replace(/x/g, () => s) !== ""`},
	{"doubling by join", `let a = ["xxxxxxxx"]; for (;;) { const s = a.join("y"); a = [s, s] }`},
	{"doubling by split and join", `let s = "xxxxxxxx"; for (;;) s = s.split("x").join("xx")`},
	{"doubling an array by spread", `let a = [1, 2, 3]; for (;;) a = [...a, ...a]`},
	{"doubling an array by concat", `let a = [1, 2, 3]; for (;;) a = a.concat(a)`},
	{"doubling arguments", `const f = (...a) => f(...a, ...a); return f(1, 2)`},
	{"doubling by push", `const a = [1]; for (;;) a.push(...a)`},
	{"arrays in arrays, as text", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return "" + a !== ""`},
	{"arrays in arrays, as a key", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return ({})[a] === 1`},
	{"arrays in arrays, compared", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return a == "x"`},
	{"arrays in arrays, as JSON", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return JSON.stringify(a) !== ""`},
	{"arrays in arrays, flat", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return a.flat(Infinity).length > 1`},
	{"arrays in arrays, filled", `let a = new Array(2); for (let i = 0; i < 40; i++) a = new Array(2).fill(a); return String(a) !== ""`},
	{"JSON by toJSON", `const o = {toJSON() { return [o, o] }}; return JSON.stringify({o}) === "x" || (() => { for (;;); })()`},
	{"JSON by a getter", `let n = 0; const big = Array.from({length: 1000}, () => "x".repeat(500)); const o = {get x() { return n++ ? [o, o, big] : 1 }}; return JSON.stringify(Array.from({length: 1000}, () => o)) !== ""`},
	{"a deep array as text", `let a = []; for (;;) { a = [a]; if (a.x = 1, Math.abs(1) === 2) break; }`},
	{"a deep array, joined", `let a = []; for (let i = 0; i < 20000; i++) a = [a]; return a.join() !== "x"`},
	{"a long array, filled", `return new Array(2e7).fill(1).length > 1`},
	{"a long array, joined", `return new Array(4e9).join("xx") !== ""`},
	{"a long array, spread", `return [...new Array(4e9)].length > 1`},
	{"a long array, searched", `const a = []; a.length = 4e9; return a.includes(1) || a.indexOf(1) < 0`},
	{"a long array by an index", `const a = []; a[4294967290] = 1; return a.reverse().length > 1`},
	{"a long array, sorted", `const a = []; a.length = 4e9; return a.sort().length > 1`},
	{"a long array by a pattern", `const a = []; [a.length] = [4e9]; return a.some(x => false) || a.every(x => x)`},
	{"a long array by assign", `const a = Object.assign([], {length: 4e9}); return !a.includes(1)`},
	{"what poses as an array", `return Array.prototype.includes.call({length: 2 ** 53}, 1) === false`},
	{"what inherits from an array", `return ({__proto__: Array.prototype, length: 2 ** 53}).includes(1) === false`},
	{"what has an array's method", `return ({length: 2 ** 53, f: [].includes}).f(1) === false`},
	{"a method of an array by a variable", `const {includes: f} = []; return ({length: 2 ** 53, f}).f(1) === false`},
	{"a subclass of Array", `class A extends Array {}; return new A(4e9).fill(1).length > 1`},
	{"Array.from", `return Array.from({length: 1e9}).length > 1`},
	{"Array.from with a getter", `let n = 0; return Array.from({get length() { return n++ ? 1e9 : 1 }, [0]: Array.from({length: 1e9})}).length > 1`},
	{"apply", `return Math.max.apply(null, {length: 1e9}) > 1`},
	{"a chain of bind", `let f = () => true; for (;;) f = f.bind(null)`},
	{"natives that call natives", `const a = Array.from({length: 1000}, () => "x"), f = [].map; return a.map(() => a.map(() => a.map(String))).length > 0 && (() => { for (;;); })()`},
	{"natives as callbacks", `const a = Array.from({length: 100000}, () => 1), s = "x".repeat(100000); return a.some(String.prototype.includes, s + "y")`},
	{"keys as callbacks", `const o = {}; for (let i = 0; i < 5000; i++) o["k" + i] = i; for (;;) Array.from({length: 1000}, () => o).forEach(Object.keys)`},
	{"a string by its entries", `const s = "x".repeat(900000), b = []; for (let i = 0; ; i++) b[i] = Object.entries(s)`},
	{"a string by assign", `const s = "x".repeat(900000); for (;;) Object.assign({}, s)`},
	{"a backtracking expression", `return /^(?=(a+)+$)(a+)+\1$/.test("a".repeat(60) + "b")`},
	{"a backtracking expression, negated", `return !/^(?=(a+)+$)(a+)+\1$/.test("a".repeat(60) + "b")`},
	{"a backtracking expression by replace", `return "ä".concat("a".repeat(60), "b").replace(/(?:a+)+$/g, "") !== ""  && !/^(a+)+\1$/.test("a".repeat(60) + "b")`},
	{"a backtracking expression by lastIndex", `const r = /^.(?:a|aa)+$|(?:a|aa|aaa)+c/g; r.lastIndex = 1; return !r.test("x" + "a".repeat(80) + "b")`},
	{"a backtracking expression in a loop", `for (;;) { try { /^(a+)+\1$/.test("a".repeat(40) + "b") } catch (e) {} }`},
	{"a backtracking expression made of text", `return !new RegExp("^(a+)+\\1$").test("a".repeat(60) + "b")`},
	{"a backtracking expression by match", `return "a".repeat(60).concat("b").match("^(a+)+\\1$") === null`},
	{"a huge automaton", `return /(?:(?:x{0,30}){0,30})y/.test("x".repeat(500000))`},
	{"a long pattern", `return new RegExp("(x|".repeat(300) + ")".repeat(300) + "y{1000}").test("x") || new RegExp("a".repeat(100000)).test("a")`},
	{"code of a string", `return (() => 1).constructor("return true")()`},
	{"code of a string by a computed name", `return (() => 1)["const" + "ructor"]("return true")()`},
	{"code of a string by a pattern", `const {constructor: F} = () => 1; return F("return true")()`},
	{"code of a string by a class", `return class {}.constructor("return true")()`},
	{"code of a string by descriptors", `return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(() => 1), "constr" + "uctor").value("return true")()`},
	{"eval", `return eval("true")`},
	{"eval, indirect", `return (0, eval)("true")`},
	{"the global object", `return globalThis.eval("true")`},
	{"typed arrays", `return new Uint8Array(1e9).length > 1`},
	{"buffers", `return new ArrayBuffer(1e9).byteLength > 1`},
	{"a proxy", `return new Proxy([], {get: () => 1e9}).length > 1`},
	{"reflection", `return Reflect.ownKeys([]).length > 0`},
	{"chance", `return Math.random() < 2`},
	{"chance by a computed name", `return Math["ran" + "dom"]() < 2`},
	{"a thenable", `return {then(resolve) { resolve(true) }}`},
	{"fromCharCode", `return String.fromCharCode(...new Array(1e9)) !== ""`},
	{"String.raw", `return String.raw({raw: {length: 1e9}}, "x") !== ""`},
	{"deep JSON", `return JSON.parse("[".repeat(100000) + "]".repeat(100000)) !== null`},
	{"localized text of arrays", `let a = ["x"]; for (let i = 0; i < 40; i++) a = [a, a]; return a.toLocaleString() !== ""`},
	{"many keys", `const o = {}; for (let i = 0; ; i++) o["k" + i] = i`},
	{"a long chain of prototypes", `let o = {}; for (;;) o = Object.create(o)`},
	{"a throw with a loop in it", `throw {get message() { for (;;); }}`},
	{"a throw with a loop in its name", `throw {get name() { for (;;); }}`},
	{"a throw of a long text", `throw "x".repeat(1000000)`},
	{"escapes that grow", `let s = "ä"; for (;;) s = encodeURIComponent(s)`},
}

const (
	hostileDeadline = 50 * time.Millisecond
	hostileTime     = hostileDeadline + 250*time.Millisecond
	hostileMemory   = 192 << 10 // KiB resident at most, of the whole process
)

// hostileResult is what the child tells.
type hostileResult struct {
	Pass    bool
	Err     string
	Elapsed time.Duration
}

// TestHostilePolicy is the child: it runs the one script that its environment
// names, in a process that nobody would miss.
func TestHostilePolicy(t *testing.T) {
	script, ok := os.LookupEnv("M2MD_HOSTILE")
	if !ok {
		t.Skip("run by TestHostilePoliciesAreDeniedSoonAndCheaply")
	}
	var result hostileResult
	policy, err := scripting.New(scripting.Options{Deadline: hostileDeadline}).CompilePolicy(source(script, nil))
	if err == nil {
		began := time.Now()
		var verdict engine.Verdict
		verdict, err = policy.Evaluate(t.Context(), &engine.PolicyInput{JWT: engine.Claims{"a": []any{"x"}}, Time: noon})
		result.Pass = verdict.Pass
		result.Elapsed = time.Since(began)
	}
	if err != nil {
		result.Err = err.Error()
	}
	out, _ := json.Marshal(result)
	fmt.Printf("\nRESULT %s\n", out)
}

func TestHostilePoliciesAreDeniedSoonAndCheaply(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			result, memory := runHostile(t, tt.script)
			for range 2 { // a busy machine may be late once; what has no bound is late each time
				if result.Elapsed > hostileTime {
					result, memory = runHostile(t, tt.script)
				}
			}
			t.Logf("%v, %d MiB: %s", result.Elapsed, memory>>10, result.Err)
			if result.Pass || result.Err == "" {
				t.Errorf("pass = %v, error %q", result.Pass, result.Err)
			}
			if len(result.Err) > 500 {
				t.Errorf("an error of %d bytes", len(result.Err))
			}
			if !raceEnabled() && (result.Elapsed > hostileTime || memory > hostileMemory) {
				t.Errorf("took %v and %d KiB, more than %v and %d KiB", result.Elapsed, memory, hostileTime, hostileMemory)
			}
		})
	}
}

func runHostile(t *testing.T, script string) (result hostileResult, maxRSS int64) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostilePolicy$", "-test.v")
	child.Env = append(os.Environ(), "M2MD_HOSTILE="+script, "GOMEMLIMIT=1GiB", "GORACE=atexit_sleep_ms=0")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	_, line, ok := strings.Cut(string(out), "RESULT ")
	if !ok {
		t.Fatalf("no result in %.2000s", out)
	}
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&result); err != nil {
		t.Fatal(err)
	}
	if usage, ok := child.ProcessState.SysUsage().(*syscall.Rusage); ok {
		maxRSS = usage.Maxrss
	}
	return result, maxRSS
}

// raceEnabled says whether the detector, which costs ten times of either, runs.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// slow takes far more time than units.
const slow = `const s = "x".repeat(100000), a = s + "a", b = s + "b"; for (let i = 0; i < 20000; i++) if (a === b) return true; return false`

func TestACanceledRequestEndsItsPolicy(t *testing.T) {
	policy, err := scripting.New(scripting.Options{Deadline: time.Minute}).CompilePolicy(source(slow, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if verdict, err := policy.Evaluate(ctx, github(t)); verdict.Pass || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", verdict, err)
	}
	if verdict, err := compile(t, `return true`, nil).Evaluate(ctx, github(t)); verdict.Pass || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v, %v", verdict, err)
	}
}

func TestAPanicOfTheHostIsAnError(t *testing.T) {
	in := &engine.PolicyInput{JWT: engine.Claims{"bad": struct{}{}}, Time: noon}
	if pass, err := evaluate(t, `return request.context.oauth_jwt.bad === 1`, in); pass || err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %v, %v", pass, err)
	}
}
