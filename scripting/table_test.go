package scripting_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

// TestEveryMethodOfTheEngineIsKnown fails when a newer goja brings a method
// to what a policy can reach: look at what it costs, give it a guard in
// guardsByName where it needs one, and add it here.
func TestEveryMethodOfTheEngineIsKnown(t *testing.T) {
	known := map[string]string{
		"Array":              "from isArray of",
		"Array.prototype":    "at concat constructor copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort splice toLocaleString toReversed toSorted toSpliced toString unshift values with",
		"Boolean.prototype":  "constructor toString valueOf",
		"Error":              "isError",
		"Error.prototype":    "constructor toString",
		"Function.prototype": "apply bind call constructor toString",
		"JSON":               "isRawJSON parse rawJSON stringify",
		"Map.prototype":      "clear constructor delete entries forEach get has keys set values",
		"Number":             "isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
		"Number.prototype":   "constructor toExponential toFixed toLocaleString toPrecision toString valueOf",
		"Object":             "assign create defineProperties defineProperty entries freeze fromEntries getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols getPrototypeOf hasOwn is isExtensible isFrozen isSealed keys preventExtensions seal setPrototypeOf values",
		"Object.prototype":   "constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf",
		"RegExp.prototype":   "compile constructor exec test toString",
		"Set.prototype":      "add clear constructor delete difference entries forEach has intersection isDisjointFrom isSubsetOf isSupersetOf keys symmetricDifference union values",
		"String":             "fromCharCode fromCodePoint raw",
		"String.prototype":   "at charAt charCodeAt codePointAt concat constructor endsWith includes indexOf lastIndexOf localeCompare match matchAll normalize padEnd padStart repeat replace replaceAll search slice split startsWith substr substring toLocaleLowerCase toLocaleUpperCase toLowerCase toString toUpperCase trim trimEnd trimLeft trimRight trimStart valueOf",
	}
	rt := goja.New()
	for path, names := range known {
		v, err := rt.RunString(`Object.getOwnPropertyNames(` + path + `).filter(n => { const d = Object.getOwnPropertyDescriptor(` + path + `, n); return typeof d.value === "function" }).sort().join(" ")`)
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.FieldsSeq(v.String()) {
			if !slices.Contains(strings.Fields(names), name) {
				t.Errorf("%s.%s is new", path, name)
			}
		}
	}
}
