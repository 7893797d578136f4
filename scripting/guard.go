package scripting

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
)

const (
	// budget is what one evaluation may make or walk through natively, in
	// characters and array elements. A policy over a JWT needs thousands.
	budget = 1 << 20

	// matchTimeout bounds one match of goja's backtracking engine, which then
	// says "no match". maxMatch, which is less, makes sure that no policy gets
	// to act on that answer.
	matchTimeout = 100 * time.Millisecond
	maxMatch     = 80 * time.Millisecond

	// maxPattern bounds a pattern that is made at run time, in characters.
	maxPattern = 1024

	// maxDepth bounds how deep arrays and objects are walked natively.
	maxDepth = 64
)

// spend takes n off what the evaluation may use. Where too little is left, of
// the budget or of the time, the run ends: the exception unwinds the natives,
// and the interrupt keeps the script from catching it.
func (run *evaluation) spend(n int) {
	if n < 0 || n > run.left {
		run.stop(errBudget)
	}
	run.left -= n
	if time.Now().After(run.deadline) {
		run.stop(errDeadline)
	}
}

func (run *evaluation) stop(why error) {
	if run.stopped == nil {
		run.stopped = why
	}
	run.rt.Interrupt(why)
	panic(run.rt.NewTypeError(why.Error()))
}

// charge is called by the rewritten script with every string that + or a
// template made, and every array that is spread.
func (run *evaluation) charge(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	run.spend(sizeOf(v))
	return v
}

// key is called by the rewritten script with every computed key. It makes a
// string of it once, so that what is checked is what is used.
func (run *evaluation) key(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	if goja.IsNumber(v) {
		return v
	}
	s := v.ToString()
	name := s.String()
	if run.unguarded[name] {
		panic(run.rt.NewTypeError("%q must be written out: .%s", name, name))
	}
	return s
}

// thrownByScript is called by the rewritten script with what it throws.
func (run *evaluation) thrownByScript(call goja.FunctionCall) goja.Value {
	run.raised = call.Argument(0)
	return run.raised
}

// sizeOf is the length of a string or array, and 0 of anything else.
func sizeOf(v goja.Value) int {
	switch v := v.(type) {
	case goja.String:
		return v.Length()
	case *goja.Object:
		if v.ClassName() == "Array" {
			return clamp(v.Get("length"))
		}
	}
	return 0
}

// clamp reads a length or count, whatever was given for it.
func clamp(v goja.Value) int {
	if v == nil || goja.IsUndefined(v) {
		return 0
	}
	f := v.ToFloat()
	switch {
	case !(f > 0):
		return 0
	case f > math.MaxInt32:
		return math.MaxInt32
	default:
		return int(f)
	}
}

type native = func(goja.FunctionCall) goja.Value

// guard stands before one native function.
type guard struct {
	owner string // a path from the global object
	name  string
	// always: wherever the script mentions the name. Else only where it could
	// reach the function other than by a plain call on a real array or string.
	always bool
	// nesting: needed too where arrays come to stand in arrays, as turning
	// those into text calls it.
	nesting bool
	wrap    func(run *evaluation, next native) native
}

// guardsByName is the table of what is guarded or taken away. What it does not
// name takes constant time, or time in the length of one string or array.
func guardsByName() map[string][]guard {
	table := map[string][]guard{}
	add := func(owner string, always bool, wrap func(*evaluation, native) native, names string) {
		for name := range strings.FieldsSeq(names) {
			table[name] = append(table[name], guard{owner: owner, name: name, always: always, nesting: name == "join", wrap: wrap})
		}
	}
	const array, text, regex = "Array.prototype", "String.prototype", "RegExp.prototype"
	add(array, true, join, "join")
	add(array, true, flat, "flat flatMap")
	add(array, true, onArray(func(n int, args []goja.Value) int { return n + sizes(args) + len(args) }), "concat splice unshift fill push")
	add(array, true, onArray(func(n int, _ []goja.Value) int { return 20 * n }), "sort toSorted")
	add(array, false, onArray(func(n int, _ []goja.Value) int { return n }),
		"at copyWithin every filter find findIndex findLast findLastIndex forEach includes indexOf lastIndexOf map pop "+
			"reduce reduceRight reverse shift slice some with toReversed toSpliced keys values entries")
	add(array, true, absent, "toLocaleString")
	add("Array", true, arrayFrom, "from")
	add("Array", false, linear, "of")

	add(text, true, onText(func(n int, args []goja.Value) int { return product(n, clamp(first(args))) }), "repeat")
	add(text, true, onText(func(_ int, args []goja.Value) int { return clamp(first(args)) }), "padStart padEnd")
	add(text, true, onText(func(n int, args []goja.Value) int { return n + sizes(args) }), "concat")
	add(text, true, replace, "replace replaceAll")
	add(text, true, match, "match matchAll search split")
	add(text, false, onText(func(n int, args []goja.Value) int { return n + sizes(args) }),
		"endsWith includes indexOf lastIndexOf localeCompare normalize slice startsWith substring substr "+
			"toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase trim trimEnd trimStart trimRight trimLeft at")
	add(regex, true, match, "test exec")
	add(regex, true, absent, "compile")
	add("String", true, absent, "raw")
	add("String", false, linear, "fromCharCode fromCodePoint")

	add("Function.prototype", true, apply, "apply")
	add("Function.prototype", true, flatFee, "bind")
	add("Object", true, absent, "defineProperty defineProperties getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertySymbols setPrototypeOf")
	add("Object", false, flatFee, "keys values entries fromEntries assign freeze seal getOwnPropertyNames create")
	add("JSON", true, stringify, "stringify")
	add("JSON", true, parse, "parse")
	add("JSON", true, absent, "rawJSON")
	add("Map.prototype", false, flatFee, "forEach")
	add("Set.prototype", false, flatFee, "forEach difference intersection isDisjointFrom isSubsetOf isSupersetOf symmetricDifference union")
	return table
}

// needed picks the guards that the script can come by. To install them all
// would cost ten times what a simple policy takes.
func (c *Compiler) needed(seen *analysis) []guard {
	var picked []guard
	nests := seen.nests || seen.tricky
	for name := range seen.names {
		for _, g := range c.guards[name] {
			if g.always || seen.tricky || seen.taken[name] {
				picked = append(picked, g)
				nests = nests || g.owner == "Array.prototype"
			}
		}
	}
	if nests && !seen.names["join"] {
		picked = append(picked, c.guards["join"]...)
	}
	slices.SortFunc(picked, func(a, b guard) int { return strings.Compare(a.owner+" "+a.name, b.owner+" "+b.name) })
	return picked
}

// unguarded are the names whose guards the program goes without.
func (c *Compiler) unguarded(seen *analysis, picked []guard) map[string]bool {
	installed := map[string]int{}
	for _, g := range picked {
		installed[g.name]++
	}
	names := map[string]bool{}
	for name, guards := range c.guards {
		if installed[name] < len(guards) {
			names[name] = true
		}
	}
	if !seen.names["constructor"] {
		names["constructor"] = true
	}
	return names
}

// guard puts the program's guards before the natives of this runtime.
func (run *evaluation) guard() {
	var owner *goja.Object
	path := ""
	for i := range run.guards {
		g := &run.guards[i]
		if path != g.owner {
			owner, path = run.owner(g.owner), g.owner
		}
		next, _ := owner.Get(g.name).Export().(native)
		wrapped := run.rt.ToValue(g.wrap(run, next))
		_ = owner.DefineDataProperty(g.name, wrapped, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
	if run.noCtor {
		for _, name := range []string{"Function.prototype", "RegExp.prototype"} {
			_ = run.owner(name).Delete("constructor")
		}
	}
}

func (run *evaluation) owner(path string) *goja.Object {
	object := run.base
	for name := range strings.SplitSeq(path, ".") {
		object = object.Get(name).(*goja.Object)
	}
	return object
}

func first(args []goja.Value) goja.Value {
	if len(args) == 0 {
		return goja.Undefined()
	}
	return args[0]
}

func sizes(args []goja.Value) int {
	n := 0
	for _, arg := range args {
		n = min(n+sizeOf(arg), math.MaxInt32)
	}
	return n
}

func product(a, b int) int {
	if a != 0 && b > math.MaxInt32/a {
		return math.MaxInt32
	}
	return a * b
}

// absent stands for what a policy has no use for and could do harm with.
func absent(run *evaluation, _ native) native {
	return func(goja.FunctionCall) goja.Value {
		panic(run.rt.NewTypeError("this function is not available in a policy"))
	}
}

// flatFee charges what is linear in something that has no cheap size. A string
// has one, and is walked character by character: each becomes a value, or a
// pair of them.
func flatFee(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.spend(256 + product(20, sizes(call.Arguments)))
		return next(call)
	}
}

func linear(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.spend(len(call.Arguments))
		return next(call)
	}
}

// onArray guards a method that walks its array. What only poses as an array
// could have any length, or a different one each time it is asked.
func onArray(cost func(n int, args []goja.Value) int) func(*evaluation, native) native {
	return func(run *evaluation, next native) native {
		return func(call goja.FunctionCall) goja.Value {
			run.spend(cost(run.arrayLength(call.This), call.Arguments))
			return next(call)
		}
	}
}

func (run *evaluation) arrayLength(v goja.Value) int {
	object, ok := v.(*goja.Object)
	if !ok || object.ClassName() != "Array" {
		panic(run.rt.NewTypeError("this method works on arrays only"))
	}
	return clamp(object.Get("length"))
}

// onText guards a method of strings.
func onText(cost func(n int, args []goja.Value) int) func(*evaluation, native) native {
	return func(run *evaluation, next native) native {
		return func(call goja.FunctionCall) goja.Value {
			call.This, call.Arguments = run.text(call.This), plain(call.Arguments)
			run.spend(cost(sizeOf(call.This), call.Arguments))
			return next(call)
		}
	}
}

// text makes the string that a method works on, once: an object could be
// another string each time it is asked.
func (run *evaluation) text(v goja.Value) goja.Value {
	if goja.IsUndefined(v) || goja.IsNull(v) {
		panic(run.rt.NewTypeError("this method works on strings only"))
	}
	return v.ToString()
}

// plain turns objects among the arguments into strings once, but for regular
// expressions and functions.
func plain(args []goja.Value) []goja.Value {
	out := slices.Clone(args)
	for i, arg := range out {
		if object, ok := arg.(*goja.Object); ok && object.ClassName() != "RegExp" && object.ClassName() != "Function" {
			out[i] = arg.ToString()
		}
	}
	return out
}

// join is Array.prototype.join, paying for each element before it grows the
// result. Arrays that hold the same array often make text without end.
func join(run *evaluation, _ native) native {
	depth := 0
	return func(call goja.FunctionCall) goja.Value {
		n := run.arrayLength(call.This)
		if depth++; depth > maxDepth {
			run.stop(errBudget)
		}
		defer func() { depth-- }()
		separator := goja.Value(run.rt.ToValue(","))
		if s := call.Argument(0); !goja.IsUndefined(s) {
			separator = s.ToString()
		}
		run.spend(product(n, 1+sizeOf(separator)))
		var out goja.StringBuilder
		for i := range n {
			if i > 0 {
				out.WriteString(separator.(goja.String))
			}
			item := call.This.(*goja.Object).Get(strconv.Itoa(i))
			if item == nil || goja.IsUndefined(item) || goja.IsNull(item) {
				continue
			}
			text := item.ToString()
			run.spend(sizeOf(text))
			out.WriteString(text.(goja.String))
		}
		return out.String()
	}
}

// flat pays for all that comes to lie in the new array.
func flat(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.arrayLength(call.This)
		depth := 1
		if d := call.Argument(0); goja.IsNumber(d) {
			depth = clamp(d)
			call.Arguments = []goja.Value{run.rt.ToValue(min(depth, maxDepth))}
		} else if object, ok := d.(*goja.Object); ok && object.ClassName() == "Function" {
			depth = 0 // flatMap: what the function returns is paid for below
			call.Arguments = append([]goja.Value{run.paying(d)}, call.Arguments[1:]...)
		}
		run.flatten(call.This, min(depth, maxDepth))
		return next(call)
	}
}

func (run *evaluation) flatten(v goja.Value, depth int) {
	n := sizeOf(v)
	run.spend(n)
	if depth == 0 {
		return
	}
	for i := range n {
		if item, ok := v.(*goja.Object).Get(strconv.Itoa(i)).(*goja.Object); ok && item.ClassName() == "Array" {
			run.flatten(item, depth-1)
		}
	}
}

// paying makes a callback whose results are charged.
func (run *evaluation) paying(fn goja.Value) goja.Value {
	call, _ := goja.AssertFunction(fn)
	return run.rt.ToValue(func(c goja.FunctionCall) goja.Value {
		v, err := call(c.This, c.Arguments...)
		if err != nil {
			panic(err)
		}
		if object, ok := v.(*goja.Object); !ok || object.ClassName() != "Array" {
			v = v.ToString()
		}
		run.spend(sizeOf(v))
		return v
	})
}

// arrayFrom copies what only poses as an array into a real one first.
func arrayFrom(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		object, ok := call.Argument(0).(*goja.Object)
		if ok && object.GetSymbol(goja.SymIterator) == nil {
			n := clamp(object.Get("length"))
			run.spend(n)
			items := make([]any, n)
			for i := range items {
				if items[i] = object.Get(strconv.Itoa(i)); items[i] == goja.Value(nil) {
					items[i] = goja.Undefined()
				}
			}
			call.Arguments = slices.Clone(call.Arguments)
			call.Arguments[0] = run.rt.NewArray(items...)
		}
		run.spend(sizeOf(call.Argument(0)))
		return next(call)
	}
}

// apply spreads an array as arguments.
func apply(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		if args := call.Argument(1); !goja.IsUndefined(args) && !goja.IsNull(args) {
			run.spend(run.arrayLength(args))
		}
		return next(call)
	}
}

// match guards what runs a regular expression.
func match(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		if object, ok := call.This.(*goja.Object); ok && object.ClassName() == "RegExp" {
			call.Arguments = []goja.Value{call.Argument(0).ToString()}
			run.spend(matchCost(object, sizeOf(call.Arguments[0])))
			return run.timed(next, call)
		}
		call.This, call.Arguments = run.text(call.This), plain(call.Arguments)
		run.spend(matchCost(call.Argument(0), sizeOf(call.This)))
		return run.timed(next, call)
	}
}

// matchCost follows the size of a pattern's automaton: RE2 takes time in the
// product of that and the text.
func matchCost(pattern goja.Value, text int) int {
	source, compile := "", 0
	switch p := pattern.(type) {
	case *goja.Object:
		if s := p.Get("source"); s != nil && goja.IsString(s) {
			source = s.String()
		}
	case goja.String:
		source = p.String()
		compile = 64 * len(source)
	}
	states := 1 + len(source)/16
	for _, part := range strings.Split(source, "{")[1:] {
		for number := range strings.FieldsFuncSeq(part, func(r rune) bool { return r < '0' || r > '9' }) {
			if n, err := strconv.Atoi(number); err == nil {
				states = product(states, max(1, n/4))
			}
			break
		}
	}
	return min(compile+product(states, text), math.MaxInt32)
}

// timed ends a run in which a match took so long that the backtracking engine
// may have given up and called that "no match".
func (run *evaluation) timed(next native, call goja.FunctionCall) goja.Value {
	began := time.Now()
	v := next(call)
	if time.Since(began) > maxMatch {
		run.stop(errRegex)
	}
	return v
}

// replace pays for the largest result that the replacement can make.
func replace(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		call.This, call.Arguments = run.text(call.This), plain(call.Arguments)
		n, with := sizeOf(call.This), call.Argument(1)
		run.spend(matchCost(call.Argument(0), n))
		if object, ok := with.(*goja.Object); ok && object.ClassName() == "Function" {
			call.Arguments[1] = run.paying(with)
		} else if len(call.Arguments) > 1 {
			run.spend(replaceCost(n, with.String()))
		}
		return run.timed(next, call)
	}
}

// replaceCost: what stands between "$" signs comes once a match; a group or
// the match itself are parts of the text; "$`" and "$'" copy it each time.
func replaceCost(n int, with string) int {
	all := strings.Count(with, "$`") + strings.Count(with, "$'")
	cost := product(n+1, len(with)) + product(strings.Count(with, "$"), n)
	return min(cost+product(all, product(n+1, n)), math.MaxInt32)
}

// stringify works on a copy that was paid for: the same array in many places,
// a getter or a toJSON could make text without end.
func stringify(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		if replacer, ok := call.Argument(1).(*goja.Object); ok && replacer.ClassName() == "Function" {
			panic(run.rt.NewTypeError("JSON.stringify takes no function in a policy"))
		}
		call.Arguments = slices.Clone(call.Arguments)
		if len(call.Arguments) > 0 {
			call.Arguments[0] = run.snapshot(call.Arguments[0], 0)
		}
		return next(call)
	}
}

func (run *evaluation) snapshot(v goja.Value, depth int) goja.Value {
	object, ok := v.(*goja.Object)
	if !ok {
		run.spend(8 + sizeOf(v))
		return v
	}
	if depth > maxDepth {
		run.stop(errBudget)
	}
	switch object.ClassName() {
	case "Function", "Date":
		return v
	case "Array":
		n := sizeOf(v)
		run.spend(n)
		items := make([]any, n)
		for i := range items {
			item := object.Get(strconv.Itoa(i))
			if item == nil {
				item = goja.Null()
			}
			items[i] = run.snapshot(item, depth+1)
		}
		return run.rt.NewArray(items...)
	}
	out := run.rt.CreateObject(nil)
	for _, key := range object.Keys() {
		run.spend(len(key))
		if item := object.Get(key); item != nil {
			_ = out.Set(key, run.snapshot(item, depth+1))
		}
	}
	return out
}

// errNested is thrown for JSON that would make goja's parser recurse too deep.
var errNested = errors.New("JSON.parse: nested too deep")

func parse(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		source := call.Argument(0).ToString()
		run.spend(sizeOf(source))
		if tooDeep(source.String()) >= 0 {
			panic(run.rt.NewTypeError(errNested.Error()))
		}
		call.Arguments = slices.Clone(call.Arguments)
		call.Arguments[0] = source
		return next(call)
	}
}

// globals is the global object: the part of the language that decides about
// data. What it does not name does not exist, so that what a new goja brings
// does not become reachable by itself.
type globals struct {
	run   *evaluation
	regex goja.Value
}

func (g *globals) Get(name string) goja.Value {
	switch name {
	case "Date":
		g.run.rt.SetTimeSource(func() time.Time { return g.run.in.Time })
		return g.run.base.Get(name)
	case "Math":
		g.run.rt.SetRandSource(g.run.noRandom)
		return g.run.base.Get(name)
	case "Object", "Array", "String", "Number", "Boolean", "JSON", "Map", "Set",
		"Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError",
		"NaN", "Infinity", "undefined", "isNaN", "isFinite", "parseInt", "parseFloat":
		return g.run.base.Get(name)
	case "encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI":
		next := g.run.base.Get(name).Export().(native)
		return g.run.rt.ToValue(func(call goja.FunctionCall) goja.Value {
			call.Arguments = []goja.Value{call.Argument(0).ToString()}
			g.run.spend(3 * sizeOf(call.Arguments[0]))
			return next(call)
		})
	case "RegExp":
		if g.regex == nil {
			g.regex = g.run.regexConstructor()
		}
		return g.regex
	default:
		return nil
	}
}

// noRandom is the generator behind Math.random.
func (run *evaluation) noRandom() float64 {
	panic(run.rt.NewTypeError("Math.random is not available: a policy decides the same way each time"))
}

// regexConstructor is RegExp with a bound on the pattern's length.
func (run *evaluation) regexConstructor() goja.Value {
	original := run.base.Get("RegExp").(*goja.Object)
	made := run.rt.ToValue(func(call goja.ConstructorCall) *goja.Object {
		args := plain(call.Arguments)
		run.spend(64 * sizeOf(first(args)))
		if sizeOf(first(args)) > maxPattern {
			panic(run.rt.NewTypeError("a pattern may have %d characters", maxPattern))
		}
		object, err := run.rt.New(original, args...)
		if err != nil {
			panic(err)
		}
		return object
	}).(*goja.Object)
	_ = made.Set("prototype", original.Get("prototype"))
	return made
}

func (g *globals) Has(name string) bool        { return g.Get(name) != nil }
func (g *globals) Set(string, goja.Value) bool { return false }
func (g *globals) Delete(string) bool          { return false }
func (g *globals) Keys() []string              { return nil }
