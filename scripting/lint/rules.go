package lint

import (
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/scripting"
)

// node looks at one node by itself.
func (j *judge) node(node any) {
	switch n := node.(type) {
	case *ast.BinaryExpression:
		j.binary(n)
	case *ast.IfStatement:
		j.condition(n.Test)
	case *ast.ConditionalExpression:
		j.condition(n.Test)
	case *ast.WhileStatement:
		j.assignment(n.Test)
	case *ast.UnaryExpression:
		if n.Operator == token.NOT {
			j.truth(n.Operand)
		}
	case *ast.CallExpression:
		j.call(n)
	case *ast.DotExpression, *ast.BracketExpression:
		j.member(n.(ast.Expression))
	case *ast.Identifier:
		j.mention(n)
	case *ast.ObjectPattern:
		j.pattern(n)
	}
}

func (j *judge) binary(n *ast.BinaryExpression) {
	switch n.Operator {
	case token.EQUAL, token.NOT_EQUAL:
		if !isNull(n.Left) && !isNull(n.Right) {
			j.tell(looseEquality, n, n.Operator.String()+" converts before it compares", "Write %s=: with %s, a claim of another type passes for the one that is meant.", n.Operator, n.Operator)
		}
		j.compared(n)
	case token.STRICT_EQUAL, token.STRICT_NOT_EQUAL:
		j.compared(n)
	case token.LOGICAL_AND, token.LOGICAL_OR:
		j.truth(n.Left)
		j.truth(n.Right)
		for _, side := range []ast.Expression{n.Left, n.Right} {
			if outcome, known := j.constant(side); known && isTest(side) {
				j.tell(constantResult, side, "this always comes out "+word(outcome), "")
			}
		}
	}
}

// isTest says whether an expression asks something: others are there for their
// value, such as "" in name || "".
func isTest(e ast.Expression) bool {
	switch e.(type) {
	case *ast.BooleanLiteral, *ast.UnaryExpression, *ast.BinaryExpression:
		return true
	}
	return false
}

func word(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func isNull(e ast.Expression) bool {
	switch x := e.(type) {
	case *ast.NullLiteral:
		return true
	case *ast.Identifier:
		return x.Name == "undefined"
	case *ast.UnaryExpression: // void 0
		return x.Operator == token.VOID
	}
	return false
}

// condition looks at what is asked by if and by ?:.
func (j *judge) condition(test ast.Expression) {
	j.assignment(test)
	j.truth(test)
	if outcome, known := j.constant(test); known {
		j.tell(constantResult, test, "this condition always comes out "+word(outcome), "")
	}
}

func (j *judge) assignment(test ast.Expression) {
	if n, ok := test.(*ast.AssignExpression); ok && n.Operator == token.ASSIGN {
		j.tell(assignedInTest, n, "an assignment where a comparison was meant", "")
	}
}

// constant is what an expression always comes out as.
func (j *judge) constant(e ast.Expression) (outcome, known bool) {
	switch x := e.(type) {
	case *ast.BooleanLiteral:
		return x.Value, true
	case *ast.NullLiteral:
		return false, true
	case *ast.StringLiteral:
		return x.Value != "", true
	case *ast.ObjectLiteral, *ast.ArrayLiteral, *ast.RegExpLiteral, *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		return true, true
	case *ast.UnaryExpression:
		if x.Operator == token.NOT {
			outcome, known = j.constant(x.Operand)
			return !outcome, known
		}
	case *ast.BinaryExpression:
		return j.constantOf(x)
	}
	return false, false
}

func (j *judge) constantOf(x *ast.BinaryExpression) (outcome, known bool) {
	left, leftKnown := j.constant(x.Left)
	right, rightKnown := j.constant(x.Right)
	switch x.Operator {
	case token.LOGICAL_AND:
		return left && right, leftKnown && rightKnown || leftKnown && !left || rightKnown && !right
	case token.LOGICAL_OR:
		return left || right, leftKnown && rightKnown || leftKnown && left || rightKnown && right
	case token.EQUAL, token.NOT_EQUAL, token.STRICT_EQUAL, token.STRICT_NOT_EQUAL:
		negated := x.Operator == token.NOT_EQUAL || x.Operator == token.STRICT_NOT_EQUAL
		if a, b := literal(x.Left), literal(x.Right); a != "" && b != "" {
			return (a == b) != negated, true
		}
		if at := j.names.path(x.Left); at != nil && slices.Equal(at, j.names.path(x.Right)) {
			return !negated, true
		}
	}
	return false, false
}

// literal is the text of a string, number, boolean or null that is written out,
// with its kind before it.
func literal(e ast.Expression) string {
	switch x := e.(type) {
	case *ast.StringLiteral:
		return "s" + x.Value.String()
	case *ast.NumberLiteral:
		return "n" + x.Literal
	case *ast.BooleanLiteral:
		return "b" + word(x.Value)
	case *ast.NullLiteral:
		return "null"
	}
	return ""
}

// results looks at what the script can return, all in all.
func (j *judge) results() {
	if j.kind != engine.KindPolicy {
		return
	}
	var body any = j.Function.Body
	if j.Module {
		last := j.Function.Body.List[len(j.Function.Body.List)-1].(*ast.ReturnStatement)
		callee := last.Argument.(*ast.CallExpression).Callee
		if name, ok := callee.(*ast.Identifier); ok && j.names.declared[name.Name.String()] == 1 {
			callee = j.names.values[name.Name.String()].of
		}
		switch f := callee.(type) {
		case *ast.FunctionLiteral:
			body = f.Body
		case *ast.ArrowFunctionLiteral:
			if expression, ok := f.Body.(*ast.ExpressionBody); ok {
				if outcome, known := j.constant(expression.Expression); known {
					j.tell(constantResult, expression.Expression, "the policy always returns "+word(outcome), "")
				}
				return
			}
			body = f.Body
		default:
			return
		}
	}
	j.returns(body)
}

// returns tells where every return gives the same.
func (j *judge) returns(body any) {
	all := collect(body)
	if len(all) == 0 {
		return
	}
	first, _ := j.constant(all[0].Argument)
	for _, r := range all {
		if outcome, known := j.constant(r.Argument); !known || outcome != first {
			return
		}
	}
	for _, r := range all {
		j.tell(constantResult, r.Argument, "the policy always returns "+word(first), "")
	}
}

// collect gathers the returns of a function, not those of functions within.
func collect(node any) (all []*ast.ReturnStatement) {
	inner := map[*ast.ReturnStatement]bool{}
	visit(node, func(n any) {
		switch f := n.(type) {
		case *ast.FunctionLiteral:
			visit(f.Body, markReturns(inner))
		case *ast.ArrowFunctionLiteral:
			visit(f.Body, markReturns(inner))
		}
	})
	visit(node, func(n any) {
		if r, ok := n.(*ast.ReturnStatement); ok && !inner[r] {
			all = append(all, r)
		}
	})
	return all
}

func markReturns(inner map[*ast.ReturnStatement]bool) func(any) {
	return func(n any) {
		if r, ok := n.(*ast.ReturnStatement); ok {
			inner[r] = true
		}
	}
}

// call looks at what is called, and on what.
func (j *judge) call(n *ast.CallExpression) {
	switch callee := bare(n.Callee).(type) {
	case *ast.Identifier:
		j.function(callee)
	case *ast.DotExpression:
		j.method(n, callee)
	}
}

// globalFunctions are those of the language that a script has.
const globalFunctions = " Object Array String Number Boolean Map Set Error TypeError RangeError SyntaxError ReferenceError RegExp Date isNaN isFinite parseInt parseFloat encodeURIComponent decodeURIComponent encodeURI decodeURI "

// elsewhere are the names that authentik and others have for helpers.
func elsewhere(name string) string {
	switch name {
	case "regex_match":
		return "regexMatch"
	case "regex_replace":
		return "regexReplace"
	case "ak_message":
		return "message"
	case "ak_is_group_member":
		return "isGroupMember"
	case "ak_call_policy":
		return "callPolicy"
	case "list_flatten":
		return "listFlatten"
	case "fnmatch", "minimatch":
		return "glob"
	case "ip_address", "ip_network", "cidr":
		return "ipInNetwork"
	case "print":
		return "log"
	}
	return ""
}

func (j *judge) function(name *ast.Identifier) {
	called := name.Name.String()
	helpers := scripting.Helpers()
	if j.names.declared[called] > 0 || slices.Contains(helpers, called) || strings.Contains(globalFunctions, " "+called+" ") || strings.HasPrefix(called, "\x00") {
		return
	}
	hint := ""
	if other := elsewhere(called); other != "" {
		hint = " It is " + other + " here."
	} else {
		hint = engine.DidYouMean(called, helpers)
	}
	j.tell(unknownFunction, name, "there is no function "+called, "Calling it throws, and what throws denies.%s", hint)
}

// method looks at calls of methods on claims and of patterns.
func (j *judge) method(n *ast.CallExpression, callee *ast.DotExpression) {
	name := callee.Identifier.Name.String()
	var argument ast.Expression
	if len(n.ArgumentList) > 0 {
		argument = n.ArgumentList[0]
	}
	switch name {
	case "test", "exec":
		if pattern := j.regex(callee.Left); pattern != nil {
			j.anchored(pattern)
		}
	case "match", "search", "matchAll":
		if pattern := j.regex(argument); pattern != nil {
			j.anchored(pattern)
		}
	case "includes", "indexOf", "lastIndexOf", "startsWith", "endsWith":
		j.part(n, callee.Left, name, argument)
	}
}

// regex is the literal that an expression stands for.
func (j *judge) regex(e ast.Expression) *ast.RegExpLiteral {
	if e == nil {
		return nil
	}
	if name, ok := e.(*ast.Identifier); ok && j.names.declared[name.Name.String()] == 1 {
		e = j.names.values[name.Name.String()].of
	}
	literal, _ := e.(*ast.RegExpLiteral)
	return literal
}

// anchored tells of a pattern that does not match the whole text.
func (j *judge) anchored(n *ast.RegExpLiteral) {
	parsed, err := syntax.Parse(n.Pattern, syntax.Perl)
	if err != nil { // look-around, which RE2 has not: by its ends
		if strings.HasPrefix(n.Pattern, "^") && strings.HasSuffix(n.Pattern, "$") && !strings.Contains(n.Pattern, "|") {
			return
		}
		j.tell(unanchored, n, "the pattern matches a part of the text", "")
		return
	}
	begins, ends := anchors(parsed)
	switch {
	case strings.Contains(n.Flags, "m"):
		j.tell(unanchored, n, "with the flag m, ^ and $ match at lines", "Any line of the text may match. Write regexMatch(text, \"PATTERN\"), which matches the whole, or leave the flag out.")
	case parsed.Op == syntax.OpAlternate && !(begins && ends) && strings.ContainsAny(n.Pattern, "^$"):
		j.tell(unanchored, n, "an anchor holds for one side of | only", "Write ^(?:A|B)$, or regexMatch(text, \"A|B\"), which matches the whole.")
	case !begins || !ends:
		j.tell(unanchored, n, "the pattern matches a part of the text", "")
	}
}

// anchors says whether all that a pattern matches begins and ends where the text
// does.
func anchors(r *syntax.Regexp) (begins, ends bool) {
	switch r.Op {
	case syntax.OpBeginText:
		return true, false
	case syntax.OpEndText:
		return false, true
	case syntax.OpCapture:
		return anchors(r.Sub[0])
	case syntax.OpConcat:
		begins, _ = anchors(r.Sub[0])
		_, ends = anchors(r.Sub[len(r.Sub)-1])
		return begins, ends
	case syntax.OpAlternate:
		begins, ends = true, true
		for _, one := range r.Sub {
			b, e := anchors(one)
			begins, ends = begins && b, ends && e
		}
		return begins, ends
	}
	return false, false
}

// mention notes the use of inputs as a whole, and of what stands for a part.
func (j *judge) mention(n *ast.Identifier) {
	if at := j.names.path(n); len(at) > 1 && at[0] == "inputs" {
		j.read(at[1])
	}
}

func (j *judge) read(input string) {
	if j.inputs == nil {
		j.inputs = map[string]bool{}
	}
	j.inputs[input] = true
}

// member notes what is read of inputs, and of tokens.
func (j *judge) member(e ast.Expression) {
	if at := j.names.path(e); len(at) > 1 && at[0] == "inputs" {
		j.read(at[1])
	}
	if path, ok := j.names.claim(e); ok && len(path) > 0 {
		j.reads = append(j.reads, claimRead{path: path, node: e})
	}
	if bracket, ok := e.(*ast.BracketExpression); ok {
		if _, literal := bracket.Member.(*ast.StringLiteral); !literal {
			if at := j.names.path(bracket.Left); len(at) == 1 && at[0] == "inputs" {
				j.whole = true
			}
		}
	}
}

// pattern notes what destructuring reads.
func (j *judge) pattern(n *ast.ObjectPattern) {
	for _, property := range n.Properties {
		if short, ok := property.(*ast.PropertyShort); ok {
			if path := j.names.path(&short.Name); len(path) > 3 && path[0] == "request" {
				if claim, ok := j.names.claim(&short.Name); ok {
					j.reads = append(j.reads, claimRead{path: claim, node: &short.Name})
				}
			}
		}
	}
}

// unread tells of inputs that the script does not read. Where it hands inputs to
// something else, nothing is known.
func (j *judge) unread(decl engine.Decl, inputs map[string]any) {
	uses, members := 0, 0
	visit(j.Function.Body, func(node any) {
		switch n := node.(type) {
		case *ast.Identifier:
			if at := j.names.path(n); len(at) == 1 && at[0] == "inputs" {
				uses++
			}
		case *ast.DotExpression:
			if at := j.names.path(n.Left); len(at) == 1 && at[0] == "inputs" {
				members++
			}
		case *ast.BracketExpression:
			if at := j.names.path(n.Left); len(at) == 1 && at[0] == "inputs" {
				members++
			}
		case *ast.Binding: // const {a} = inputs, and the parameter itself
			if at := j.names.path(n.Initializer); n.Initializer != nil && len(at) == 1 && at[0] == "inputs" {
				members++
			}
			if name, ok := n.Target.(*ast.Identifier); ok {
				if at := j.names.path(name); len(at) == 1 && at[0] == "inputs" {
					members++
				}
			}
		}
	})
	if j.whole || uses > members {
		return
	}
	for name := range inputs {
		if !j.inputs[name] {
			j.tellAt(unusedInput, decl.AttrAt("inputs"), "the input "+name+" is not read", "")
		}
	}
}
