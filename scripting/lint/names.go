package lint

import (
	"slices"

	"github.com/dop251/goja/ast"

	"github.com/m2md/m2md/scripting"
)

// names are what the names of a script stand for. A name that is declared twice
// in a script, or assigned, stands for nothing that is known.
type names struct {
	declared map[string]int
	assigned map[string]bool
	values   map[string]value
}

// value is an expression, or a member of it.
type value struct {
	of   ast.Expression
	path []string
	root []string // instead of an expression: a path from request or inputs
}

func newNames(p *scripting.Parsed) *names {
	n := &names{declared: map[string]int{}, assigned: map[string]bool{}, values: map[string]value{}}
	if !p.Module {
		n.declare("request", value{root: []string{"request"}})
		n.declare("inputs", value{root: []string{"inputs"}})
	}
	return n
}

func (n *names) declare(name string, v value) {
	n.declared[name]++
	n.values[name] = v
}

// see gathers the declarations and assignments.
func (n *names) see(node any) {
	switch d := node.(type) {
	case *ast.Binding:
		n.bind(d.Target, value{of: d.Initializer})
	case *ast.ParameterList:
		n.bind(d.Rest, value{})
	case *ast.ForDeclaration:
		n.bind(d.Target, value{})
	case *ast.CatchStatement:
		n.bind(d.Parameter, value{})
	case *ast.FunctionLiteral:
		if d.Name != nil {
			n.declare(d.Name.Name.String(), value{of: d})
		}
	case *ast.ClassLiteral:
		if d.Name != nil {
			n.declare(d.Name.Name.String(), value{})
		}
	case *ast.AssignExpression:
		n.assign(d.Left)
	case *ast.UnaryExpression:
		if d.Operator.String() == "++" || d.Operator.String() == "--" {
			n.assign(d.Operand)
		}
	case *ast.ForIntoExpression:
		n.assign(d.Expression)
	}
}

func (n *names) assign(target ast.Expression) {
	if name, ok := target.(*ast.Identifier); ok {
		n.assigned[name.Name.String()] = true
	}
}

// bind declares the names of a pattern.
func (n *names) bind(target ast.Expression, v value) {
	inner := func(name string) value {
		if v.of == nil && v.root == nil {
			return value{}
		}
		return value{of: v.of, root: v.root, path: append(slices.Clone(v.path), name)}
	}
	switch t := target.(type) {
	case *ast.Identifier:
		n.declare(t.Name.String(), v)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				n.declare(p.Name.Name.String(), inner(p.Name.Name.String()))
			case *ast.PropertyKeyed:
				if name, ok := keyName(p); ok {
					n.bind(p.Value, inner(name))
				} else {
					n.bind(p.Value, value{})
				}
			}
		}
		n.bind(t.Rest, value{})
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			n.bind(element, value{})
		}
		n.bind(t.Rest, value{})
	case *ast.AssignExpression: // with a default: it may be something else
		n.bind(t.Left, value{})
	}
}

func keyName(p *ast.PropertyKeyed) (string, bool) {
	switch key := p.Key.(type) {
	case *ast.StringLiteral:
		return key.Value.String(), true
	case *ast.Identifier:
		return key.Name.String(), !p.Computed
	}
	return "", false
}

// settle finds request and inputs in a module: the parameters of what it
// exports.
func (n *names) settle(p *scripting.Parsed) {
	if !p.Module {
		return
	}
	last, ok := p.Function.Body.List[len(p.Function.Body.List)-1].(*ast.ReturnStatement)
	if !ok {
		return
	}
	call, ok := last.Argument.(*ast.CallExpression)
	if !ok {
		return
	}
	list := n.parameters(call.Callee)
	for i, root := range []string{"request", "inputs"} {
		if list == nil || i >= len(list.List) || list.List[i].Initializer != nil {
			return
		}
		switch target := list.List[i].Target.(type) {
		case *ast.Identifier:
			n.values[target.Name.String()] = value{root: []string{root}}
		case *ast.ObjectPattern:
			before := n.declared
			n.declared = map[string]int{}
			n.bind(target, value{root: []string{root}})
			n.declared = before
		}
	}
}

// parameters are those of the function that an expression names.
func (n *names) parameters(e ast.Expression) *ast.ParameterList {
	if name, ok := e.(*ast.Identifier); ok && n.declared[name.Name.String()] == 1 {
		e = n.values[name.Name.String()].of
	}
	switch f := e.(type) {
	case *ast.FunctionLiteral:
		return f.ParameterList
	case *ast.ArrowFunctionLiteral:
		return f.ParameterList
	}
	return nil
}

// path is where an expression leads from request or inputs, such as request
// context oauth_jwt ref; nil for anything else.
func (n *names) path(e ast.Expression) []string { return n.follow(e, 0) }

func (n *names) follow(e ast.Expression, depth int) []string {
	if depth > 50 {
		return nil
	}
	below := func(base ast.Expression, name string) []string {
		if at := n.follow(base, depth+1); at != nil {
			return append(slices.Clone(at), name)
		}
		return nil
	}
	switch x := bare(e).(type) {
	case *ast.Identifier:
		name := x.Name.String()
		v, known := n.values[name]
		if !known || n.declared[name] != 1 || n.assigned[name] {
			return nil
		}
		at := v.root
		if at == nil && v.of != nil {
			at = n.follow(v.of, depth+1)
		}
		if at == nil {
			return nil
		}
		return append(slices.Clone(at), v.path...)
	case *ast.DotExpression:
		return below(x.Left, x.Identifier.Name.String())
	case *ast.BracketExpression:
		if key, ok := x.Member.(*ast.StringLiteral); ok {
			return below(x.Left, key.Value.String())
		}
	}
	return nil
}

// claim is the path of the claim that an expression reads, the path of the token
// itself being empty; false for anything else.
func (n *names) claim(e ast.Expression) (path []string, ok bool) {
	at := n.path(e)
	if len(at) >= 3 && at[0] == "request" && at[1] == "context" && (at[2] == "oauth_jwt" || at[2] == "JWT") {
		return at[3:], true
	}
	return nil, false
}

// bare takes the marks of ?. off an expression.
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
