package scripting

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"

	"github.com/m2md/m2md/engine"
)

// Coverage gathers which conditions of scripts came out how, for whoever tests
// them: Options.Coverage. What a script asks costs more then, so that no daemon
// counts. The zero value is ready for use, by any number of goroutines.
type Coverage struct {
	mu         sync.Mutex
	conditions []*condition
}

// Condition is a part of a script that decides where it goes on: the test of an
// if, an operand of &&, || and ??, what a policy returns, a case of a switch.
type Condition struct {
	Script  string // policy.NAME or mapping.NAME
	At      engine.Range
	Text    string // as written, its beginning
	Yes, No int64  // how often it was true, and not; for ??, absent and not
	// Plain says that it is a place that is reached or not, so that No means
	// nothing: a case, or what catches an exception.
	Plain bool
}

// Missed says what never came: "never true", "never false", "never reached"; ""
// where all did.
func (c Condition) Missed() string {
	switch {
	case c.Yes == 0 && (c.Plain || c.No == 0):
		return "never reached"
	case c.Yes == 0:
		return "never true"
	case c.No == 0 && !c.Plain:
		return "never false"
	default:
		return ""
	}
}

// condition is one that is counted.
type condition struct {
	Condition
	kind    conditionKind
	yes, no atomic.Int64
}

// conditionKind is what a condition asks of its value.
type conditionKind int

const (
	isTrue    conditionKind = iota
	isAbsent                // null or undefined
	isReached               // nothing: it is there
)

// Conditions are all of the scripts that were compiled, by their places.
func (c *Coverage) Conditions() []Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Condition, len(c.conditions))
	for i, one := range c.conditions {
		all[i] = one.Condition
		all[i].Yes, all[i].No = one.yes.Load(), one.no.Load()
	}
	slices.SortStableFunc(all, func(a, b Condition) int {
		if a.At.File != b.At.File {
			return strings.Compare(a.At.File, b.At.File)
		}
		return a.At.Start.Byte - b.At.Start.Byte
	})
	return all
}

// coverName is what an instrumented script calls: cover(i, v) counts how
// condition i came out, and returns v.
const coverName = "\x00cover"

// maxConditionText bounds Condition.Text in bytes.
const maxConditionText = 80

// instrument wraps the conditions of a function that was not yet analysed, and
// returns them in the order of their numbers.
func (c *Coverage) instrument(fn *ast.FunctionLiteral, source scriptSource) []*condition {
	i := &instrumenter{source: source}
	if source.module {
		i.main = mainOf(fn)
		i.walk(reflect.ValueOf(fn.Body.List[:len(fn.Body.List)-1]), false)
	} else {
		i.walk(reflect.ValueOf(fn.Body), true)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conditions = append(c.conditions, i.conditions...)
	return i.conditions
}

// instrumenter is one script on its way.
type instrumenter struct {
	source     scriptSource
	main       ast.Node // of a module, the function that it exports; nil where that is not known
	conditions []*condition
}

// walk goes through all nodes; own says that they are the policy's, not those
// of a function in it.
func (i *instrumenter) walk(v reflect.Value, own bool) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			i.walk(v.Elem(), own)
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		switch v.Interface().(type) {
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
			own = v.Interface() == i.main
		}
		i.walk(v.Elem(), own)
		i.see(v.Interface(), own) // its parts are counted first, as they run first
	case reflect.Slice:
		for n := range v.Len() {
			i.walk(v.Index(n), own)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if field := v.Type().Field(n); field.IsExported() && field.Name != "DeclarationList" { // which repeats nodes
				i.walk(v.Field(n), own)
			}
		}
	}
}

// see wraps the conditions of one node.
func (i *instrumenter) see(node any, own bool) {
	switch n := node.(type) {
	case *ast.IfStatement:
		i.test(&n.Test)
	case *ast.ConditionalExpression:
		i.test(&n.Test)
	case *ast.WhileStatement:
		i.test(&n.Test)
	case *ast.DoWhileStatement:
		i.test(&n.Test)
	case *ast.ForStatement:
		i.test(&n.Test)
	case *ast.BinaryExpression:
		switch n.Operator {
		case token.LOGICAL_AND, token.LOGICAL_OR:
			i.test(&n.Left)
			i.test(&n.Right)
		case token.COALESCE:
			i.wrap(&n.Left, isAbsent)
		}
	case *ast.ReturnStatement:
		if own = own && i.source.what == "policy"; n.Argument != nil && (own && !isConstant(n.Argument) || isComparison(n.Argument)) {
			i.test(&n.Argument)
		}
	case *ast.ExpressionBody:
		if isComparison(n.Expression) {
			i.test(&n.Expression)
		}
	case *ast.CaseStatement:
		word := "case"
		if n.Test == nil {
			word = "default"
		}
		n.Consequent = slices.Insert(n.Consequent, 0, i.mark(n.Case, word))
	case *ast.CatchStatement:
		n.Body.List = slices.Insert(n.Body.List, 0, i.mark(n.Catch, "catch"))
	}
}

// test wraps what decides by being true or not. Of what is put together of
// operands these are counted.
func (i *instrumenter) test(e *ast.Expression) {
	if *e == nil || isConstant(*e) {
		return
	}
	if binary, ok := (*e).(*ast.BinaryExpression); ok && (binary.Operator == token.LOGICAL_AND || binary.Operator == token.LOGICAL_OR) {
		return
	}
	i.wrap(e, isTrue)
}

func isConstant(e ast.Expression) bool {
	switch e.(type) {
	case *ast.BooleanLiteral, *ast.StringLiteral, *ast.NumberLiteral, *ast.NullLiteral:
		return true
	default:
		return false
	}
}

func isComparison(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.BinaryExpression:
		return e.Comparison
	case *ast.UnaryExpression:
		return e.Operator == token.NOT
	default:
		return false
	}
}

func (i *instrumenter) wrap(e *ast.Expression, kind conditionKind) {
	if call, ok := (*e).(*ast.CallExpression); ok && isCover(call.Callee) { // an operand that is also what is returned
		return
	}
	at, end := (*e).Idx0(), (*e).Idx1()
	*e = i.call(i.add(at, int(end-at), kind), *e)
}

func isCover(callee ast.Expression) bool {
	name, ok := callee.(*ast.Identifier)
	return ok && name.Name == coverName
}

// mark is a statement that says that its place was reached.
func (i *instrumenter) mark(at file.Idx, word string) ast.Statement {
	return &ast.ExpressionStatement{Expression: i.call(i.add(at, len(word), isReached), &ast.BooleanLiteral{Idx: at, Literal: "true", Value: true})}
}

// add notes a condition of a kind and returns its number.
func (i *instrumenter) add(at file.Idx, length int, kind conditionKind) int {
	offset := int(at) - 1 - len(prefix)
	length = max(min(length, len(i.source.Text)-offset), 0)
	text := strings.Join(strings.Fields(i.source.Text[offset:offset+length]), " ")
	if len(text) > maxConditionText {
		text = strings.ToValidUTF8(text[:maxConditionText], "") + "…"
	}
	i.conditions = append(i.conditions, &condition{kind: kind, Condition: Condition{
		Script: i.source.what + "." + i.source.label, At: i.source.rangeAt(offset, length), Text: text, Plain: kind == isReached,
	}})
	return len(i.conditions) - 1
}

func (i *instrumenter) call(number int, e ast.Expression) ast.Expression {
	at := e.Idx0()
	return &ast.CallExpression{
		Callee:           &ast.Identifier{Name: unistring.String(coverName), Idx: at},
		LeftParenthesis:  at,
		ArgumentList:     []ast.Expression{&ast.NumberLiteral{Idx: at, Literal: strconv.Itoa(number), Value: int64(number)}, e},
		RightParenthesis: e.Idx1() - 1,
	}
}

// cover counts how a condition came out.
func (run *evaluation) cover(call goja.FunctionCall) goja.Value {
	one, value := run.conditions[call.Argument(0).ToInteger()], call.Argument(1)
	came := value.ToBoolean()
	if one.kind == isAbsent {
		came = goja.IsNull(value) || goja.IsUndefined(value)
	}
	if came {
		one.yes.Add(1)
	} else {
		one.no.Add(1)
	}
	return value
}
