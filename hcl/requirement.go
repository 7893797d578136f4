package hcl

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/m2md/m2md/engine"
)

// requirement decodes require_claims. Nothing in it may be null or empty: what
// was meant to narrow would else ask nothing.
func (f *field) requirement(v cty.Value) any {
	if !isObject(v.Type()) {
		return f.mistyped(v, f.at)
	}
	out, ok := f.required(member{value: v, expr: f.expr, at: f.at}, 0)
	if !ok {
		return nil
	}
	return &out
}

// required decodes what one claim must be.
func (f *field) required(m member, depth int) (engine.Requirement, bool) {
	v := m.value
	switch t := v.Type(); {
	case v.IsNull():
		f.failMember(m.at, fault{summary: "is null", detail: "Write what the claim must be. A claim cannot be required to be absent."})
	case depth > maxDepth:
		f.fail(m.at, fault{summary: "is nested too deep", detail: "Keep requirements plain."})
	case isObject(t):
		return f.requiredFields(m, depth)
	case isList(t):
		return f.requiredAnyOf(m, depth)
	case t == cty.String && v.AsString() == "":
		f.failMember(m.at, fault{summary: "is empty", detail: "Write what the claim must be."})
	case t == f.eval.patterns:
		pattern := *v.EncapsulatedValue().(*engine.Pattern)
		return engine.Requirement{Pattern: &pattern}, true
	default:
		scalar, bad := f.plain(v, nil, m.at, depth)
		return engine.Requirement{Equal: scalar}, !bad
	}
	return engine.Requirement{}, false
}

func (f *field) requiredFields(m member, depth int) (engine.Requirement, bool) {
	members := objectMembers(m.value, m.expr, m.at)
	if len(members) == 0 {
		f.emptyRequirement(m)
		return engine.Requirement{}, false
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out, whole := make([]engine.FieldRequirement, 0, len(members)), true
	for _, one := range members {
		inner, ok := f.required(one, depth+1)
		out, whole = append(out, engine.FieldRequirement{Name: one.name, At: one.at, Requirement: inner}), whole && ok
	}
	return engine.Requirement{Fields: out}, whole
}

func (f *field) requiredAnyOf(m member, depth int) (engine.Requirement, bool) {
	members := listMembers(m.value, m.expr, m.at)
	if len(members) == 0 {
		f.emptyRequirement(m)
		return engine.Requirement{}, false
	}
	out, whole := make([]engine.Requirement, 0, len(members)), true
	for _, one := range members {
		if isList(one.value.Type()) {
			f.failMember(one.at, fault{summary: "is a list in a list", detail: "A list means any of its members; name them in one list."})
			whole = false
			continue
		}
		inner, ok := f.required(one, depth+1)
		out, whole = append(out, inner), whole && ok
	}
	return engine.Requirement{AnyOf: out}, whole
}

func (f *field) emptyRequirement(m member) {
	bad := fault{summary: "is empty", detail: "Write what the claim must be, or leave it out."}
	if m.name == "" {
		f.fail(m.at, bad)
		return
	}
	f.failMember(m.at, bad)
}

// isText says whether an expression is written as text, in quotes.
func isText(expr hcl.Expression) bool {
	value, diags := expr.Value(nil)
	return !diags.HasErrors() && value.IsKnown() && !value.IsNull() && value.Type() == cty.String
}
