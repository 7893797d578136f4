package hcl

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/m2md/m2md/engine"
)

// reference decodes KIND.LABEL. It returns an untyped nil where it is refused.
func (f *field) reference() any {
	if value, ok := f.computed(f.expr); ok && value.IsNull() {
		return omitted{}
	}
	ref, ok := f.refer(f.expr)
	if !ok {
		return nil
	}
	return &ref
}

// references decodes [KIND.LABEL, …].
func (f *field) references() any {
	members, diags := hcl.ExprList(f.expr)
	if diags.HasErrors() {
		f.fail(f.at, fault{summary: "must be a list of references", detail: fmt.Sprintf("Write %s = [%s.NAME]: each reference on its own, neither computed nor by for.", f.row.Name, f.row.Kinds[0])})
		return nil
	}
	if len(members) == 0 && f.row.Filled {
		f.fail(f.at, fault{summary: "is empty", detail: fmt.Sprintf("Name at least one, such as %s.NAME.", f.row.Kinds[0])})
		return nil
	}
	out, whole := make([]engine.Ref, 0, len(members)), true
	for _, member := range members {
		ref, ok := f.refer(member)
		out, whole = append(out, ref), whole && ok
	}
	if !whole {
		return nil
	}
	return out
}

// refer reads one reference: its form and its kind. Whether it leads anywhere
// is for engine.Compile to say.
func (f *field) refer(expr hcl.Expression) (engine.Ref, bool) {
	if value, ok := f.computed(expr); ok {
		ref, is := f.eval.referenceIn(value)
		if !is {
			f.notReference(expr, rangeOf(expr.Range()))
		}
		return ref, is && f.ofKind(ref)
	}
	ref, ok := f.twoSteps(expr)
	if !ok {
		f.notReference(expr, rangeOf(expr.Range()))
		return ref, false
	}
	return ref, f.ofKind(ref)
}

// ofKind tells where a reference leads to something that the attribute does
// not take.
func (f *field) ofKind(ref engine.Ref) bool {
	switch {
	case slices.Contains(f.row.Kinds, ref.Kind):
		return true
	case slices.Contains(allKinds(), ref.Kind):
		f.fail(ref.At, fault{summary: fmt.Sprintf("takes no %s", ref.Kind), detail: f.kinds()})
	default:
		f.fail(ref.At, fault{summary: fmt.Sprintf("takes no %q", ref.Kind), detail: f.kinds() + engine.DidYouMean(string(ref.Kind), f.kindNames())})
	}
	return false
}

// twoSteps reads KIND.LABEL.
func (f *field) twoSteps(expr hcl.Expression) (engine.Ref, bool) {
	at := rangeOf(expr.Range())
	traversal, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() || len(traversal) != 2 {
		return engine.Ref{}, false
	}
	step, ok := traversal[1].(hcl.TraverseAttr)
	ref := engine.Ref{Kind: engine.Kind(traversal.RootName()), At: at}
	if ok {
		ref.Label = step.Name
	}
	// The JSON syntax writes a reference as a string, of which nothing may be
	// left over.
	if text, isString := jsonString(expr); isString && text != ref.String() {
		ok = false
	}
	return ref, ok && ValidLabel(ref.Label)
}

func (f *field) notReference(expr hcl.Expression, at engine.Range) {
	detail := fmt.Sprintf("Write %s.NAME, where NAME is the label of the block. ", f.row.Kinds[0])
	if isText(expr) {
		detail = fmt.Sprintf("Write %s.NAME without quotes, where NAME is the label of the block. ", f.row.Kinds[0])
	}
	f.fail(at, fault{summary: "takes references", detail: detail + f.kinds()})
}

func (f *field) kindNames() []string {
	names := make([]string, len(f.row.Kinds))
	for i, kind := range f.row.Kinds {
		names[i] = string(kind)
	}
	return names
}

// kinds is the sentence about what the attribute takes.
func (f *field) kinds() string {
	return fmt.Sprintf("%s takes references to %s.", f.row.Name, quoted(f.kindNames(), "and"))
}
