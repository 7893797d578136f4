package hcl

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/m2md/m2md/engine"
)

// values are what one block gives, strictly decoded: only attributes that are
// known and in form are there.
type values struct {
	decl   engine.Decl
	key    string // of the row of a table that it is
	of     map[string]any
	inside map[string][]*values
}

func get[T any](v *values, name string) T {
	value, _ := v.of[name].(T)
	return value
}

func (v *values) str(name string) string                   { return get[string](v, name) }
func (v *values) strs(name string) []string                { return get[[]string](v, name) }
func (v *values) boolean(name string) bool                 { return get[bool](v, name) }
func (v *values) whole(name string) int                    { return int(get[int64](v, name)) }
func (v *values) duration(name string) time.Duration       { return get[time.Duration](v, name) }
func (v *values) object(name string) map[string]any        { return get[map[string]any](v, name) }
func (v *values) references(name string) []engine.Ref      { return get[[]engine.Ref](v, name) }
func (v *values) reference(name string) *engine.Ref        { return get[*engine.Ref](v, name) }
func (v *values) all(name string) []*values                { return v.inside[name] }
func (v *values) requirement(n string) *engine.Requirement { return get[*engine.Requirement](v, n) }

// one is the only block of a name, or nil.
func (v *values) one(name string) *values {
	if len(v.inside[name]) == 0 {
		return nil
	}
	return v.inside[name][0]
}

// file is material from a *_file attribute, or from the one that may stand in
// its place.
func (v *values) file(fromFile, inline string) engine.File {
	if file, ok := v.of[fromFile].(engine.File); ok {
		return file
	}
	return engineFile("", []byte(v.str(inline)))
}

// script is that of a policy or mapping, from wherever it came.
func (v *values) script() engine.Script {
	if _, ok := v.of["script"]; ok {
		return get[engine.Script](v, "script")
	}
	return get[engine.Script](v, "script_file")
}

// decoder turns given blocks into values.
type decoder struct {
	found   *findings
	eval    *evaluator
	reader  *reader
	sources Sources
	scripts map[string][]byte // by absolute path, for the hash
	missing bool              // something was absent and allowed to be
	unknown map[engine.Range]Written
}

// block decodes one block and all that stands in it.
func (d *decoder) block(g *given) *values {
	v := &values{
		decl: engine.Decl{Label: g.label, At: g.header, Attrs: make(map[string]engine.Range, len(g.attrs))},
		of:   make(map[string]any, len(g.attrs)),
	}
	for _, attr := range g.attrs {
		v.decl.Attrs[attr.name] = rangeOf(attr.expr.Range())
		d.attribute(g, v, attr)
	}
	d.present(g, v)
	first := make(map[string]engine.Range)
	for _, child := range g.blocks {
		if d.single(first, child) {
			if v.inside == nil {
				v.inside = make(map[string][]*values)
			}
			v.inside[child.schema.Name] = append(v.inside[child.schema.Name], d.block(child))
		}
	}
	return v
}

// single refuses the second of a block that may stand once.
func (d *decoder) single(first map[string]engine.Range, g *given) bool {
	name := g.schema.Name
	other, twice := first[name]
	if twice && g.schema.Single {
		d.found.fault(g.header, fmt.Sprintf("%q is declared twice", name), fmt.Sprintf("The other one is at %s. Keep one of them.", other))
		return false
	}
	first[name] = g.header
	return true
}

// present checks what must be given, and what excludes each other.
func (d *decoder) present(g *given, v *values) {
	for _, row := range g.schema.attributes {
		if row.Required && !v.decl.Has(row.Name) {
			d.found.fault(g.header, fmt.Sprintf("%q is missing", row.Name), fmt.Sprintf("A %s block needs it: %s", g.schema.Name, row.Doc))
		}
	}
	for _, group := range g.schema.choices {
		var given []string
		for _, attr := range g.attrs { // in the order of the file
			if slices.Contains(group.names, attr.name) && v.decl.Has(attr.name) {
				given = append(given, attr.name)
			}
		}
		switch {
		case len(given) == 0 && group.required && !slices.ContainsFunc(group.unless, v.decl.Has):
			d.found.fault(g.header, quoted(group.names, "or")+" is missing", fmt.Sprintf("A %s block needs exactly one of them.", g.schema.Name))
		case len(given) > 1:
			d.found.fault(v.decl.Attrs[given[1]], quoted(given, "and")+" exclude each other", "Keep one of them.")
		}
	}
}

// attribute decodes one attribute into v.
func (d *decoder) attribute(g *given, v *values, attr givenAttr) {
	row := g.schema.byName[attr.name]
	if row.NoEffect {
		d.found.add(engine.Finding{
			Severity: engine.Note, ID: "CFG007", Summary: fmt.Sprintf("%q has no effect", row.Name),
			Detail: "It is taken so that it need not be removed; tokens that cannot be verified by a key are not supported yet.", At: attr.at,
		})
	}
	field := &field{decoder: d, row: row, source: g.source, expr: attr.expr, at: rangeOf(attr.expr.Range())}
	value, unknown := field.decode()
	if unknown {
		d.missing = true
		d.unknownAt(g.source, field.at, attr.expr)
	}
	if field.tainted {
		if v.decl.Sensitive == nil {
			v.decl.Sensitive = make(map[string]bool)
		}
		v.decl.Sensitive[attr.name] = true
	}
	if _, left := value.(omitted); left {
		delete(v.decl.Attrs, attr.name)
		return
	}
	if value != nil {
		v.of[attr.name] = value
		return
	}
	if v.decl.Unknown == nil {
		v.decl.Unknown = make(map[string]bool)
	}
	v.decl.Unknown[attr.name] = true // absent and allowed to be, or refused and told
}

// field is one attribute on its way from text to value.
type field struct {
	*decoder
	row    *attribute
	source *source
	expr   hcl.Expression
	at     engine.Range
	// tainted says that the value came from env() or file(), at least in part.
	tainted bool
}

// decode returns nil for a value that was refused.
func (f *field) decode() (value any, unknown bool) {
	switch f.row.Type {
	case TypeReference:
		return f.reference(), false
	case TypeReferences:
		return f.references(), false
	case TypeScript:
		return f.script(), false
	case TypeDenial:
		return f.denial(), false
	}
	out := f.eval.value(f.source, f.expr)
	f.tainted = out.tainted
	switch {
	case !out.ok:
		return nil, false
	case !out.value.IsWhollyKnown():
		return nil, true
	case f.secret(out):
		return nil, false
	case out.value.IsNull() && f.eval.scope != nil:
		return omitted{}, false
	case out.value.IsNull():
		f.fail(f.at, fault{summary: "is null", detail: "Write a value, or leave the attribute out."})
		return nil, false
	}
	if f.row.Secret && !out.tainted { // written there, or in a local
		f.found.add(engine.Finding{
			Severity: engine.Warning, ID: "SEC001", Summary: fmt.Sprintf("%q stands in the file as it is", f.row.Name),
			Detail: "Secrets do not belong into Git. Name a file outside of it, or use env().", At: f.at,
		})
	}
	return f.typed(out)
}

func (f *field) typed(out result) (value any, unknown bool) {
	switch v := out.value; f.row.Type {
	case TypeString:
		return f.orNil(f.text(v, f.at, f.fail)), false
	case TypeBool:
		if v.Type() != cty.Bool {
			return f.mistyped(v, f.at), false
		}
		return v.True(), false
	case TypeInt:
		return f.whole(v), false
	case TypeNumber:
		return f.real(v), false
	case TypeDuration:
		return f.duration(v), false
	case TypeStrings:
		return f.strings(v), false
	case TypeObject, TypeChanges:
		return f.object(v), false
	case TypeRequirement:
		return f.requirement(v), false
	case TypeFile:
		return f.file(out)
	case TypeScriptFile:
		return f.scriptFile(out), false
	default:
		panic(fmt.Sprintf("hcl: the table of %q has no type", f.row.Name))
	}
}

// orNil keeps a refused value out of an interface.
func (f *field) orNil(s string, ok bool) any {
	if !ok {
		return nil
	}
	return s
}

// fail tells a fault of this attribute.
func (f *field) fail(at engine.Range, bad fault) {
	if bad.whole {
		f.found.fault(at, bad.summary, bad.detail)
		return
	}
	f.found.fault(at, fmt.Sprintf("%q %s", f.row.Name, bad.summary), bad.detail)
}

// failMember tells a fault of a member of this attribute.
func (f *field) failMember(at engine.Range, bad fault) {
	if !bad.whole {
		bad = fault{summary: fmt.Sprintf("a member of %q %s", f.row.Name, bad.summary), detail: bad.detail, whole: true}
	}
	f.fail(at, bad)
}

// mistyped tells what the attribute takes. It returns nil, for its callers.
func (f *field) mistyped(v cty.Value, at engine.Range) any {
	if v.Type() == f.eval.patterns {
		f.fail(at, misplacedPattern())
		return nil
	}
	f.fail(at, takes(f.row))
	return nil
}

func misplacedPattern() fault {
	return fault{summary: "pattern() in a wrong place", detail: "A pattern stands only in require_claims.", whole: true}
}

// takes says what an attribute takes, and how that is written.
func takes(row *attribute) fault {
	example := map[Type]fault{
		TypeString:      {summary: "must be a string", detail: `Write it in quotes: %s = "…". Nothing is converted.`},
		TypeFile:        {summary: "must be a file name", detail: `Write it in quotes: %s = "…".`},
		TypeScriptFile:  {summary: "must be a file name", detail: `Write it in quotes: %s = "….js".`},
		TypeBool:        {summary: "must be true or false", detail: "Write %s = true, without quotes. Nothing is converted."},
		TypeInt:         {summary: "must be a whole number", detail: "Write %s = 3, without quotes. Nothing is converted."},
		TypeNumber:      {summary: "must be a number", detail: "Write %s = 0.5, without quotes. Nothing is converted."},
		TypeDuration:    {summary: "must be a duration", detail: `Write %s = "15m", or "2160h" for 90 days.`},
		TypeStrings:     {summary: "must be a list of strings", detail: `Write %s = ["…"]. Nothing is converted.`},
		TypeObject:      {summary: "must be an object", detail: "Write %s = { NAME = VALUE }."},
		TypeChanges:     {summary: "must be an object", detail: "Write %s = { CLAIM = VALUE }."},
		TypeTable:       {summary: "must be a list or an object", detail: "Write %s = { NAME = VALUE }, or [VALUE]."},
		TypeDenial:      {summary: "takes a policy or a word", detail: "Write %s = policy.NAME."},
		TypeRequirement: {summary: "must be an object", detail: `Write %s = { CLAIM = "VALUE" }.`},
	}[row.Type]
	return fault{summary: example.summary, detail: fmt.Sprintf(example.detail, row.Name)}
}

// text decodes a string and judges its form; tell is fail or failMember.
func (f *field) text(v cty.Value, at engine.Range, tell func(engine.Range, fault)) (string, bool) {
	if v.Type() != cty.String || v.IsNull() {
		f.mistyped(v, at)
		return "", false
	}
	s := v.AsString()
	bad := fault{}
	if f.row.check != nil {
		bad = f.row.check(s)
	}
	if bad == (fault{}) && f.row.Words != nil && !slices.Contains(f.row.Words, s) {
		bad = fault{summary: "has no such value", detail: fmt.Sprintf("Write %s.", quoted(f.row.Words, "or"))}
	}
	if bad != (fault{}) {
		tell(at, bad)
		return "", false
	}
	return s, true
}

func (f *field) whole(v cty.Value) any {
	if v.Type() != cty.Number {
		return f.mistyped(v, f.at)
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact {
		return f.mistyped(v, f.at)
	}
	return f.ranged(n, n)
}

// real decodes a number that need not be whole.
func (f *field) real(v cty.Value) any {
	if v.Type() != cty.Number {
		return f.mistyped(v, f.at)
	}
	n, _ := v.AsBigFloat().Float64()
	if f.row.inBounds != nil {
		if bad := f.row.inBounds(n); bad != (fault{}) {
			f.fail(f.at, bad)
			return nil
		}
	}
	return n
}

func (f *field) duration(v cty.Value) any {
	if v.Type() != cty.String {
		return f.mistyped(v, f.at)
	}
	length, err := time.ParseDuration(v.AsString())
	if err != nil {
		return f.mistyped(v, f.at)
	}
	return f.ranged(int64(length), length)
}

func (f *field) ranged(n int64, value any) any {
	if f.row.inRange != nil {
		if bad := f.row.inRange(n); bad != (fault{}) {
			f.fail(f.at, bad)
			return nil
		}
	}
	return value
}

func isList(t cty.Type) bool { return t.IsTupleType() || t.IsListType() }

func isObject(t cty.Type) bool { return t.IsObjectType() || t.IsMapType() }

// strings decodes a list of strings; each fault is told at its member.
func (f *field) strings(v cty.Value) any {
	if !isList(v.Type()) {
		return f.mistyped(v, f.at)
	}
	places := memberPlaces(f.expr, f.at, v.LengthInt())
	out, i, whole := make([]string, 0, v.LengthInt()), 0, true
	for _, member := range v.Elements() {
		s, ok := f.text(member, places(i), f.failMember)
		out, whole = append(out, s), whole && ok
		i++
	}
	if len(out) == 0 && f.row.Filled {
		f.fail(f.at, fault{summary: "is empty", detail: "Name at least one."})
		return nil
	}
	if !whole {
		return nil
	}
	return out
}

// memberPlaces tells where the members of a list stand, where they are
// written out; else all are at the place of the list.
func memberPlaces(expr hcl.Expression, at engine.Range, count int) func(int) engine.Range {
	members, diags := hcl.ExprList(expr)
	if diags.HasErrors() || len(members) != count {
		return func(int) engine.Range { return at }
	}
	return func(i int) engine.Range { return rangeOf(members[i].Range()) }
}

// object decodes an object as JSON would hold it.
func (f *field) object(v cty.Value) any {
	if !isObject(v.Type()) {
		return f.mistyped(v, f.at)
	}
	out, bad := f.plain(v, f.expr, f.at, 0)
	for _, member := range objectMembers(v, f.expr, f.at) {
		if f.row.texts && !bad && member.value.Type() != cty.String {
			f.failMember(member.at, fault{summary: "must be a string", detail: "Write it in quotes. Nothing is converted."})
			bad = true
		}
	}
	if bad {
		return nil
	}
	return out
}

// plain decodes any value to string, bool, json.Number, []any and
// map[string]any; each fault is told at its place.
func (f *field) plain(v cty.Value, expr hcl.Expression, at engine.Range, depth int) (out any, bad bool) {
	switch t := v.Type(); {
	case v.IsNull() && f.row.Type == TypeChanges:
		return nil, false
	case v.IsNull():
		f.failMember(at, fault{summary: "is null", detail: "Write a value, or leave it out."})
		return nil, true
	case depth > maxDepth:
		f.fail(at, fault{summary: "is nested too deep", detail: "Keep values plain."})
		return nil, true
	case t == cty.String:
		return v.AsString(), false
	case t == cty.Bool:
		return v.True(), false
	case t == cty.Number:
		return f.number(v, at)
	case isList(t):
		list := make([]any, 0, v.LengthInt())
		for _, member := range listMembers(v, expr, at) {
			one, wrong := f.plain(member.value, member.expr, member.at, depth+1)
			list, bad = append(list, one), bad || wrong
		}
		return list, bad
	case isObject(t):
		object := make(map[string]any, v.LengthInt())
		for _, member := range objectMembers(v, expr, at) {
			one, wrong := f.plain(member.value, member.expr, member.at, depth+1)
			object[member.name], bad = one, bad || wrong
		}
		return object, bad
	case t == f.eval.patterns:
		f.fail(at, misplacedPattern())
	default:
		f.failMember(at, fault{summary: "is neither text, number, bool, list nor object", detail: "Use tolist() for a set."})
	}
	return nil, true
}

// number keeps a number as JSON writes it.
func (f *field) number(v cty.Value, at engine.Range) (out any, bad bool) {
	number := v.AsBigFloat()
	if _, err := measure(v, 0); err != nil || number.IsInf() {
		f.failMember(at, fault{summary: "is a number out of range", detail: fmt.Sprintf("A number may have an exponent of at most %d.", maxExponent)})
		return nil, true
	}
	if number.IsInt() {
		return json.Number(number.Text('f', 0)), false
	}
	return json.Number(number.Text('g', -1)), false
}

// member is one value in a list or object, with the expression that gives it,
// where it is written out.
type member struct {
	name  string
	value cty.Value
	expr  hcl.Expression // nil where it is computed
	at    engine.Range
}

func listMembers(v cty.Value, expr hcl.Expression, at engine.Range) []member {
	var exprs []hcl.Expression
	if expr != nil {
		if list, diags := hcl.ExprList(expr); !diags.HasErrors() && len(list) == v.LengthInt() {
			exprs = list
		}
	}
	out := make([]member, 0, v.LengthInt())
	for _, value := range v.Elements() {
		one := member{value: value, at: at}
		if exprs != nil {
			one.expr = exprs[len(out)]
			one.at = rangeOf(one.expr.Range())
		}
		out = append(out, one)
	}
	return out
}

// objectMembers are in the order of their names.
func objectMembers(v cty.Value, expr hcl.Expression, at engine.Range) []member {
	exprs := make(map[string]hcl.Expression)
	if expr != nil {
		pairs, _ := hcl.ExprMap(expr)
		for _, pair := range pairs {
			if key, diags := pair.Key.Value(nil); !diags.HasErrors() && key.IsKnown() && !key.IsNull() && key.Type() == cty.String {
				exprs[key.AsString()] = pair.Value
			}
		}
	}
	out := make([]member, 0, v.LengthInt())
	for key, value := range v.Elements() {
		one := member{name: key.AsString(), value: value, at: at}
		if written := exprs[one.name]; written != nil {
			one.expr, one.at = written, rangeOf(written.Range())
		}
		out = append(out, one)
	}
	return out
}

// file reads the file that a *_file attribute names.
func (f *field) file(out result) (value any, unknown bool) {
	name, ok := f.text(out.value, f.at, f.fail)
	if !ok {
		return nil, false
	}
	if name == "" {
		f.fail(f.at, notEmpty(name))
		return nil, false
	}
	called, path := fmt.Sprintf("file %q", name), name
	if !out.literal {
		called, path = fmt.Sprintf("the file that %q names", f.row.Name), "(sensitive)"
	}
	by := wayText
	if f.row.binary {
		by = wayBinary
	}
	abs := f.source.resolve(name)
	if f.eval.beyond(abs) {
		return nil, true
	}
	content, err := f.eval.open(abs, by)
	f.eval.trail.open(abs, by, content, err)
	switch {
	case errors.Is(err, errMissing) && f.eval.allowMissing:
		f.found.add(engine.Finding{
			Severity: engine.Note, Summary: called + " " + err.Error(),
			Detail: "Its content is taken as unknown: what depends on it is not checked.", At: f.at,
		})
		return nil, true
	case err != nil:
		f.found.fault(f.at, called+" "+err.Error(), remedy(err))
		return nil, false
	}
	return engineFile(path, content), false
}
