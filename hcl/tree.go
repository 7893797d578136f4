package hcl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/m2md/m2md/engine"
)

// given is one block as a file gives it, in either syntax.
type given struct {
	source *source
	schema *block
	label  string
	header engine.Range
	attrs  []givenAttr // in the order of the file
	blocks []*given
}

type givenAttr struct {
	name string
	at   engine.Range // of the name
	expr hcl.Expression
}

// tree builds the blocks of a file. The two syntaxes meet here and nowhere
// else; what no table knows is told here.
type tree struct {
	source *source
	found  *findings
}

// native reads a body of the native syntax.
func (t *tree) native(body *hclsyntax.Body, schema *block) *given {
	out := &given{source: t.source, schema: schema}
	for _, attr := range body.Attributes {
		t.attribute(out, givenAttr{name: attr.Name, at: rangeOf(attr.NameRange), expr: attr.Expr})
	}
	slices.SortFunc(out.attrs, func(a, b givenAttr) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	for _, child := range body.Blocks {
		inner := t.nested(schema, child.Type, rangeOf(child.TypeRange))
		if inner == nil {
			continue
		}
		if label, ok := t.nativeLabel(child, inner); ok {
			made := t.native(child.Body, inner)
			made.label, made.header = label, rangeOf(child.DefRange())
			out.blocks = append(out.blocks, made)
		}
	}
	return out
}

// nativeLabel takes the one label of a block, or none.
func (t *tree) nativeLabel(child *hclsyntax.Block, schema *block) (string, bool) {
	want := 0
	if schema.Labelled {
		want = 1
	}
	switch {
	case len(child.Labels) > want:
		t.found.fault(rangeOf(child.LabelRanges[want]), fmt.Sprintf("too many labels for %q", schema.Name), "Write it as "+heading(schema)+".")
		return "", false
	case len(child.Labels) < want:
		t.found.fault(rangeOf(child.DefRange()), fmt.Sprintf("%q has no label", schema.Name), "Write it as "+heading(schema)+".")
		return "", false
	case want == 0:
		return "", true
	}
	return child.Labels[0], t.label(schema, child.Labels[0], rangeOf(child.LabelRanges[0]))
}

func (t *tree) label(schema *block, label string, at engine.Range) bool {
	if schema.naming != nil {
		bad := schema.naming(label)
		if bad != (fault{}) {
			t.found.fault(at, bad.summary, bad.detail)
		}
		return bad == (fault{})
	}
	if ValidLabel(label) {
		return true
	}
	t.found.fault(at, "label in a wrong form",
		"A label begins with a lower-case letter and goes on with lower-case letters, digits, _ and -, at most 63 characters in all.")
	return false
}

// heading is how a block begins.
func heading(schema *block) string {
	if schema.Labelled {
		return schema.Name + ` "NAME" { … }`
	}
	return schema.Name + " { … }"
}

// nested finds the table of a block within another, or tells why there is
// none.
func (t *tree) nested(schema *block, name string, at engine.Range) *block {
	inner := schema.inside[name]
	switch {
	case inner != nil && inner.NotYet:
		bad := notYetFault(name)
		t.found.fault(at, bad.summary, bad.detail)
		return nil
	case inner != nil:
		return inner
	case schema.byName[name] != nil:
		t.found.fault(at, fmt.Sprintf("%q is an attribute, not a block", name), fmt.Sprintf("Give it a value with an equals sign: %s = …", name))
	case schema.free:
		t.found.fault(at, "block in locals", "Names in locals are attributes: NAME = VALUE.")
	default:
		t.found.fault(at, fmt.Sprintf("unknown block %q", name), t.place(schema, "block")+engine.DidYouMean(name, schema.known))
	}
	return nil
}

func (t *tree) attribute(out *given, attr givenAttr) {
	schema := out.schema
	row := schema.byName[attr.name]
	switch {
	case schema.free:
		out.attrs = append(out.attrs, attr)
	case row != nil:
		out.attrs = append(out.attrs, attr)
	case schema.inside[attr.name] != nil:
		t.found.fault(attr.at, fmt.Sprintf("%q is a block, not an attribute", attr.name), "Write it as "+heading(schema.inside[attr.name])+", without an equals sign.")
	default:
		t.found.fault(attr.at, fmt.Sprintf("unknown attribute %q", attr.name), t.place(schema, "attribute")+engine.DidYouMean(attr.name, schema.known))
	}
}

func (t *tree) place(schema *block, what string) string {
	if schema.Name == "" {
		return fmt.Sprintf("There is no %s of this name; there are %s.", what, strings.Join(schema.known, ", "))
	}
	return fmt.Sprintf("A %s block has no %s of this name.", schema.Name, what)
}

// pair is one member of a JSON object.
type pair struct {
	name string
	at   engine.Range // of the name
	expr hcl.Expression
}

// jsonPairs are the members of a JSON object in their order; ok is false for
// any other value.
func jsonPairs(expr hcl.Expression) (pairs []pair, ok bool) {
	members, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return nil, false
	}
	for _, member := range members {
		key, _ := member.Key.Value(nil) // without a context, a JSON string is taken as it is
		pairs = append(pairs, pair{key.AsString(), rangeOf(member.Key.Range()), member.Value})
	}
	return pairs, true
}

// jsonRoot are the members of the object that a JSON file is.
func (t *tree) jsonRoot(body hcl.Body) []pair {
	attrs, diags := body.JustAttributes()
	t.found.syntax(diags, t.source.name)
	pairs := make([]pair, 0, len(attrs))
	for _, attr := range attrs {
		pairs = append(pairs, pair{attr.Name, rangeOf(attr.NameRange), attr.Expr})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.at.Start.Byte, b.at.Start.Byte) })
	return pairs
}

// json reads the members of a JSON object as a body.
func (t *tree) json(pairs []pair, schema *block) *given {
	out := &given{source: t.source, schema: schema}
	for _, member := range t.unique(pairs) {
		if schema.inside[member.name] == nil {
			t.attribute(out, givenAttr(member))
			continue
		}
		if inner := t.nested(schema, member.name, member.at); inner != nil {
			out.blocks = append(out.blocks, t.jsonBlocks(member, inner)...)
		}
	}
	return out
}

// unique leaves out comments, and tells of members that are given twice.
func (t *tree) unique(pairs []pair) []pair {
	seen := make(map[string]bool, len(pairs))
	return slices.DeleteFunc(pairs, func(p pair) bool {
		if p.name != "//" && seen[p.name] {
			t.found.fault(p.at, fmt.Sprintf("%q is given twice", p.name), "Keep one of them.")
			return true
		}
		seen[p.name] = true
		return p.name == "//"
	})
}

// jsonBlocks reads what stands behind a block's name: labels first, where it
// has some, then its body. Each may be one object or an array of them, which is
// how programs write several blocks in an order.
func (t *tree) jsonBlocks(member pair, schema *block) (out []*given) {
	if !schema.Labelled {
		return t.jsonBodies(member, schema, "")
	}
	for _, labelled := range oneOrMany(member.expr) {
		labels, ok := jsonPairs(labelled)
		if !ok {
			t.found.fault(rangeOf(labelled.Range()), fmt.Sprintf("%q must be an object whose names are labels", schema.Name),
				fmt.Sprintf(`Write {"%s": {"NAME": {…}}}.`, schema.Name))
			continue
		}
		for _, label := range t.unique(labels) {
			if t.label(schema, label.name, label.at) {
				out = append(out, t.jsonBodies(label, schema, label.name)...)
			}
		}
	}
	return out
}

// oneOrMany are the members of an array, or what is none.
func oneOrMany(expr hcl.Expression) []hcl.Expression {
	if list, diags := hcl.ExprList(expr); !diags.HasErrors() {
		return list
	}
	return []hcl.Expression{expr}
}

func (t *tree) jsonBodies(member pair, schema *block, label string) []*given {
	var out []*given
	for _, body := range oneOrMany(member.expr) {
		pairs, ok := jsonPairs(body)
		if !ok {
			t.found.fault(rangeOf(body.Range()), fmt.Sprintf("%q must be an object", schema.Name),
				"In JSON, a block is an object whose names are its attributes and blocks.")
			continue
		}
		made := t.json(pairs, schema)
		made.label, made.header = label, member.at
		out = append(out, made)
	}
	return out
}
