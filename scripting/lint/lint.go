package lint

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/scripting"
)

// Check looks at all policies and mappings. What does not parse is left to the
// compiler to tell.
func Check(spec engine.Spec) engine.Findings {
	var found engine.Findings
	for _, p := range spec.Policies {
		found = append(found, check(spec, p.Decl, p.Script, p.Inputs, engine.KindPolicy)...)
	}
	for _, m := range spec.Mappings {
		found = append(found, check(spec, m.Decl, m.Script, m.Inputs, engine.KindMapping)...)
	}
	found.Sort()
	return slices.Compact(found) // files that several scripts import
}

func check(spec engine.Spec, decl engine.Decl, script engine.Script, inputs map[string]any, kind engine.Kind) engine.Findings {
	parsed, err := scripting.Parse(script)
	if err != nil || decl.Unknown["script"] || decl.Unknown["script_file"] {
		return nil
	}
	j := &judge{Parsed: parsed, kind: kind, names: newNames(parsed)}
	j.about(spec, engine.Ref{Kind: kind, Label: decl.Label})
	visit(parsed.Function.Body, j.names.see)
	j.names.settle(parsed)
	visit(parsed.Function.Body, j.node)
	j.results()
	j.claims()
	if !decl.Unknown["inputs"] {
		j.unread(decl, inputs)
	}
	j.found = outermost(j.found)
	return j.silence()
}

// outermost drops what is constant within something that is constant.
func outermost(found engine.Findings) engine.Findings {
	return slices.DeleteFunc(slices.Clone(found), func(f engine.Finding) bool {
		return f.ID == constantResult && slices.ContainsFunc(found, func(other engine.Finding) bool {
			a, b := f.At, other.At
			return other.ID == f.ID && a != b && a.File == b.File && b.Start.Byte <= a.Start.Byte && a.End.Byte <= b.End.Byte
		})
	})
}

// judge looks at one script.
type judge struct {
	*scripting.Parsed
	kind     engine.Kind
	names    *names
	profiles []issuer.Profile // of all sources that it is asked about; nil where one has none
	others   bool             // it is asked about proofs without a token, too
	pinned   bool             // wherever it is asked, require_claims has an id
	found    engine.Findings
	checked  bool // whether there is a token was asked
	reads    []claimRead
	inputs   map[string]bool // those that were read
	whole    bool            // inputs was used as a whole
}

// about finds the issuers that a script is asked about.
func (j *judge) about(spec engine.Spec, script engine.Ref) {
	sources, others := scripting.Sources(spec, script)
	j.pinned = pinned(spec, script)
	j.others = others && asksAccounts(spec, script)
	for _, ref := range sources {
		i := slices.IndexFunc(spec.Sources, func(s engine.OAuthSource) bool {
			return ref.Kind == engine.KindOAuthSource && s.Label == ref.Label
		})
		if i < 0 {
			j.profiles = nil
			return
		}
		profile, known := issuer.Lookup(spec.Sources[i].Profile)
		if !known {
			j.profiles = nil
			return
		}
		j.profiles = append(j.profiles, profile)
	}
}

// pinned says whether every access that asks a script requires an id, or trusts
// only sources that do.
func pinned(spec engine.Spec, script engine.Ref) bool {
	found := false
	for _, p := range spec.Providers {
		for _, a := range p.Accesses {
			if !slices.ContainsFunc(a.Policies, func(r engine.Ref) bool { return r.Kind == script.Kind && r.Label == script.Label }) {
				continue
			}
			found = true
			for _, ref := range a.From {
				i := slices.IndexFunc(spec.Sources, func(s engine.OAuthSource) bool {
					return ref.Kind == engine.KindOAuthSource && s.Label == ref.Label
				})
				if i >= 0 && !requiresID(spec.Sources[i].Profile, a.Require) && !requiresID(spec.Sources[i].Profile, spec.Sources[i].Require) {
					return false
				}
			}
		}
	}
	return found
}

// requiresID says whether what is required of claims names one that is given
// once.
func requiresID(name string, required *engine.Requirement) bool {
	profile, known := issuer.Lookup(name)
	if !known || required == nil {
		return false
	}
	return slices.ContainsFunc(required.Fields, func(f engine.FieldRequirement) bool {
		claim, ok := profile.Claim(f.Name)
		return ok && claim.Kind == issuer.StableID
	})
}

// asksAccounts says whether accounts are let in where a script is asked.
func asksAccounts(spec engine.Spec, script engine.Ref) bool {
	for _, p := range spec.Providers {
		for _, a := range p.Accesses {
			if slices.ContainsFunc(a.Policies, func(r engine.Ref) bool { return r.Kind == script.Kind && r.Label == script.Label }) &&
				slices.ContainsFunc(a.From, func(r engine.Ref) bool { return r.Kind == engine.KindServiceAccount }) {
				return true
			}
		}
	}
	return false
}

// tell notes a finding about a node.
func (j *judge) tell(id string, node ast.Node, summary, detail string, args ...any) {
	j.tellAt(id, j.Range(node), summary, detail, args...)
}

func (j *judge) tellAt(id string, at engine.Range, summary, detail string, args ...any) {
	r := rule(id)
	if detail == "" {
		detail = r.Why + " " + r.Remedy
	} else {
		detail = fmt.Sprintf(detail, args...)
	}
	one := engine.Finding{Severity: r.Severity, ID: id, Summary: summary, Detail: detail, At: at}
	if !slices.Contains(j.found, one) {
		j.found = append(j.found, one)
	}
}

// visit calls see with every node, by reflection, so that no kind of node can be
// forgotten.
func visit(node any, see func(node any)) { visitValue(reflect.ValueOf(node), see) }

func visitValue(v reflect.Value, see func(node any)) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			visitValue(v.Elem(), see)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			see(v.Interface())
			visitValue(v.Elem(), see)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visitValue(v.Index(i), see)
		}
	case reflect.Struct:
		t := v.Type()
		for i := range t.NumField() {
			// DeclarationList repeats nodes that stand elsewhere.
			if t.Field(i).IsExported() && t.Field(i).Name != "DeclarationList" && t.Field(i).Type != reflect.TypeFor[file.Idx]() {
				visitValue(v.Field(i), see)
			}
		}
	}
}
