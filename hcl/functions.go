package hcl

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/m2md/m2md/engine"
)

// mark is put on values that no output may show. cty carries it through every
// operation.
type mark string

const sensitive mark = "sensitive"

// callError is an error of one of our own functions: what it says is fit to be
// shown, as it holds no value.
type callError struct{ summary, detail string }

// Error gives the summary.
func (e *callError) Error() string { return e.summary }

// maxWork bounds, in bytes or members, what one call of a function makes.
const maxWork = 1 << 20

// sharedFunctions are those that mean the same in every file: Terraform's
// without I/O, clock and randomness.
func sharedFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "can": tryfunc.CanFunc, "ceil": stdlib.CeilFunc, "chomp": stdlib.ChompFunc,
		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"csvdecode": stdlib.CSVDecodeFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "floor": stdlib.FloorFunc, "format": bounded(stdlib.FormatFunc, formatWork),
		"formatdate": stdlib.FormatDateFunc, "formatlist": bounded(stdlib.FormatListFunc, formatWork),
		"indent": bounded(stdlib.IndentFunc, indentWork), "index": stdlib.IndexFunc, "int": stdlib.IntFunc,
		"join": bounded(stdlib.JoinFunc, joinWork), "jsondecode": bounded(stdlib.JSONDecodeFunc, jsonWork),
		"jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc, "length": stdlib.LengthFunc, "log": stdlib.LogFunc,
		"lookup": stdlib.LookupFunc, "lower": stdlib.LowerFunc, "max": stdlib.MaxFunc, "merge": stdlib.MergeFunc,
		"min": stdlib.MinFunc, "parseint": bounded(stdlib.ParseIntFunc, numberWork), "pow": stdlib.PowFunc,
		"range": stdlib.RangeFunc, "regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc,
		"regexreplace": bounded(stdlib.RegexReplaceFunc, replaceWork), "replace": bounded(stdlib.ReplaceFunc, replaceWork),
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": bounded(stdlib.SetProductFunc, productWork), "setsubtract": stdlib.SetSubtractFunc,
		"setsymmetricdifference": stdlib.SetSymmetricDifferenceFunc, "setunion": stdlib.SetUnionFunc,
		"signum": stdlib.SignumFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "split": stdlib.SplitFunc,
		"strlen": stdlib.StrlenFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc,
		"timeadd": stdlib.TimeAddFunc, "title": stdlib.TitleFunc, "tobool": stdlib.MakeToFunc(cty.Bool),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber": bounded(stdlib.MakeToFunc(cty.Number), numberWork), "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring": stdlib.MakeToFunc(cty.String), "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "try": tryfunc.TryFunc,
		"upper": stdlib.UpperFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
	}
}

// bounded is f with a look at its arguments first: some functions make
// gigabytes of a short line.
func bounded(f function.Function, work func([]cty.Value) int) function.Function {
	check := func(args []cty.Value) error {
		for i := range args {
			args[i], _ = args[i].UnmarkDeep()
		}
		if work(args) > maxWork {
			return &callError{"result too large", fmt.Sprintf("A function may make at most %d bytes. Write the value out, or keep it in a file.", maxWork)}
		}
		return nil
	}
	return function.New(&function.Spec{
		Params:   f.Params(),
		VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(slices.Clone(args)); err != nil {
				return cty.DynamicPseudoType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return f.Call(args) },
	})
}

// text is a known string among arguments, or "".
func text(args []cty.Value, i int) string {
	if i >= len(args) || !args[i].IsKnown() || args[i].IsNull() || args[i].Type() != cty.String {
		return ""
	}
	return args[i].AsString()
}

// replaceWork bounds a replacement at every place.
func replaceWork(args []cty.Value) int {
	return (len(text(args, 0)) + 1) * (len(text(args, 2)) + 1)
}

func joinWork(args []cty.Value) int {
	total := 0
	for _, list := range args[1:] {
		total += sizeOf(list) + (members(list)+1)*len(text(args, 0))
	}
	return total
}

func indentWork(args []cty.Value) int {
	n := 0
	if args[0].Type() == cty.Number && args[0].IsKnown() && !args[0].IsNull() {
		wide, _ := args[0].AsBigFloat().Int64()
		n = int(min(max(wide, 0), maxWork))
	}
	return len(text(args, 1)) + n*(1+strings.Count(text(args, 1), "\n"))
}

// formatWork refuses widths and precisions of more than four digits, and those
// that come from arguments.
func formatWork(args []cty.Value) int {
	digits, inVerb := 0, false
	for _, c := range text(args, 0) {
		switch {
		case c == '%':
			inVerb, digits = !inVerb, 0
		case inVerb && c == '*':
			return maxWork + 1
		case inVerb && c >= '0' && c <= '9':
			if digits++; digits > 4 {
				return maxWork + 1
			}
		case inVerb && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'):
			inVerb = false
		case inVerb:
			digits = 0
		}
	}
	total := 0
	for _, arg := range args {
		total += sizeOf(arg)
	}
	return total
}

func productWork(args []cty.Value) int {
	total := 1
	for _, arg := range args {
		if total *= max(1, members(arg)); total > maxWork {
			return total
		}
	}
	return total
}

// numberWork keeps out numbers that are endless to print.
func numberWork(args []cty.Value) int {
	if checkNumber([]byte(strings.TrimSpace(text(args, 0)))) != (fault{}) {
		return maxWork + 1
	}
	return 0
}

// jsonWork bounds what the decoder of cty recurses into.
func jsonWork(args []cty.Value) int {
	var found findings
	src := text(args, 0)
	if !json.Valid([]byte(src)) {
		return 0 // refused by the decoder
	}
	if !checkJSON([]byte(src), "", &found) {
		return maxWork + 1
	}
	return len(src)
}

func members(v cty.Value) int {
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	return v.LengthInt()
}

// sizeOf is about how many bytes a value takes.
func sizeOf(v cty.Value) int {
	size, _ := measure(v, 0)
	return size
}

var errShape = errors.New("nested too deep, or holds a number out of range")

// measure walks a value and refuses depth and numbers that others could not
// walk or print.
func measure(v cty.Value, depth int) (size int, err error) {
	v, _ = v.Unmark()
	switch {
	case depth > maxDepth:
		return 0, errShape
	case !v.IsKnown() || v.IsNull():
		return 1, nil
	case v.Type() == cty.String:
		return len(v.AsString()) + 1, nil
	case v.Type() == cty.Number:
		if exponent := v.AsBigFloat().MantExp(nil); exponent > 4*maxExponent || exponent < -4*maxExponent {
			return 0, errShape
		}
		return 8, nil
	case !v.CanIterateElements():
		return 1, nil
	}
	size = 1
	for key, member := range v.Elements() {
		a, _ := measure(key, depth+1)
		b, err := measure(member, depth+1)
		if size += a + b; err != nil {
			return size, err
		}
	}
	return size, nil
}

// env is the function env("NAME"[, default]). Its result is sensitive, the
// default included, so that nobody has to tell them apart.
func (e *evaluator) env() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "name", Type: cty.String, AllowMarked: true}},
		VarParam: &function.Parameter{Name: "default", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if len(args) > 2 {
				return cty.NilVal, &callError{"too many arguments for env()", `Write env("NAME"), or env("NAME", "DEFAULT").`}
			}
			name, marks := args[0].Unmark()
			called := fmt.Sprintf("environment variable %q", name.AsString())
			if len(marks) > 0 {
				called = "environment variable"
			}
			value, ok := e.lookup(name.AsString())
			if e.trail.ask(name.AsString(), value, ok); ok {
				return cty.StringVal(value).Mark(sensitive), nil
			}
			if e.sealed { // the default is for who serves, where nothing may be set either
				return cty.UnknownVal(cty.String).Mark(sensitive), nil
			}
			if len(args) == 2 {
				return args[1].Mark(sensitive), nil
			}
			if e.allowMissing {
				e.missing = append(e.missing, called+" is not set")
				return cty.UnknownVal(cty.String).Mark(sensitive), nil
			}
			return cty.NilVal, &callError{called + " is not set", `Set it, or give a default: env("NAME", "DEFAULT").`}
		},
	})
}

// file is the function file("NAME") as files beside the given one call it.
func (e *evaluator) file(from *source) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String, AllowMarked: true}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name, marks := args[0].Unmark()
			called := fmt.Sprintf("file %q", name.AsString())
			if len(marks) > 0 {
				called = "the file"
			}
			abs := from.resolve(name.AsString())
			if e.beyond(abs) {
				return cty.UnknownVal(cty.String).Mark(sensitive), nil
			}
			content, err := e.confinedText(abs)
			if err != nil {
				return cty.NilVal, &callError{called + " " + err.Error(), remedyOf(err)}
			}
			return cty.StringVal(string(content)).Mark(sensitive), nil
		},
	})
}

func remedyOf(err error) string {
	if errors.Is(err, errOutside) {
		return "It must lie below the configuration folder, links followed, or below a folder that --allow-path names."
	}
	return remedy(err)
}

// confinedText reads a text file below the configuration or an allowed path.
func (e *evaluator) confinedText(abs string) ([]byte, error) {
	content, err := e.openConfined(abs)
	e.trail.open(abs, wayConfined, content, err)
	return content, err
}

func (e *evaluator) openConfined(abs string) ([]byte, error) {
	if e.reader.kept[abs] { // it was confined when it was read
		return e.reader.text(abs)
	}
	real, err := confined(abs, e.roots)
	if err == nil && e.sealed && (ofGit(abs) || ofGit(real)) {
		err = errOutside
	}
	if err != nil {
		if _, known := e.reader.files[abs]; !known {
			e.reader.files[abs] = read{nil, err} // watched, so that its appearance is noticed
		}
		return nil, err
	}
	// The resolved path is opened, so that a link that moves meanwhile leads
	// nowhere else.
	return e.reader.textAt(abs, real)
}

// patternType is the type of pattern()'s results, which only require_claims
// takes.
func patternType() cty.Type {
	return cty.Capsule("pattern", reflect.TypeFor[engine.Pattern]())
}

// pattern is the function pattern("RE2").
func (e *evaluator) pattern() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "expression", Type: cty.String}},
		Type:   function.StaticReturnType(e.patterns),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := engine.ParsePattern(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.CapsuleVal(e.patterns, p), nil
		},
	})
}
