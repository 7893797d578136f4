package scripting

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf16"

	"github.com/dop251/goja"

	"github.com/m2md/m2md/engine"
)

// mapping is a compiled mapping.
type mapping struct{ *Program }

var _ engine.Mapping = mapping{}

// CompileMapping compiles a script as CompilePolicy does; what it returns is
// taken for claims.
func (c *Compiler) CompileMapping(src engine.MappingSource) (engine.Mapping, error) {
	program, err := c.compile(scriptSource{Script: src.Script, what: "mapping", label: src.Label}, src.Inputs, src.Unknown["inputs"])
	if err != nil {
		return nil, err
	}
	return mapping{program}, nil
}

// Map runs the mapping, see engine.Mapping.
func (m mapping) Map(ctx context.Context, in *engine.PolicyInput) (map[string]any, error) {
	var claims map[string]any
	_, err := m.evaluate(ctx, in, nil, func(run *evaluation, v goja.Value) (err error) {
		claims, err = run.claimsOf(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// What a mapping may return. The bound on bytes is for the engine to keep, which
// knows what else is in the token.
const (
	maxClaimDepth  = 8    // objects and lists in each other
	maxClaimValues = 1000 // all in all
)

// claimsOf takes the object that a mapping returned.
func (run *evaluation) claimsOf(v goja.Value) (map[string]any, error) {
	t := &taker{run: run}
	var claims any
	thrown := run.rt.Try(func() { claims = t.value(v, "what it returned", 0) })
	object, ok := claims.(map[string]any)
	switch {
	case thrown != nil:
		return nil, run.thrown(run, thrown)
	case v == nil || goja.IsUndefined(v):
		return nil, fmt.Errorf("mapping %s (%s) returned nothing instead of an object of claims", run.source.label, run.source.At)
	case t.fault != "":
		return nil, fmt.Errorf("mapping %s (%s): %s", run.source.label, run.source.At, t.fault)
	case !ok:
		return nil, fmt.Errorf("mapping %s (%s) returned %s instead of an object of claims", run.source.label, run.source.At, kindOf(v))
	}
	return object, nil
}

// taker copies a value of a script into one of JSON. It reads each member once,
// so that a getter has one say.
type taker struct {
	run   *evaluation
	count int
	fault string // the first thing that JSON has not
}

// refuse notes what is wrong; the claim is named, never its value.
func (t *taker) refuse(path, format string, args ...any) any {
	if t.fault == "" {
		t.fault = oneLine(path) + " " + fmt.Sprintf(format, args...)
	}
	return nil
}

func (t *taker) value(v goja.Value, path string, depth int) any {
	if t.fault != "" {
		return nil
	}
	t.run.spend(8 + sizeOf(v))
	if t.count++; t.count > maxClaimValues {
		return t.refuse(path, "is one value too many: a mapping may return %d", maxClaimValues)
	}
	switch object, isObject := v.(*goja.Object); {
	case goja.IsNull(v):
		return nil
	case isObject && depth == maxClaimDepth:
		return t.refuse(path, "is nested more than %d deep, or holds itself", maxClaimDepth)
	case isObject && object.ClassName() == "Array":
		return t.list(object, path, depth)
	case isObject && object.ClassName() == "Object" && !collects(object):
		return t.object(object, path, depth)
	case goja.IsString(v):
		return t.text(v.(goja.String), path)
	case goja.IsNumber(v):
		return t.number(v, path)
	}
	if b, ok := v.Export().(bool); ok && kindOf(v) != "a Boolean object" {
		return b
	}
	return t.refuse(path, "is %s, which no token can hold", nameOf(v))
}

// collects says whether an object is a Map or a Set, whose class goja calls
// Object, and whose members are none of its properties.
func collects(object *goja.Object) bool { return object.ExportType().Kind() == reflect.Slice }

func (t *taker) object(object *goja.Object, path string, depth int) any {
	out := map[string]any{}
	for _, name := range object.Keys() {
		t.run.spend(len(name))
		member := object.Get(name)
		if member == nil || goja.IsUndefined(member) {
			continue // as JSON.stringify leaves it out
		}
		out[name] = t.value(member, inside(path, name, depth), depth+1)
	}
	return out
}

// inside is the path of a member.
func inside(path, name string, depth int) string {
	if depth == 0 {
		return strconv.Quote(name)
	}
	return path + "." + strconv.Quote(name)
}

func (t *taker) list(list *goja.Object, path string, depth int) any {
	n := sizeOf(list)
	if n > maxClaimValues {
		return t.refuse(path, "has more than %d values", maxClaimValues)
	}
	out := make([]any, n)
	for i := range out {
		at := fmt.Sprintf("%s[%d]", path, i)
		item := list.Get(strconv.Itoa(i))
		if item == nil || goja.IsUndefined(item) {
			return t.refuse(at, "is undefined: a list has no gaps")
		}
		out[i] = t.value(item, at, depth+1)
	}
	return out
}

// text refuses halves of characters, which UTF-8 cannot hold.
func (t *taker) text(s goja.String, path string) any {
	for i := 0; i < s.Length(); i++ {
		c := rune(s.CharAt(i))
		if !utf16.IsSurrogate(c) {
			continue
		}
		if i+1 == s.Length() || utf16.DecodeRune(c, rune(s.CharAt(i+1))) == '\uFFFD' {
			return t.refuse(path, "holds half a character")
		}
		i++
	}
	return s.String()
}

// number takes what JSON can hold and JavaScript holds exactly.
func (t *taker) number(v goja.Value, path string) any {
	f := v.ToFloat()
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return t.refuse(path, "is %s, which no token can hold", v)
	case f != math.Trunc(f):
		return f
	case math.Abs(f) > maxExact:
		return t.refuse(path, "is a whole number beyond 2^53, which JavaScript cannot hold exactly: return it as a string")
	default:
		return int64(f)
	}
}

// nameOf is kindOf with the classes that authors may take for plain values.
func nameOf(v goja.Value) string {
	object, ok := v.(*goja.Object)
	if !ok {
		return kindOf(v)
	}
	switch class := object.ClassName(); class {
	case "Function", "Boolean":
		return kindOf(v)
	case "Object":
		return "a Map or a Set (return [...it] or Object.fromEntries(it))"
	case "Date":
		return "a Date (return its toISOString(), or its getTime() / 1000)"
	default:
		return "an object of the class " + class
	}
}
