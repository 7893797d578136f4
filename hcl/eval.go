package hcl

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/m2md/m2md/engine"
)

// maxLocal bounds the size of one local, about in bytes: each use of it may
// double what there is.
const maxLocal = 256 << 10

// evaluator computes values: locals once, then whatever uses them.
type evaluator struct {
	found        *findings
	reader       *reader
	roots        []string // what file() and scripts must stay below
	lookup       func(string) (string, bool)
	allowMissing bool
	sealed       bool
	imports      func(name, text string) ([]engine.Import, error) // nil: scripts have no modules

	patterns, references cty.Type
	scope                *scope // nil outside of tests
	shared               *hcl.EvalContext
	folders              map[string]*hcl.EvalContext // by folder, as file() is relative
	locals               map[string]*local
	order                []*local // as the files give them
	missing              []string // what env() missed since the last value
	budget               *budget
	trail                *trail // nil where nobody asks what is used
}

// local is one name of a locals block.
type local struct {
	givenAttr
	source  *source
	uses    usage
	value   cty.Value
	failed  bool // told already: what uses it is not computed
	tainted bool
	written *Written // nil until it was asked for
}

// usage is what an expression refers to.
type usage struct {
	locals  []string
	refs    []engine.Ref // in tests only
	tainted bool         // calls env() or file()
}

// result is a computed value, without marks.
type result struct {
	value   cty.Value
	tainted bool // no output may show it, nor what hashicorp/hcl says of it
	literal bool // the text of the file is the value
	ok      bool // false: told already, or not to be told
}

func newEvaluator(o Options, found *findings, reader *reader, roots []string) *evaluator {
	e := &evaluator{
		found: found, reader: reader, roots: roots, lookup: o.LookupEnv, allowMissing: o.AllowMissingSecrets, sealed: o.Sealed, imports: onceByName(o.Imports),
		patterns: patternType(), references: cty.Capsule("reference", reflect.TypeFor[engine.Ref]()), folders: make(map[string]*hcl.EvalContext), locals: make(map[string]*local),
	}
	left := &budget{maxComputed}
	functions := sharedFunctions()
	for name, f := range functions {
		if name != "can" && name != "try" { // which evaluate by themselves, and make nothing
			functions[name] = left.metered(f, 1)
		}
	}
	functions["range"] = left.metered(stdlib.RangeFunc, rangeCost)
	functions["env"], functions["pattern"], functions[chargeName] = e.env(), e.pattern(), left.charge()
	e.shared, e.budget = &hcl.EvalContext{Functions: functions}, left
	return e
}

// context is that of a file: it knows what file() is relative to.
func (e *evaluator) context(src *source) *hcl.EvalContext {
	dir := filepath.Dir(src.abs)
	ctx := e.folders[dir]
	if ctx == nil {
		ctx = e.shared.NewChild()
		ctx.Functions = map[string]function.Function{"file": e.file(src)}
		e.folders[dir] = ctx
	}
	return ctx
}

// declare takes note of a local.
func (e *evaluator) declare(src *source, attr givenAttr) {
	if other := e.locals[attr.name]; other != nil {
		e.found.fault(attr.at, fmt.Sprintf("local %q is declared twice", attr.name), fmt.Sprintf("The other one is at %s.", other.at))
		return
	}
	one := &local{givenAttr: attr, source: src}
	e.locals[attr.name] = one
	e.order = append(e.order, one)
}

// computeLocals computes all locals, each after those that it uses. What is
// left over uses itself.
func (e *evaluator) computeLocals() {
	waiting := make(map[string]int, len(e.order))
	users := make(map[string][]*local)
	var ready []*local
	for _, one := range e.order {
		one.uses, one.failed = e.usage(one.expr)
		for _, name := range one.uses.locals {
			users[name] = append(users[name], one)
		}
		if waiting[one.name] = len(one.uses.locals); waiting[one.name] == 0 {
			ready = append(ready, one)
		}
	}
	for len(ready) > 0 {
		one := ready[0]
		ready = ready[1:]
		e.computeLocal(one)
		for _, user := range users[one.name] {
			if waiting[user.name]--; waiting[user.name] == 0 {
				ready = append(ready, user)
			}
		}
	}
	e.tellCycles(waiting)
}

func (e *evaluator) computeLocal(one *local) {
	one.tainted = one.uses.tainted
	for _, name := range one.uses.locals {
		one.failed = one.failed || e.locals[name].failed
		one.tainted = one.tainted || e.locals[name].tainted
	}
	if one.failed {
		return
	}
	at := rangeOf(one.expr.Range())
	value, ok := e.compute(one.source, one.expr, one.uses, one.tainted)
	e.noteMissing(at)
	if size, err := measure(value, 0); ok && err != nil {
		e.found.fault(at, fmt.Sprintf("local %q is %s", one.name, err), "Keep values plain.")
		ok = false
	} else if ok && size > maxLocal {
		e.found.fault(at, fmt.Sprintf("local %q is too large", one.name), fmt.Sprintf("A local may take at most %d bytes.", maxLocal))
		ok = false
	}
	one.value, one.failed = value, !ok
}

// tellCycles tells of each cycle among the locals that were never ready.
func (e *evaluator) tellCycles(waiting map[string]int) {
	seen := make(map[string]bool)
	for _, one := range e.order {
		if waiting[one.name] == 0 {
			continue
		}
		var path []string
		for name := one.name; !seen[name]; {
			seen[name] = true
			path = append(path, name)
			name = e.nextInCycle(name, waiting)
			if start := slices.Index(path, name); start >= 0 {
				e.tellCycle(path[start:])
			}
		}
		one.failed = true
	}
}

func (e *evaluator) nextInCycle(name string, waiting map[string]int) string {
	for _, next := range e.locals[name].uses.locals {
		if waiting[next] > 0 {
			return next
		}
	}
	return name
}

func (e *evaluator) tellCycle(names []string) {
	const shown = 10
	first := e.locals[names[0]]
	chain := slices.Concat(names[:min(len(names), shown)], []string{names[0]})
	if len(names) > shown {
		chain[shown] = "…"
	}
	e.found.fault(rangeOf(first.expr.Range()), "locals use each other in a circle",
		fmt.Sprintf("local.%s. Give one of them a value of its own.", strings.Join(chain, " → local.")))
}

// usage looks at what an expression refers to, and tells what does not exist.
func (e *evaluator) usage(expr hcl.Expression) (uses usage, bad bool) {
	names := make(map[string]bool)
	bad = e.templates(expr, func(one hclsyntax.Expression) {
		for _, variable := range one.Variables() {
			if taken, told := e.scopeName(variable, &uses); taken || told {
				bad = bad || told
			} else if name, ok := e.localName(variable); ok {
				names[name] = true
			} else {
				bad = true
			}
		}
		uses.tainted = uses.tainted || callsOut(one)
	}) || bad
	uses.locals = slices.Sorted(maps.Keys(names))
	e.trail.local(uses.locals)
	return uses, bad
}

// templates visits the expressions of the native syntax that an expression
// consists of: itself, or what the strings of a JSON value are.
func (e *evaluator) templates(expr hcl.Expression, visit func(hclsyntax.Expression)) (bad bool) {
	if native, ok := expr.(hclsyntax.Expression); ok {
		if !isLiteral(native) {
			visit(native)
		}
		return false
	}
	if pairs, ok := jsonPairs(expr); ok {
		for _, member := range pairs {
			if strings.Contains(member.name, "${") || strings.Contains(member.name, "%{") {
				e.found.fault(member.at, "a name that is computed", "The names in a JSON object are taken as they are. Write the file in the native syntax to compute them.")
				bad = true
			}
			bad = e.templates(member.expr, visit) || bad
		}
		return bad
	}
	if list, diags := hcl.ExprList(expr); !diags.HasErrors() {
		for _, member := range list {
			bad = e.templates(member, visit) || bad
		}
		return bad
	}
	if text, ok := jsonString(expr); ok && (strings.Contains(text, "${") || strings.Contains(text, "%{")) {
		template, diags := hclsyntax.ParseTemplate([]byte(text), expr.Range().Filename, afterQuote(expr.Range()))
		if !diags.HasErrors() {
			visit(template)
		}
	}
	return bad
}

// jsonString is the text of a JSON string, not yet seen as a template.
func jsonString(expr hcl.Expression) (string, bool) {
	if _, native := expr.(hclsyntax.Expression); native {
		return "", false
	}
	value, _ := expr.Value(nil)
	if value.IsNull() || !value.IsKnown() || value.Type() != cty.String {
		return "", false
	}
	return value.AsString(), true
}

// afterQuote is where the text of a string begins.
func afterQuote(r hcl.Range) hcl.Pos {
	return hcl.Pos{Line: r.Start.Line, Column: r.Start.Column + 1, Byte: r.Start.Byte + 1}
}

// isLiteral says whether the text of an expression is its value. It is the
// most frequent case by far.
func isLiteral(expr hcl.Expression) bool {
	switch expr := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return expr.IsStringLiteral()
	case *hclsyntax.TupleConsExpr:
		return !slices.ContainsFunc(expr.Exprs, func(member hclsyntax.Expression) bool { return !isLiteral(member) })
	default:
		return false
	}
}

// localName is what local.NAME refers to; anything else is told.
func (e *evaluator) localName(variable hcl.Traversal) (string, bool) {
	at := rangeOf(variable.SourceRange())
	root := variable.RootName()
	if root != "local" {
		e.found.fault(at, fmt.Sprintf("unknown name %q", root), unknownName(root))
		return "", false
	}
	name, ok := "", false
	if len(variable) > 1 {
		name, ok = stepName(variable[1])
	}
	if !ok {
		e.found.fault(at, "local without a name", "Write local.NAME.")
		return "", false
	}
	if one := e.locals[name]; one != nil && isTestFile(one.source.abs) && !isTestFile(at.File) {
		e.found.fault(at, fmt.Sprintf("local %q is declared in a file for tests", name), fmt.Sprintf("The daemon does not read %s. Declare it in another file.", one.source.name))
		return "", false
	}
	if e.locals[name] == nil {
		e.found.fault(at, fmt.Sprintf("unknown local %q", name), "No locals block declares it."+engine.DidYouMean(name, slices.Collect(maps.Keys(e.locals))))
		return "", false
	}
	return name, true
}

func unknownName(root string) string {
	if slices.Contains(allKinds(), engine.Kind(root)) {
		return fmt.Sprintf("A reference such as %s.NAME stands only in attributes that take references.", root)
	}
	return "A value is written out, or is local.NAME or a call of a function. A string needs quotes."
}

func allKinds() []engine.Kind {
	return []engine.Kind{
		engine.KindSigningKey, engine.KindCertificate, engine.KindOAuthSource,
		engine.KindServiceAccount, engine.KindPolicy, engine.KindMapping, engine.KindProvider,
	}
}

// stepName is the name in .NAME or ["NAME"].
func stepName(step hcl.Traverser) (string, bool) {
	switch step := step.(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.IsKnown() && !step.Key.IsNull() && step.Key.Type() == cty.String {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

// callsOut says whether an expression calls env() or file().
func callsOut(expr hclsyntax.Expression) (out bool) {
	hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		if call, ok := node.(*hclsyntax.FunctionCallExpr); ok && (call.Name == "env" || call.Name == "file") {
			out = true
		}
		return nil
	})
	return out
}

// value computes the value of an attribute.
func (e *evaluator) value(src *source, expr hcl.Expression) result {
	if isLiteral(expr) {
		value, diags := expr.Value(nil)
		return result{value: value, literal: true, ok: !diags.HasErrors()}
	}
	uses, bad := e.usage(expr)
	out := result{tainted: uses.tainted}
	for _, name := range uses.locals {
		bad = bad || e.locals[name].failed
		out.tainted = out.tainted || e.locals[name].tainted
	}
	if bad {
		return out
	}
	value, ok := e.compute(src, expr, uses, out.tainted)
	e.noteMissing(rangeOf(expr.Range()))
	if ok {
		out.value, _ = value.UnmarkDeep()
	}
	_, native := expr.(hclsyntax.Expression)
	out.ok, out.literal = ok, !native && !out.tainted && len(uses.locals) == 0
	return out
}

// compute evaluates an expression, marks and all.
func (e *evaluator) compute(src *source, expr hcl.Expression, uses usage, tainted bool) (value cty.Value, ok bool) {
	ctx := e.context(src)
	if len(uses.locals) > 0 || e.scope != nil {
		values := make(map[string]cty.Value, len(uses.locals))
		for _, name := range uses.locals {
			values[name] = e.locals[name].value
		}
		ctx = ctx.NewChild()
		ctx.Variables = e.variables(uses.refs)
		ctx.Variables["local"] = cty.ObjectVal(values)
	}
	at := rangeOf(expr.Range())
	// cty panics where its authors saw no way to get; a configuration that
	// finds one is refused like any other.
	defer func() {
		if recover() != nil {
			e.found.fault(at, "the value cannot be computed", "This expression is beyond what the language can compute. Write it in a simpler form.")
			value, ok = cty.DynamicVal, false
		}
	}()
	value, diags := expr.Value(ctx)
	e.found.evaluation(diags, at, tainted)
	return value, !diags.HasErrors()
}

// noteMissing tells what env() missed for the value that was just computed.
func (e *evaluator) noteMissing(at engine.Range) {
	for _, what := range e.missing {
		e.found.add(engine.Finding{
			Severity: engine.Note, Summary: what,
			Detail: "The value is taken as unknown: what depends on it is not checked.", At: at,
		})
	}
	e.missing = nil
}
