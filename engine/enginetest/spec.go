package enginetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// At is a place in main.hcl, made from a line, for a declaration that no file holds.
func At(line int) engine.Range {
	return engine.Range{
		File:  "main.hcl",
		Start: engine.Pos{Line: line, Column: 1, Byte: line * 100},
		End:   engine.Pos{Line: line, Column: 10, Byte: line*100 + 9},
	}
}

// Declare is the declaration of a block at a line; each attribute stands on a
// line of its own below.
func Declare(label string, line int, attributes ...string) engine.Decl {
	d := engine.Decl{Label: label, At: At(line), Attrs: map[string]engine.Range{}}
	for i, name := range attributes {
		d.Attrs[name] = At(line + 1 + i)
	}
	return d
}

// Refs are references as the language writes them: service_account.ci, …
func Refs(names ...string) []engine.Ref {
	refs := make([]engine.Ref, len(names))
	for i, name := range names {
		kind, label, dot := strings.Cut(name, ".")
		if !dot {
			panic(fmt.Sprintf("%q is no reference", name))
		}
		refs[i] = engine.Ref{Kind: engine.Kind(kind), Label: label, At: At(9000 + i)}
	}
	return refs
}

// Require is a requirement in the form of require_claims: a map for an object,
// a slice for any of, a *engine.Pattern, and else a value to be equal to.
func Require(value any) *engine.Requirement {
	switch value := value.(type) {
	case map[string]any:
		r := &engine.Requirement{Fields: []engine.FieldRequirement{}}
		for name, member := range value {
			r.Fields = append(r.Fields, engine.FieldRequirement{Name: name, Requirement: *Require(member)})
		}
		slices.SortFunc(r.Fields, func(a, b engine.FieldRequirement) int { return strings.Compare(a.Name, b.Name) })
		return r
	case []any:
		r := &engine.Requirement{AnyOf: []engine.Requirement{}}
		for _, member := range value {
			r.AnyOf = append(r.AnyOf, *Require(member))
		}
		return r
	case *engine.Pattern:
		return &engine.Requirement{Pattern: value}
	case int:
		return &engine.Requirement{Equal: json.Number(fmt.Sprint(value))}
	default:
		return &engine.Requirement{Equal: value}
	}
}

// Pattern is engine.ParsePattern for expressions that are right.
func Pattern(source string) *engine.Pattern {
	p, err := engine.ParsePattern(source)
	if err != nil {
		panic(err)
	}
	return p
}
