package scripting_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// countedOn runs a policy on claims, one after the other, and tells what came of
// its conditions: text yes/no.
func countedOn(t *testing.T, script string, claims ...engine.Claims) ([]scripting.Condition, []string) {
	t.Helper()
	coverage := &scripting.Coverage{}
	at := engine.Range{File: "p.hcl", Start: engine.Pos{Line: 3, Column: 5, Byte: 40}}
	policy, err := scripting.New(scripting.Options{Coverage: coverage}).CompilePolicy(engine.PolicySource{Decl: engine.Decl{Label: "p"}, Script: engine.Script{Text: script, At: at}})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := scripting.New(scripting.Options{}).CompilePolicy(engine.PolicySource{Decl: engine.Decl{Label: "p"}, Script: engine.Script{Text: script, At: at}})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range claims {
		verdict, err := policy.Evaluate(t.Context(), &engine.PolicyInput{JWT: one})
		want, wantErr := plain.Evaluate(t.Context(), &engine.PolicyInput{JWT: one})
		if verdict.Pass != want.Pass || (err == nil) != (wantErr == nil) {
			t.Errorf("counted, the script says %t (%v) of %v; else %t (%v)", verdict.Pass, err, one, want.Pass, wantErr)
		}
	}
	var told []string
	for _, one := range coverage.Conditions() {
		told = append(told, fmt.Sprintf("%s %d/%d", one.Text, one.Yes, one.No))
	}
	return coverage.Conditions(), told
}

func TestConditionsAreCountedAsTheyComeOut(t *testing.T) {
	a, b, neither := engine.Claims{"x": "a"}, engine.Claims{"x": "b"}, engine.Claims{}
	tests := []struct {
		script string
		want   string
	}{
		{`return request.context.JWT.x === "a";`, `request.context.JWT.x === "a" 1/2`},
		{`const x = request.context.JWT.x; return x !== undefined && x === "a";`, `x !== undefined 2/1, x === "a" 1/1`},
		{`const x = request.context.JWT.x; return x === "a" || x === "b";`, `x === "a" 1/2, x === "b" 1/1`},
		{`const x = request.context.JWT.x; if (!x) return false; return x === "a";`, `!x 1/2, x === "a" 1/1`},
		{`const x = request.context.JWT.x ?? "c"; return x === "c" ? true : false;`, `request.context.JWT.x 1/2, x === "c" 1/2, x === "c" ? true : false 1/2`},
		{`switch (request.context.JWT.x) { case "a": return true; default: return false; }`, `case 1/0, default 2/0`},
		{`try { return request.context.JWT.x.length === 1; } catch (e) { return false; }`, `request.context.JWT.x.length === 1 2/0, catch 1/0`},
		{`return ["a", "z"].some(one => one === request.context.JWT.x);`, `["a", "z"].some(one => one === request.context.JWT.x) 1/2, one === request.context.JWT.x 1/4`},
		{`let n = 0; for (let i = 0; i < 2; i++) n += i; return n === 1;`, `i < 2 6/3, n === 1 3/0`},
		{`const f = (x) => { return x; }; return f(true);`, `f(true) 3/0`},
		{`return true;`, ``},
	}
	for _, tt := range tests {
		if _, told := countedOn(t, tt.script, a, b, neither); strings.Join(told, ", ") != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.script, strings.Join(told, ", "), tt.want)
		}
	}
}

func TestAConditionSaysWhatNeverCame(t *testing.T) {
	all, _ := countedOn(t, `
      const x = request.context.JWT.x;
      if (x === "a") { return true; }
      if (x === "never") { return x.length === 0; }
      return false;`, engine.Claims{"x": "a"}, engine.Claims{"x": "b"})
	var told []string
	for _, one := range all {
		told = append(told, fmt.Sprintf("%s:%d:%d %s", one.At.File, one.At.Start.Line, one.At.Start.Column, one.Missed()))
	}
	want := "p.hcl:5:11 , p.hcl:6:11 never true, p.hcl:6:35 never reached"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
