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

// maxDepth bounds how deep arrays and objects are walked natively.
const maxDepth = 64

// key is called by the rewritten script with every computed key. It makes a
// string of it once, so that what is checked is what is used.
func (run *evaluation) key(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	if goja.IsNumber(v) {
		return v
	}
	s := v.ToString()
	run.spend(sizeOf(s) / 16)
	name := s.String()
	if run.unguarded[name] {
		panic(run.rt.NewTypeError("%q must be written out: .%s", name, name))
	}
	return s
}

// elements is called by the rewritten script with what ... takes apart. It
// returns an array or string as it is, and of what is iterated otherwise an
// array: how much comes out of that is known only when it has come.
func (run *evaluation) elements(call goja.FunctionCall) goja.Value {
	return run.paidElements(call.Argument(0))
}

func (run *evaluation) paidElements(v goja.Value) goja.Value {
	object, ok := v.(*goja.Object)
	if !ok || object.ClassName() == "Array" {
		run.spend(5 * sizeOf(v))
		return v
	}
	var items []any
	run.rt.ForOf(v, func(item goja.Value) bool {
		run.spend(16) // it may have been made by the iterator
		items = append(items, item)
		return true
	})
	return run.rt.NewArray(items...)
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

// keysOf is how many properties there are to copy or list.
func keysOf(v goja.Value) int {
	object, ok := v.(*goja.Object)
	if !ok || object.ClassName() == "Array" {
		return 16 * sizeOf(v)
	}
	return 16 * len(object.Keys())
}

func keysOfAll(args []goja.Value) int {
	n := 0
	for _, arg := range args {
		n = min(n+keysOf(arg), math.MaxInt32)
	}
	return n
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
	add(array, true, onArray(func(n int, args []goja.Value) int { return 2 * (n + sizes(args) + len(args)) }), "concat splice unshift fill")
	add(array, true, onArray(func(_ int, args []goja.Value) int { return 4 * len(args) }), "push")
	add(array, true, sorted, "sort toSorted")
	add(array, false, onArray(func(n int, args []goja.Value) int { return product(n, 1+sizeOf(first(args))/256) }), "includes indexOf lastIndexOf")
	add(array, false, onArray(func(n int, _ []goja.Value) int { return n }),
		"at copyWithin every filter find findIndex findLast findLastIndex forEach pop "+
			"reduce reduceRight reverse shift slice some with toReversed toSpliced keys values entries")
	add(array, false, onArray(func(n int, _ []goja.Value) int { return product(16, n) }), "map") // what a native makes of each is kept
	add(array, true, absent, "toLocaleString")
	add("Array", true, arrayFrom, "from")
	add("Array", false, linear, "of")

	add(text, true, onText(func(n int, args []goja.Value) int { return product(n, clamp(first(args))) }), "repeat")
	add(text, true, onText(func(_ int, args []goja.Value) int { return clamp(first(args)) }), "padStart padEnd")
	add(text, true, onText(func(n int, args []goja.Value) int { return n + sizes(args) }), "concat")
	add(text, true, replace, "replace replaceAll")
	add(text, true, split, "split")
	add(text, true, pattern, "match matchAll search")
	add(text, false, onText(func(n int, args []goja.Value) int { return n + sizes(args) }),
		"endsWith includes indexOf lastIndexOf slice startsWith substring substr trim trimEnd trimStart trimRight trimLeft at")
	add(text, false, onText(func(n int, args []goja.Value) int { return 8 * (n + sizes(args)) }),
		"localeCompare normalize toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase")
	add(regex, true, match, "test exec")
	add(regex, true, absent, "compile")
	add(regex, false, result, "toString")
	table["matchAll"] = append(table["matchAll"], table["exec"]...) // which its results call
	add("String", true, absent, "raw")
	add("String", false, linear, "fromCharCode fromCodePoint")

	add("Number", true, numeric, "parseFloat parseInt")

	add("Function.prototype", true, apply, "apply")
	add("Function.prototype", true, bound, "bind")
	add("Function.prototype", false, result, "toString")
	add("Error.prototype", false, result, "toString")
	add("Object", true, absent, "defineProperty defineProperties getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertySymbols setPrototypeOf")
	add("Object", false, onKeys, "keys values entries assign freeze seal getOwnPropertyNames create")
	add("Object", true, fromEntries, "fromEntries")
	add("JSON", true, stringify, "stringify")
	add("JSON", true, parse, "parse")
	add("JSON", true, absent, "rawJSON")
	add("Map.prototype", false, onKey, "get set has delete")
	add("Set.prototype", false, onKey, "add has delete")
	add("Map.prototype", false, onSize, "forEach")
	add("Set.prototype", false, onSize, "forEach difference intersection isDisjointFrom isSubsetOf isSupersetOf symmetricDifference union")
	return table
}

// needed picks the guards that the script can come by in its first steps, and
// the names that it goes without. To install them all would cost ten times what
// a simple policy takes.
func (c *Compiler) needed(seen *analysis) (picked []guard, unguarded map[string]bool) {
	nests := seen.nests || seen.tricky
	unguarded = map[string]bool{}
	for name, guards := range c.guards {
		for _, g := range guards {
			if !seen.names[name] || !g.always && !seen.tricky && !seen.taken[name] {
				unguarded[name] = true
				continue
			}
			picked = append(picked, g)
			nests = nests || g.owner == "Array.prototype"
		}
	}
	if nests && !seen.names["join"] {
		picked = append(picked, c.guards["join"]...)
	}
	if !seen.names["constructor"] {
		unguarded["constructor"] = true
	}
	return sortGuards(picked), unguarded
}

// sortGuards puts those of one owner beside each other, each once.
func sortGuards(guards []guard) []guard {
	order := func(a, b guard) int { return strings.Compare(a.owner+" "+a.name, b.owner+" "+b.name) }
	slices.SortFunc(guards, order)
	return slices.CompactFunc(guards, func(a, b guard) bool { return order(a, b) == 0 })
}

// guard puts the program's guards before the natives of this runtime.
func (run *evaluation) guard() {
	run.install(run.guards, nil)
	if run.noCtor {
		for _, name := range []string{"Function.prototype", "RegExp.prototype"} {
			_ = run.owner(name).Delete("constructor")
		}
	}
}

// guardAll puts all the others there too, in the middle of a run, but for those
// that stand before what only a name reaches: the script has none of these.
func (run *evaluation) guardAll() {
	run.install(run.every, run.guards)
}

func (run *evaluation) install(guards, but []guard) {
	var owner *goja.Object
	path := ""
	for i := range guards {
		g := &guards[i]
		if slices.ContainsFunc(but, func(b guard) bool { return b.owner == g.owner && b.name == g.name }) {
			continue
		}
		if path != g.owner {
			owner, path = run.owner(g.owner), g.owner
		}
		if next, ok := owner.Get(g.name).Export().(native); ok {
			wrapped := run.rt.ToValue(g.wrap(run, next))
			_ = owner.DefineDataProperty(g.name, wrapped, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
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

// bound charges for a function that keeps its arguments.
func bound(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.spend(256 + len(call.Arguments))
		return next(call)
	}
}

// onKeys guards what copies or lists the properties of its arguments.
func onKeys(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.spend(16 + keysOfAll(call.Arguments))
		return next(call)
	}
}

// onKey guards what hashes its first argument.
func onKey(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		run.spend(1 + sizeOf(call.Argument(0))/16)
		return next(call)
	}
}

// onSize guards what walks a Map or Set, or two.
func onSize(run *evaluation, next native) native {
	size := func(v goja.Value) int {
		if object, ok := v.(*goja.Object); ok {
			return clamp(object.Get("size"))
		}
		return 0
	}
	return func(call goja.FunctionCall) goja.Value {
		run.spend(16 + 4*size(call.This) + 4*size(call.Argument(0)))
		return next(call)
	}
}

// numeric guards what reads a number, which is not linear in long texts.
func numeric(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		call.Arguments = plain(call.Arguments)
		run.spend(product(64, sizeOf(first(call.Arguments))))
		return next(call)
	}
}

// result charges for the text that something large makes of itself.
func result(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		v := next(call)
		run.spend(sizeOf(v))
		return v
	}
}

// sorted pays for comparisons as well, which without a function are of texts.
func sorted(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		n := run.arrayLength(call.This)
		run.spend(product(20, n))
		if goja.IsUndefined(call.Argument(0)) {
			for i := range n {
				run.spend(sizeOf(call.This.(*goja.Object).Get(strconv.Itoa(i))) / 4)
			}
		}
		return next(call)
	}
}

// fromEntries makes an array of what it is given first.
func fromEntries(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		entries := run.paidElements(call.Argument(0))
		run.spend(product(4, sizeOf(entries)))
		call.Arguments = []goja.Value{entries}
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
		if ok && object.GetSymbol(goja.SymIterator) != nil {
			call.Arguments = slices.Clone(call.Arguments)
			call.Arguments[0] = run.paidElements(object)
		} else if ok {
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
		if !goja.IsUndefined(call.Argument(1)) {
			run.spend(product(16, sizeOf(call.Argument(0))))
		}
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

// replace pays for the largest result that the replacement can make.
func replace(run *evaluation, next native) native {
	return func(call goja.FunctionCall) goja.Value {
		call.This, call.Arguments = run.text(call.This), plain(call.Arguments)
		n, with := sizeOf(call.This), call.Argument(1)
		if object, ok := with.(*goja.Object); ok && object.ClassName() == "Function" {
			call.Arguments[1] = run.paying(with)
		} else if len(call.Arguments) > 1 {
			run.spend(replaceCost(n, with.String()))
		}
		return run.timed(next, call, call.Argument(0), call.This)
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
	run.spend(8)
	object, ok := v.(*goja.Object)
	if !ok {
		run.spend(sizeOf(v))
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
		run.spend(4 * sizeOf(source))
		if !goja.IsUndefined(call.Argument(1)) { // makes something of each value
			run.spend(product(16, sizeOf(source)))
		}
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
	run     *evaluation
	regex   goja.Value
	helpers map[string]goja.Value // by name, those that were read
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
		"NaN", "Infinity", "undefined", "isNaN", "isFinite":
		return g.run.base.Get(name)
	case "parseInt", "parseFloat":
		return g.run.rt.ToValue(numeric(g.run, g.run.base.Get(name).Export().(native)))
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
		return g.helper(name)
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
		if len(args) > 0 {
			flags := ""
			if len(args) > 1 && goja.IsString(args[1]) {
				flags = args[1].String()
			}
			run.checkPattern(patternOf(args[0]), flags)
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

// patternOf is the text of a pattern, of which a regular expression can be made
// again with other flags.
func patternOf(v goja.Value) goja.Value {
	if object, ok := v.(*goja.Object); ok {
		return object.Get("source")
	}
	return v
}

func (g *globals) Has(name string) bool        { return g.Get(name) != nil }
func (g *globals) Set(string, goja.Value) bool { return false }
func (g *globals) Delete(string) bool          { return false }
func (g *globals) Keys() []string              { return nil }
