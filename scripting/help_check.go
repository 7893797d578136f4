package scripting

import (
	"fmt"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/m2md/m2md/engine"
)

// helpUse is what a script does with helpers, as far as it can be seen when it
// is compiled.
type helpUse struct {
	source   scriptSource
	found    engine.Findings
	patterns map[patternKey]*matcher // those that stand in the script; never written again
	asked    []engine.Ref            // the policies that it asks
}

// checkHelpers looks at the calls of helpers, but for names that the script has
// for something of its own.
func (m *members) checkHelpers(source scriptSource) *helpUse {
	use := &helpUse{source: source, patterns: map[patternKey]*matcher{}}
	labelled := map[*ast.Identifier]bool{}
	for _, call := range m.calls {
		name := call.Callee.(*ast.Identifier)
		h, ok := helperOf(name.Name.String())
		if !ok || m.own(name.Name.String()) {
			continue
		}
		labelled[name] = true
		use.call(name, h, call)
	}
	for _, name := range m.uses {
		called := name.Name.String()
		h, ok := helperOf(called)
		if !ok || m.own(called) {
			continue
		}
		if called == "callPolicy" && !labelled[name] {
			use.refuse(name.Idx, called, "callPolicy is not called", `Which policies a script asks is known before it runs: write callPolicy("LABEL") wherever one is asked.`)
		}
		if h.policies && source.what != whatPolicy {
			use.refuse(name.Idx, called, called+" is for policies", "What a mapping says is the claims that it returns. Tell people from a policy of the access.")
		}
	}
	return use
}

func (u *helpUse) refuse(at file.Idx, text, summary, detail string) {
	u.found = append(u.found, engine.Finding{Summary: summary, Detail: detail, At: u.source.rangeAt(int(at)-1-len(prefix), len(text))})
}

// call judges one call by the arguments that are written out.
func (u *helpUse) call(name *ast.Identifier, h helper, call *ast.CallExpression) {
	called := name.Name.String()
	for _, arg := range call.ArgumentList {
		if _, spread := arg.(*ast.SpreadElement); spread {
			if called == "callPolicy" {
				u.refuse(name.Idx, called, "callPolicy wants a label", `Write callPolicy("LABEL").`)
			}
			return // how many there are shows when it runs
		}
	}
	if !h.fits(len(call.ArgumentList)) {
		u.refuse(name.Idx, called, called+" takes "+h.takes(), fmt.Sprintf("This call has %d arguments.", len(call.ArgumentList)))
		return
	}
	switch called {
	case "regexMatch", "regexReplace", "glob":
		u.pattern(called, call.ArgumentList[1])
	case "ipInNetwork":
		u.networks(call.ArgumentList[1])
	case "callPolicy":
		u.label(call.ArgumentList[0])
	}
}

// literal is a string that is written out.
func literal(e ast.Expression) (string, bool) {
	switch e := e.(type) {
	case *ast.StringLiteral:
		return e.Value.String(), true
	case *ast.TemplateLiteral:
		if len(e.Expressions) == 0 && e.Tag == nil && len(e.Elements) == 1 && e.Elements[0].Valid {
			return e.Elements[0].Parsed.String(), true
		}
	}
	return "", false
}

// pattern compiles a pattern that is written out.
func (u *helpUse) pattern(called string, arg ast.Expression) {
	text, ok := literal(arg)
	if !ok {
		if _, regex := arg.(*ast.RegExpLiteral); regex {
			u.refuse(arg.Idx0(), "/", called+" takes a pattern as text", `Write it in quotes, such as "refs/heads/(main|release-.*)". A regular expression between slashes is another language, and has its own method test.`)
		}
		return
	}
	key := patternKey{called == "glob", text}
	compiled, err := key.compile()
	if err != nil {
		u.refuse(arg.Idx0(), text, "invalid pattern", fmt.Sprintf("It is an expression of RE2, as in pattern(): %s. A backslash is written twice in quotes.", err))
		return
	}
	u.patterns[key] = compiled
}

// networks judges the networks that are written out.
func (u *helpUse) networks(arg ast.Expression) {
	all := []ast.Expression{arg}
	if list, ok := arg.(*ast.ArrayLiteral); ok {
		all = list.Value
	}
	for _, one := range all {
		text, ok := literal(one)
		if !ok {
			continue
		}
		if _, err := parseNetwork(text); err != nil {
			u.refuse(one.Idx0(), text, "invalid network", strings.ToUpper(err.Error()[:1])+err.Error()[1:]+".")
		}
	}
}

// label notes which policy is asked.
func (u *helpUse) label(arg ast.Expression) {
	text, ok := literal(arg)
	if !ok {
		u.refuse(arg.Idx0(), "x", "callPolicy wants a label that is written out", `Which policies a script asks is known before it runs: write callPolicy("LABEL").`)
		return
	}
	at := u.source.rangeAt(int(arg.Idx0())-1-len(prefix), len(text)+2)
	u.asked = append(u.asked, engine.Ref{Kind: engine.KindPolicy, Label: text, At: at})
}
