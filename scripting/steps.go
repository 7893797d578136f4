package scripting

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// A region is a part of a script that runs as a whole, if it runs: the body of
// a function or loop, what catches an exception, the default of a parameter.
// Each pays when it is entered for all that stands in it but not in a function
// of its own, so that however a script goes about it, no step comes for nothing.
// A loop that stands in a region counts there once more, for what it does
// before its first round.
func (a *analysis) region(node any, v reflect.Value) {
	a.weight += weigh(node)
	loop := false
	switch node.(type) {
	case *ast.ForStatement, *ast.ForInStatement, *ast.ForOfStatement, *ast.WhileStatement, *ast.DoWhileStatement:
		loop = true
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral, *ast.CatchStatement:
	default:
		a.walk(v)
		return
	}
	outside := a.weight
	a.weight = weightOfEntry(node)
	a.walk(v)
	a.enter(node, a.weight)
	if loop {
		outside += a.weight
	}
	a.weight = outside
}

// weigh is how many units one node costs where it is run: what it may make, by
// measurement, and one for the step itself.
func weigh(node any) int {
	switch n := node.(type) {
	case *ast.ObjectLiteral:
		return 8 + 4*min(len(n.Value), 2)
	case *ast.ArrayLiteral, *ast.RegExpLiteral:
		return 12
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		return 16
	case *ast.ClassLiteral:
		return 32
	case *ast.NewExpression:
		if callee, ok := n.Callee.(*ast.Identifier); ok && traceless[callee.Name.String()] {
			return 24
		}
		return trace
	case *ast.CallExpression:
		switch callee := n.Callee.(type) {
		case *ast.Identifier:
			if errorNames[callee.Name.String()] {
				return trace
			}
		case *ast.SuperExpression:
			return trace
		}
		return 16 // most natives make one object at most
	case *ast.TemplateLiteral:
		if n.Tag != nil {
			return 32
		}
		return 2
	case *ast.DotExpression:
		return weighName(n.Identifier.Name.String())
	case *ast.BracketExpression:
		if key, ok := n.Member.(*ast.StringLiteral); ok {
			return weighName(key.Value.String())
		}
		return 2
	case *ast.Identifier:
		if n.Name == "arguments" {
			return 16
		}
		return 1
	case *ast.AssignExpression, *ast.SpreadElement:
		return 4
	}
	return 1
}

// weighName: some properties are made anew each time they are read.
func weighName(name string) int {
	switch name {
	case "stack":
		return 256
	case "source", "flags":
		return 16
	}
	return 1
}

func weightOfEntry(node any) int {
	if _, ok := node.(*ast.CatchStatement); ok {
		return trace
	}
	return 2
}

// trace is what an exception weighs, which holds a trace of all calls; and
// whatever is made by new, as it may be one.
const trace = 160

// traceless are the constructors that are not so dear.
var traceless = map[string]bool{"Map": true, "Set": true, "Date": true, "Array": true, "Object": true, "String": true, "Number": true, "Boolean": true, "RegExp": true}

var errorNames = map[string]bool{"Error": true, "TypeError": true, "RangeError": true, "SyntaxError": true, "ReferenceError": true}

// errorName notes a name of an error in a place where its cost is known.
func (a *analysis) errorName(expr ast.Expression) {
	if name, ok := expr.(*ast.Identifier); ok {
		a.errors[name] = true
	}
}

// enter puts the meter where a region begins.
func (a *analysis) enter(node any, units int) {
	switch n := node.(type) {
	case *ast.FunctionLiteral:
		a.enterBlock(n.Body, units)
	case *ast.ArrowFunctionLiteral:
		switch body := n.Body.(type) {
		case *ast.BlockStatement:
			a.enterBlock(body, units)
		case *ast.ExpressionBody:
			body.Expression = &ast.SequenceExpression{Sequence: []ast.Expression{a.read(body.Expression.Idx0(), units), body.Expression}}
		}
	case *ast.CatchStatement:
		a.enterBlock(n.Body, units)
	case *ast.ForStatement:
		n.Body = a.enterLoop(n.Body, units)
	case *ast.ForInStatement:
		n.Body = a.enterLoop(n.Body, units)
	case *ast.ForOfStatement:
		n.Body = a.enterLoop(n.Body, units)
	case *ast.WhileStatement:
		n.Body = a.enterLoop(n.Body, units)
	case *ast.DoWhileStatement:
		n.Body = a.enterLoop(n.Body, units)
	}
}

func (a *analysis) enterBlock(block *ast.BlockStatement, units int) {
	block.List = slices.Insert(block.List, 0, ast.Statement(&ast.ExpressionStatement{Expression: a.read(block.LeftBrace, units)}))
}

func (a *analysis) enterLoop(body ast.Statement, units int) ast.Statement {
	if block, ok := body.(*ast.BlockStatement); ok {
		a.enterBlock(block, units)
		return block
	}
	step := &ast.ExpressionStatement{Expression: a.read(body.Idx0(), units)}
	return &ast.BlockStatement{LeftBrace: body.Idx0(), List: []ast.Statement{step, body}, RightBrace: body.Idx1()}
}

// ownRegion marks an expression that runs before the region it stands in.
func (a *analysis) ownRegion(expr ast.Expression) {
	switch expr.(type) {
	case nil, *ast.Identifier, *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
	default:
		a.own[expr] = true
	}
}

// defaults marks what runs while a pattern takes its value apart.
func (a *analysis) defaults(target ast.Expression) {
	switch t := target.(type) {
	case *ast.AssignExpression:
		a.defaults(t.Left)
		a.ownRegion(t.Right)
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			a.defaults(element)
		}
		a.defaults(t.Rest)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				a.ownRegion(p.Initializer)
			case *ast.PropertyKeyed:
				if p.Computed {
					a.ownRegion(p.Key)
				}
				a.defaults(p.Value)
			}
		}
		a.defaults(t.Rest)
	}
}

// element is one of the meter.
func (a *analysis) element(at file.Idx, n int) *ast.BracketExpression {
	a.calls[meterName] = true
	return &ast.BracketExpression{
		Left:        &ast.Identifier{Name: unistring.String(meterName), Idx: at},
		LeftBracket: at, RightBracket: at,
		Member: &ast.NumberLiteral{Idx: at, Literal: strconv.Itoa(n), Value: int64(n)},
	}
}

// read makes an expression that pays n units.
func (a *analysis) read(at file.Idx, n int) ast.Expression {
	return a.element(at, min(n, budget+1))
}

// write makes an expression that pays for the value of another, and has it.
func (a *analysis) write(what int, value ast.Expression) ast.Expression {
	return &ast.AssignExpression{Operator: token.ASSIGN, Left: a.element(value.Idx0(), what), Right: value}
}

func isMeter(e ast.Expression) bool {
	name, ok := e.(*ast.Identifier)
	return ok && name.Name == meterName
}
