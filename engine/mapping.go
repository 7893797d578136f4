package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MappingError is a mapping that could not say which claims a token has. It
// tells the whole of it, and is for operators.
type MappingError struct {
	Mapping string // label
	err     error
}

// Error says what is wrong, and where.
func (e *MappingError) Error() string { return e.err.Error() }

// Unwrap gives what the mapping met.
func (e *MappingError) Unwrap() error { return e.err }

type namedMapping struct {
	label string
	Mapping
}

// mapClaims runs the mappings of the provider on whom it lets in. What they
// return is merged by name, over the claims of the files: the later wins. A
// mapping that cannot answer, or sets what is not its to set, ends the request
// with an error of m2md's own: nothing was wrong with what the client showed,
// and a token that lacks claims may mean more than one that has them.
func (a *attempt) mapClaims(ctx context.Context, id *identity) error {
	p := a.provider
	if len(p.mappings) == 0 {
		return nil
	}
	in := a.input(id)
	merged := make(map[string]any, len(p.claims)+4)
	maps.Copy(merged, p.claims)
	for _, mapping := range p.mappings {
		claims, err := mapping.Map(ctx, in)
		if err == nil {
			err = checkMapped(mapping.label, claims)
		}
		a.traceMapping(mapping.label, claims, err)
		if err != nil {
			return &MappingError{mapping.label, err}
		}
		maps.Copy(merged, claims)
	}
	added := mustEncode(merged)
	if len(added) > maxClaims {
		return fmt.Errorf("mappings of provider %s: the claims of a token, with those of the files, have %d bytes as JSON, and may have %d", p.label, len(added), maxClaims)
	}
	a.added = added
	return nil
}

// maxClaimName bounds the name of a mapped claim in bytes.
const maxClaimName = 256

// checkMapped judges the names of claims that a mapping returned.
func checkMapped(label string, claims map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		switch {
		case isOwnClaim(name):
			return fmt.Errorf("mapping %s: the claim %q is m2md's to set", label, name)
		case name == "" || len(name) > maxClaimName || strings.ContainsFunc(name, isControl):
			return fmt.Errorf("mapping %s: a claim's name is empty, longer than %d bytes, or holds a control character", label, maxClaimName)
		}
	}
	return nil
}

// traceMapping tells what a mapping made.
func (a *attempt) traceMapping(label string, claims map[string]any, err error) {
	if !a.tracing() {
		return
	}
	said := ""
	if err == nil {
		said = "it returned the claims " + showList(slices.Sorted(maps.Keys(claims)))
	}
	one := a.step(StageMapping, label, said, err, a.places.at(string(KindMapping)+"."+label, ""))
	if err != nil {
		one.Remedy = fmt.Sprintf("mend mapping %s at %s: nothing is issued while it fails", label, one.At)
	}
}

// settle is what comes between letting in and issuing: claims are mapped, and
// then, last of all that can fail, tokens that are taken once are spent. The
// others are who else showed a token.
func (e *Engine) settle(ctx context.Context, a *attempt, id *identity, others ...*identity) error {
	if err := a.mapClaims(ctx, id); err != nil {
		return err
	}
	return e.spend(ctx, a, append([]*identity{id}, others...)...)
}

// compileMappings compiles each script once, however many providers use it.
func (c *compiler) compileMappings() {
	seen := map[string]Decl{}
	for _, source := range c.spec.Mappings {
		if !c.unique(seen, source.Decl, "the mapping") {
			continue
		}
		if source.Unknown["script"] || source.Unknown["script_file"] {
			c.mappings[source.Label] = nil
			continue
		}
		mapping, err := c.deps.Policies.CompileMapping(source)
		if err != nil {
			c.found = append(c.found, AsFindings(err, source.Script.At)...)
		}
		c.mappings[source.Label] = mapping
	}
}

// mappingsOf resolves the mappings that a provider names.
func (c *compiler) mappingsOf(p Provider) []namedMapping {
	var all []namedMapping
	for _, ref := range p.Mappings {
		mapping, declared := c.mappings[ref.Label]
		if !declared {
			c.undeclared(ref, keysOf(c.mappings))
			continue
		}
		if slices.ContainsFunc(all, func(m namedMapping) bool { return m.label == ref.Label }) {
			c.note(ref.At, ref.String(), "It is named here before.")
			continue
		}
		all = append(all, namedMapping{ref.Label, mapping})
	}
	return all
}
