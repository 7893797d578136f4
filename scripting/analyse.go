package scripting

import (
	"math/big"
	"reflect"
	"sync"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"

	"github.com/m2md/m2md/engine"
)

// What the rewritten script calls. No source can spell these names, so no
// script can reach or shadow them.
const (
	meterName  = "\x00meter"  // meter[n] pays n units, meter[paysLength] = v what was made: see meter
	keyName    = "\x00key"    // key(k): k as a property key that reaches no unguarded native
	spreadName = "\x00spread" // spread(v): what ... takes apart, as an array or string that was paid for
)

// analysis is what was seen of a script while it was rewritten.
type analysis struct {
	source scriptSource
	found  engine.Findings

	names  map[string]bool // properties read by a name that stands in the source
	taken  map[string]bool // those of them that are not called on the spot
	sizes  map[string]int  // of the automata of its regular expressions, by pattern
	calls  map[string]bool // which of meter, key and spread it needs
	tricky bool            // arrays may be sparse, or something may pose as an array
	traces bool            // a native may be made to make errors, each of which holds a trace of all calls
	nests  bool            // arrays may come to stand in arrays

	weight int                     // of the steps seen so far in the region that is walked
	own    map[ast.Expression]bool // expressions that are regions of their own

	called map[ast.Expression]bool  // member expressions that are called on the spot
	paid   map[ast.Expression]bool  // patterns whose array or object is charged
	spread map[ast.Expression]bool  // elements that are spread into an object
	errors map[*ast.Identifier]bool // names of errors where they are called, extended or compared with
	plain  map[*ast.Identifier]bool // Array where it only stands before a static method
	slots  *sync.Map                // the fields of a node that hold nodes: []int by reflect.Type

	members *members // what it reads of request and inputs, and which helpers it calls
}

// analyse walks the function and rewrites it in place: what makes longer
// strings and arrays without calling anything is made to pay, and computed
// keys are checked. It finds what is refused at once.
func analyse(fn *ast.FunctionLiteral, source scriptSource, slots *sync.Map) *analysis {
	a := &analysis{
		source: source,
		names:  map[string]bool{}, taken: map[string]bool{}, calls: map[string]bool{}, sizes: map[string]int{},
		own: map[ast.Expression]bool{}, called: map[ast.Expression]bool{}, paid: map[ast.Expression]bool{},
		spread: map[ast.Expression]bool{}, errors: map[*ast.Identifier]bool{},
		plain: map[*ast.Identifier]bool{}, slots: slots, members: newMembers(),
	}
	a.walk(reflect.ValueOf(fn.Body))
	return a
}

// walk goes through every node by reflection, so that no kind of node can be
// forgotten, and puts rewritten expressions into their places.
func (a *analysis) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		if v.Type() != reflect.TypeFor[ast.Expression]() {
			a.walk(v.Elem())
			return
		}
		expr := v.Interface().(ast.Expression)
		if out := a.expression(expr, v.Elem()); out != expr {
			v.Set(reflect.ValueOf(out))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		node := v.Interface()
		a.see(node)
		a.region(node, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			a.walk(v.Index(i))
		}
	case reflect.Struct:
		for _, i := range a.fields(v.Type()) {
			a.walk(v.Field(i))
		}
	}
}

// fields are those that lead to nodes. DeclarationList repeats nodes that
// stand elsewhere.
func (a *analysis) fields(t reflect.Type) []int {
	if known, ok := a.slots.Load(t); ok {
		return known.([]int)
	}
	fields := []int{}
	for i := range t.NumField() {
		f := t.Field(i)
		switch f.Type.Kind() {
		case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Struct:
			if f.IsExported() && f.Name != "DeclarationList" {
				fields = append(fields, i)
			}
		}
	}
	a.slots.Store(t, fields)
	return fields
}

// expression walks an expression and returns what takes its place.
func (a *analysis) expression(expr ast.Expression, v reflect.Value) ast.Expression {
	if len(a.own) == 0 || !a.own[expr] {
		a.walk(v)
		return a.rewrite(expr)
	}
	outside := a.weight
	a.weight = 0
	a.walk(v)
	out := &ast.SequenceExpression{Sequence: []ast.Expression{a.read(expr.Idx0(), a.weight), a.rewrite(expr)}}
	a.weight = outside
	return out
}

// rewrite wraps what makes a longer string.
func (a *analysis) rewrite(expr ast.Expression) ast.Expression {
	switch e := expr.(type) {
	case *ast.BinaryExpression:
		if e.Operator == token.PLUS {
			return a.write(paysLength, e)
		}
	case *ast.AssignExpression:
		if e.Operator == token.PLUS {
			return a.write(paysLength, e)
		}
	case *ast.TemplateLiteral:
		if len(e.Expressions) > 0 && e.Tag == nil {
			return a.write(paysLength, e)
		}
	}
	return expr
}

// call makes a call of one of the functions that the wrapper brings in.
func (a *analysis) call(name string, arg ast.Expression) ast.Expression {
	a.calls[name] = true
	return &ast.CallExpression{
		Callee:           &ast.Identifier{Name: unistring.String(name), Idx: arg.Idx0()},
		LeftParenthesis:  arg.Idx0(),
		ArgumentList:     []ast.Expression{arg},
		RightParenthesis: arg.Idx0(),
	}
}

// see notes what matters of one node, before its children are walked.
func (a *analysis) see(node any) {
	a.members.see(node)
	switch n := node.(type) {
	case *ast.CallExpression:
		a.called[bare(n.Callee)] = true
		a.errorName(n.Callee)
	case *ast.NewExpression:
		a.errorName(n.Callee)
	case *ast.BinaryExpression:
		if n.Operator == token.INSTANCEOF {
			a.errorName(n.Right)
		}
	case *ast.DotExpression:
		a.dot(n)
	case *ast.BracketExpression:
		a.bracket(n)
	case *ast.ObjectPattern:
		a.objectPattern(n)
	case *ast.ArrayPattern:
		a.arrayPattern(n)
	case *ast.ArrayLiteral:
		a.arrayLiteral(n)
	case *ast.SpreadElement:
		if a.spread[n] {
			n.Expression = a.write(paysKeys, n.Expression)
		} else {
			n.Expression = a.call(spreadName, n.Expression)
		}
	case *ast.ForInStatement:
		n.Source = a.write(paysKeys, n.Source)
	case *ast.ThrowStatement:
		n.Argument = a.write(isThrown, n.Argument)
	case *ast.Binding:
		a.pay(n.Target, &n.Initializer)
	case *ast.AssignExpression:
		a.assigned(n.Left)
		if n.Operator == token.ASSIGN {
			a.pay(n.Left, &n.Right)
		}
	case *ast.UnaryExpression:
		if n.Operator == token.INCREMENT || n.Operator == token.DECREMENT {
			a.assigned(n.Operand)
		}
	case *ast.ForIntoExpression:
		a.assigned(n.Expression)
	case *ast.ParameterList:
		a.parameters(n)
	case *ast.Identifier:
		a.tricky = a.tricky || n.Name == "Array" && !a.plain[n] // Array(n) is sparse
		a.traces = a.traces || !a.errors[n] && errorNames[n.Name.String()]
	case *ast.PropertyShort:
		a.tricky = a.tricky || n.Name.Name == "Array"
		a.traces = a.traces || errorNames[n.Name.Name.String()]
	case *ast.ClassLiteral:
		a.tricky = a.tricky || n.SuperClass != nil
		a.errorName(n.SuperClass)
	case *ast.FieldDefinition:
		a.ownRegion(n.Initializer)
	case *ast.CatchStatement:
		a.defaults(n.Parameter)
	case *ast.ObjectLiteral:
		for _, property := range n.Value {
			if spread, ok := property.(*ast.SpreadElement); ok {
				a.spread[spread] = true
			}
		}
	case *ast.RegExpLiteral:
		a.pattern(n)
	case *ast.FunctionLiteral:
		a.function(n.Function, n.Async, n.Generator)
	case *ast.ArrowFunctionLiteral:
		a.function(n.Start, n.Async, false)
	case *ast.AwaitExpression:
		a.refuse(n.Await, "await", "await is not supported", asyncRemedy)
	case *ast.NumberLiteral:
		if _, ok := n.Value.(*big.Int); ok {
			a.refuse(n.Idx, n.Literal, "BigInt is not supported", "Numbers beyond 2^53 arrive as strings: compare them as such.")
		}
	}
}

const asyncRemedy = "A policy runs to its end at once: there is nothing that it could wait for."

func (a *analysis) function(at file.Idx, async, generator bool) {
	if async {
		a.refuse(at, "async", "async functions are not supported", asyncRemedy)
	}
	if generator {
		a.refuse(at, "function*", "Generators are not supported", "Use a loop, or map, filter and some.")
	}
}

func (a *analysis) refuse(at file.Idx, text, summary, detail string) {
	a.found = append(a.found, engine.Finding{
		Summary: summary,
		Detail:  detail,
		At:      a.source.rangeAt(int(at)-1-len(prefix), len(text)),
	})
}

// bare takes the marks of ?. off a callee.
func bare(e ast.Expression) ast.Expression {
	for {
		switch x := e.(type) {
		case *ast.OptionalChain:
			e = x.Expression
		case *ast.Optional:
			e = x.Expression
		default:
			return e
		}
	}
}

// trickyNames give a way to make something that poses as an array, or to
// change an array's length past the eyes of assigned.
var trickyNames = map[string]bool{
	"prototype": true, "__proto__": true, "getPrototypeOf": true, "create": true, "assign": true, "constructor": true, "Array": true,
}

func (a *analysis) name(expr ast.Expression, name string) {
	a.names[name] = true
	if !a.called[expr] {
		a.taken[name] = true
	}
	if trickyNames[name] {
		a.tricky = true
	}
}

func (a *analysis) dot(n *ast.DotExpression) {
	name := n.Identifier.Name.String()
	a.name(n, name)
	if left, ok := n.Left.(*ast.Identifier); ok && (name == "isArray" || name == "from" || name == "of") {
		a.plain[left] = true
	}
}

// bracket reads a literal key as a name; any other key is checked when it runs.
func (a *analysis) bracket(n *ast.BracketExpression) {
	switch key := n.Member.(type) {
	case *ast.StringLiteral:
		a.name(n, key.Value.String())
	case *ast.NumberLiteral:
	default:
		n.Member = a.call(keyName, n.Member)
	}
}

func (a *analysis) objectPattern(n *ast.ObjectPattern) {
	if n.Rest != nil && !a.paid[n] {
		a.refuse(n.LeftBrace, "{", "Rest element not supported here", "Take the object into a variable first, and write const {first, ...rest} = object.")
	}
	for _, property := range n.Properties {
		switch p := property.(type) {
		case *ast.PropertyShort:
			a.name(nil, p.Name.Name.String())
		case *ast.PropertyKeyed:
			a.assigned(p.Value)
			switch key := p.Key.(type) {
			case *ast.StringLiteral:
				a.name(nil, key.Value.String())
			case *ast.Identifier:
				if !p.Computed {
					a.name(nil, key.Name.String())
					break
				}
				p.Key = a.call(keyName, p.Key)
			default:
				if p.Computed {
					p.Key = a.call(keyName, p.Key)
				}
			}
		}
	}
}

func (a *analysis) arrayPattern(n *ast.ArrayPattern) {
	for _, element := range n.Elements {
		a.assigned(element)
	}
	a.assigned(n.Rest)
	if n.Rest != nil && !a.paid[n] {
		a.refuse(n.LeftBracket, "[", "Rest element not supported here", "Take the array into a variable and use slice(), or write const [first, ...rest] = array.")
	}
}

// pay charges what a pattern with a rest element copies from.
func (a *analysis) pay(target ast.Node, value *ast.Expression) {
	if *value == nil {
		return
	}
	switch pattern := target.(type) {
	case *ast.ArrayPattern:
		if pattern.Rest != nil {
			a.paid[pattern] = true
			a.nests = true
			*value = a.call(spreadName, *value)
		}
	case *ast.ObjectPattern:
		if pattern.Rest != nil {
			a.paid[pattern] = true
			*value = a.write(paysKeys, *value)
		}
	}
}

// parameters come from callers, so that no pattern among them can be charged
// by its initializer.
func (a *analysis) parameters(n *ast.ParameterList) {
	if n.Rest != nil {
		a.nests = true
	}
	for _, binding := range n.List {
		a.defaults(binding.Target)
		a.ownRegion(binding.Initializer)
		if pattern, ok := binding.Target.(*ast.ArrayPattern); ok && pattern.Rest != nil {
			a.refuse(pattern.LeftBracket, "[", "Rest element not supported here", "Take the array as a parameter and use slice().")
			a.paid[pattern] = true // said once
		}
	}
}

func (a *analysis) arrayLiteral(n *ast.ArrayLiteral) {
	for _, element := range n.Value {
		switch element.(type) {
		case nil, *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.TemplateLiteral:
		default:
			a.nests = true
		}
	}
}

// assigned notes a write that may make an array sparse: to an index, or to length.
func (a *analysis) assigned(target ast.Expression) {
	switch t := target.(type) {
	case *ast.BracketExpression:
		a.tricky = a.tricky || !isMeter(t.Left)
	case *ast.DotExpression:
		a.tricky = a.tricky || t.Identifier.Name == "length"
	case *ast.AssignExpression: // an element of a pattern, with its default
		a.assigned(t.Left)
	}
}

// nameParameters gives the outer function's parameters the names that the
// rewritten script calls.
func nameParameters(outer *ast.FunctionLiteral) {
	for i, name := range []string{meterName, keyName, spreadName, coverName} {
		outer.ParameterList.List[i].Target.(*ast.Identifier).Name = unistring.String(name)
	}
}
