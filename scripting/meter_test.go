package scripting_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// TestTheSameScriptMayTakeTheSameStepsEachTime looks for the longest loop that
// passes: that is no matter of the clock.
func TestTheSameScriptMayTakeTheSameStepsEachTime(t *testing.T) {
	for _, body := range []string{
		`for (let i = 0; i < inputs.n; i++) { } return true`,
		`const f = n => n <= 0 ? true : f2(n - 1), f2 = n => f(n); for (let i = 0; i < inputs.n; i++) f(10); return true`,
		`const a = []; for (let i = 0; i < inputs.n; i++) a.push("x" + i); return a.join("") !== ""`,
	} {
		longest := func() int {
			return sort.Search(1<<20, func(n int) bool {
				policy := compile(t, strings.ReplaceAll(body, "inputs.n", fmt.Sprint(n)), nil)
				verdict, err := policy.Evaluate(t.Context(), github(t))
				if verdict.Pass != (err == nil) {
					t.Fatalf("%d: %v, %v", n, verdict, err)
				}
				return err != nil
			})
		}
		if first, second := longest(), longest(); first != second || first < 500 || first == 1<<20 {
			t.Errorf("%s: %d rounds, then %d", body, first, second)
		}
	}
}

// TestWhatPoliciesDoFitsTheBudget has more of everything than any policy needs.
func TestWhatPoliciesDoFitsTheBudget(t *testing.T) {
	in := github(t)
	for i := range 500 {
		in.User.Groups = append(in.User.Groups, fmt.Sprintf("group-%d", i))
	}
	in.JWT["long"] = strings.Repeat("word ", 2000)
	for _, script := range []string{
		`return request.user.groups.map(g => g.toUpperCase()).filter(g => g.startsWith("GROUP-")).length === 500`,
		`const a = []; for (const g of request.user.groups) a.push(g + "!"); return a.length === 501`,
		`return [...new Set(request.user.groups)].sort().join(",").split(",").length === 501`,
		`return request.user.groups.some(a => inputs.allowed.includes(a)) && inputs.allowed.every(a => request.user.groups.includes(a))`,
		`let n = 0; for (const a of request.user.groups) for (const b of inputs.allowed) if (a === b) n++; return n === 2`,
		`return /^[a-z0-9-]{1,39}\/[A-Za-z0-9._-]{1,100}$/.test(request.context.oauth_jwt.repository)`,
		`return request.user.groups.every(g => /^[a-z][a-z0-9-]{0,62}$/.test(g))`,
		`return request.context.oauth_jwt.long.split(" ").filter(w => w === "word").length === 2000`,
		`return request.context.oauth_jwt.long.replace(/word/g, "x").length === 4000`,
		`const o = {}; for (const g of request.user.groups) o[g] = g.length; return Object.keys(o).length === 501 && JSON.stringify({...o}) !== ""`,
		`return JSON.parse(JSON.stringify(request.user.groups)).length === 501`,
		`try { JSON.parse("{") } catch (e) { return e instanceof SyntaxError } return false`,
		`const m = new Map(request.user.groups.map((g, i) => [g, i])); return [...m.entries()].length === 501 && m.get("group-7") === 8`,
		`return [...request.context.oauth_jwt.long.matchAll(/w(or)d/g)].every(m => m[1] === "or")`,
		`const r = /word/g; let n = 0; while (r.exec(request.context.oauth_jwt.long)) n++; return n === 2000`,
		`return [..."a1b22c333".matchAll(/[0-9]+/g)].map(m => m[0]).join() === "1,22,333"`,
		`class Rule { constructor(n) { this.n = n } fits(g) { return g === this.n } } const r = new Rule("ci"); return request.user.groups.some(g => r.fits(g))`,
		`const f = ({a = 1, b: {c = 2} = {}} = {}, ...rest) => a + c + rest.length; return f() === 3 && f({a: 2, b: {c: 3}}, 1) === 6`,
		`const {repository, ...others} = request.context.oauth_jwt; return !("repository" in others) && others.ref === "refs/heads/main"`,
		`const g = () => parseInt("12px") + Number.parseFloat("1.5"); return g() === 13.5`,
	} {
		policy := compile(t, script, map[string]any{"allowed": []any{"ci", "group-499"}})
		if verdict, err := policy.Evaluate(t.Context(), in); !verdict.Pass || err != nil {
			t.Errorf("%s: %v, %v", script, verdict, err)
		}
	}
}

// TestLargePoliciesMakeNoSmallOneWait runs more large ones than there are places.
func TestLargePoliciesMakeNoSmallOneWait(t *testing.T) {
	compiler := scripting.New(scripting.Options{Deadline: 500 * time.Millisecond})
	compiled := func(script string) engine.Policy {
		policy, err := compiler.CompilePolicy(source(script, nil))
		if err != nil {
			t.Fatal(err)
		}
		return policy
	}
	large, small := compiled(slow), compiled(`return request.context.source === "github"`)
	var wait sync.WaitGroup
	ends := make([]error, 2*runtime.GOMAXPROCS(0)+2)
	for i := range ends {
		wait.Go(func() { _, ends[i] = large.Evaluate(t.Context(), github(t)) })
	}
	running := make(chan struct{})
	go func() { wait.Wait(); close(running) }()
	for asked := 0; ; asked++ {
		if verdict, err := small.Evaluate(t.Context(), github(t)); !verdict.Pass || err != nil {
			t.Fatalf("the small one: %v, %v", verdict, err)
		}
		select {
		case <-running:
			if asked < 2 {
				t.Errorf("only %d small ones had their turn", asked)
			}
			if crowded := func(err error) bool { return err != nil && strings.Contains(err.Error(), "too many large policies") }; !slices.ContainsFunc(ends, crowded) {
				t.Errorf("none had to wait: %v", errors.Join(ends...))
			}
			return
		default:
		}
	}
}
