package scripting

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/m2md/m2md/engine"
)

// closed is an object whose members are all known when a script is compiled.
// What a script sees besides (claims, attributes, text) is a nil *closed.
type closed struct {
	path    string // as a script writes it
	names   []string
	members map[string]*closed // of names, those that are closed themselves
}

// requestShape is what a script sees under the name request. It is never changed.
var requestShape = &closed{path: "request", names: requestMembers, members: map[string]*closed{
	"context": {path: "request.context", names: contextMembers, members: map[string]*closed{
		"cert": {path: "request.context.cert", names: certMembers},
	}},
	"user": {path: "request.user", names: userMembers},
	"http": {path: "request.http", names: httpMembers},
}}

// inputsShape is what a script sees under the name inputs; nil where that is
// not known yet.
func inputsShape(inputs map[string]any, open bool) *closed {
	if open {
		return nil
	}
	return &closed{path: "inputs", names: slices.Sorted(maps.Keys(inputs))}
}

// members finds, while a script is analysed, the members that request and
// inputs do not have, through constants and patterns that stand for parts of
// them. It follows only names that are bound once and never assigned, so that
// whatever it finds would throw when it runs.
type members struct {
	bound    map[string]int   // how often a name is declared
	assigned map[string]bool  // names that are written after that
	aliases  map[string]alias // the values of names that are declared with one
	reads    []read
	params   map[*ast.Binding]bool // whose initializer is only a default

	functions map[string]*ast.ParameterList // by the names of functions
	roots     map[string]string             // parameters that are request or inputs, in a module
	calls     []*ast.CallExpression         // of names
	uses      []*ast.Identifier             // of names, those that are called too
}

// alias is what a name was declared with: an expression, or a member of it.
type alias struct {
	of     ast.Expression
	path   []string
	unsure bool // it may be something else
}

// read is one place where a member of something is read.
type read struct {
	of   ast.Expression
	path []string // from there to what is read
	name string
	at   file.Idx
}

func newMembers() *members {
	return &members{
		bound: map[string]int{}, assigned: map[string]bool{}, aliases: map[string]alias{}, params: map[*ast.Binding]bool{},
		functions: map[string]*ast.ParameterList{}, roots: map[string]string{},
	}
}

// enter finds the parameters that are request and inputs in a module, whose
// last statement calls the function that it exports.
func (m *members) enter(module *ast.FunctionLiteral) {
	last, _ := module.Body.List[len(module.Body.List)-1].(*ast.ReturnStatement)
	if last == nil {
		return
	}
	call, _ := bare(last.Argument).(*ast.CallExpression)
	if call == nil {
		return
	}
	name, _ := call.Callee.(*ast.Identifier)
	if name == nil || m.bound[name.Name.String()] != 1 || m.functions[name.Name.String()] == nil {
		return
	}
	for i, binding := range m.functions[name.Name.String()].List[:min(2, len(m.functions[name.Name.String()].List))] {
		if parameter, ok := binding.Target.(*ast.Identifier); ok {
			m.roots[parameter.Name.String()] = []string{"request", "inputs"}[i]
		}
	}
}

// see notes what matters of one node. It comes before any rewriting.
func (m *members) see(node any) {
	switch n := node.(type) {
	case *ast.DotExpression:
		m.reads = append(m.reads, read{of: n.Left, name: n.Identifier.Name.String(), at: n.Identifier.Idx})
	case *ast.BracketExpression:
		if key, ok := n.Member.(*ast.StringLiteral); ok {
			m.reads = append(m.reads, read{of: n.Left, name: key.Value.String(), at: key.Idx})
		}
	case *ast.ParameterList:
		for _, binding := range n.List {
			m.params[binding] = true
		}
		m.declare(n.Rest, alias{unsure: true})
	case *ast.Binding:
		m.declare(n.Target, alias{of: n.Initializer, unsure: n.Initializer == nil || m.params[n]})
		m.declareFunction(n)
	case *ast.ForDeclaration:
		m.declare(n.Target, alias{unsure: true})
	case *ast.CatchStatement:
		m.declare(n.Parameter, alias{unsure: true})
	case *ast.FunctionLiteral:
		m.declareName(n.Name)
		if n.Name != nil {
			m.functions[n.Name.Name.String()] = n.ParameterList
		}
	case *ast.ClassLiteral:
		m.declareName(n.Name)
	case *ast.AssignExpression:
		m.assign(n.Left)
	case *ast.UnaryExpression:
		m.assign(n.Operand)
	case *ast.ForIntoExpression:
		m.assign(n.Expression)
	case *ast.CallExpression:
		if _, ok := n.Callee.(*ast.Identifier); ok {
			m.calls = append(m.calls, n)
		}
	case *ast.Identifier:
		m.uses = append(m.uses, n)
	}
}

// declareFunction notes the parameters of a function that a name is bound to.
func (m *members) declareFunction(n *ast.Binding) {
	name, ok := n.Target.(*ast.Identifier)
	if !ok {
		return
	}
	switch f := n.Initializer.(type) {
	case *ast.FunctionLiteral:
		m.functions[name.Name.String()] = f.ParameterList
	case *ast.ArrowFunctionLiteral:
		m.functions[name.Name.String()] = f.ParameterList
	}
}

func (m *members) declareName(name *ast.Identifier) {
	if name != nil {
		m.declare(name, alias{unsure: true})
	}
}

// declare notes the names that a target binds, and what a pattern reads.
func (m *members) declare(target ast.Node, value alias) {
	switch t := target.(type) {
	case *ast.Identifier:
		name := t.Name.String()
		m.bound[name]++
		m.aliases[name] = value
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			m.declareProperty(property, value)
		}
		m.declare(t.Rest, alias{unsure: true})
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			m.declare(element, alias{unsure: true})
		}
		m.declare(t.Rest, alias{unsure: true})
	case *ast.AssignExpression: // an element with a default
		m.declare(t.Left, alias{unsure: true})
	}
}

func (m *members) declareProperty(property ast.Property, value alias) {
	switch p := property.(type) {
	case *ast.PropertyShort:
		name := p.Name
		m.declare(&name, m.member(value, p.Name.Name.String(), p.Name.Idx, p.Initializer != nil))
	case *ast.PropertyKeyed:
		target, withDefault := p.Value, false
		if assign, ok := p.Value.(*ast.AssignExpression); ok {
			target, withDefault = assign.Left, true
		}
		key, ok := p.Key.(*ast.StringLiteral)
		if !ok || p.Computed {
			m.declare(target, alias{unsure: true})
			return
		}
		m.declare(target, m.member(value, key.Value.String(), key.Idx, withDefault))
	}
}

// member notes that a pattern reads a member, and says what that stands for.
func (m *members) member(value alias, name string, at file.Idx, withDefault bool) alias {
	if value.unsure {
		return value
	}
	m.reads = append(m.reads, read{of: value.of, path: value.path, name: name, at: at})
	return alias{of: value.of, path: append(slices.Clip(value.path), name), unsure: withDefault}
}

// assign notes the names that a target writes.
func (m *members) assign(target ast.Node) {
	switch t := target.(type) {
	case *ast.Identifier:
		m.assigned[t.Name.String()] = true
	case *ast.AssignExpression:
		m.assign(t.Left)
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			m.assign(element)
		}
		m.assign(t.Rest)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				m.assigned[p.Name.Name.String()] = true
			case *ast.PropertyKeyed:
				m.assign(p.Value)
			}
		}
		m.assign(t.Rest)
	}
}

// own says whether the script binds or assigns a name anywhere, so that it may
// not be what the language means by it.
func (m *members) own(name string) bool { return m.bound[name] > 0 || m.assigned[name] }

// findings are the members that there are not.
func (m *members) findings(source scriptSource, inputs *closed) engine.Findings {
	var found engine.Findings
	for _, r := range m.reads {
		shape := m.shape(r.of, inputs, 0).at(r.path)
		if shape == nil || slices.Contains(shape.names, r.name) || languageAsks(r.name) {
			continue
		}
		found = append(found, engine.Finding{
			Summary: fmt.Sprintf("%s has no member %q", shape.path, r.name),
			Detail:  shape.remedy(r.name),
			At:      source.rangeAt(int(r.at)-1-len(prefix), len(r.name)),
		})
	}
	return found
}

// shape says what an expression stands for, where that is known.
func (m *members) shape(e ast.Expression, inputs *closed, depth int) *closed {
	if depth > maxDepth {
		return nil // a name that stands for itself
	}
	switch e := bare(e).(type) {
	case *ast.Identifier:
		name := e.Name.String()
		switch value, root := m.aliases[name], m.root(name); {
		case m.assigned[name] || m.bound[name] > 1:
			return nil
		case root == "request":
			return requestShape
		case root == "inputs":
			return inputs
		case m.bound[name] == 1 && !value.unsure:
			return m.shape(value.of, inputs, depth+1).at(value.path)
		}
	case *ast.DotExpression:
		return m.shape(e.Left, inputs, depth+1).at([]string{e.Identifier.Name.String()})
	case *ast.BracketExpression:
		if key, ok := e.Member.(*ast.StringLiteral); ok {
			return m.shape(e.Left, inputs, depth+1).at([]string{key.Value.String()})
		}
	}
	return nil
}

// root says of which of the two parameters a name is the name, if of any.
func (m *members) root(name string) string {
	if m.bound[name] == 0 {
		return name
	}
	return m.roots[name]
}

// at follows a path; what is not closed has nothing that is.
func (c *closed) at(path []string) *closed {
	for _, name := range path {
		if c == nil {
			return nil
		}
		c = c.members[name]
	}
	return c
}

// remedy names the right member.
func (c *closed) remedy(name string) string { return memberRemedy(c.path, name, c.names) }

// memberRemedy says which members there are. It is said when a script is
// compiled, and thrown when it runs.
func memberRemedy(path, name string, names []string) string {
	switch {
	case name == "get" && path == "request.context":
		return "Write request.context.oauth_jwt, which is null where there is none."
	case path == "request.http.headers" && len(names) == 0:
		return "No header field is let through here: forward_auth has policy_headers for that."
	case len(names) == 0:
		return "It has none."
	}
	return strings.TrimPrefix(fmt.Sprintf("%s It has: %s.", engine.DidYouMean(name, names), strings.Join(names, ", ")), " ")
}

// languageAsks says whether the language itself looks for a member of that
// name, so that to look for it is no mistake.
func languageAsks(name string) bool {
	switch name {
	case "toJSON", "toString", "valueOf", "then", "constructor", "__proto__":
		return true
	}
	return false
}
