package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/rehearse"
)

// Bounds of what is tried of one source at one provider.
const (
	maxVariants   = 6   // of one requirement: members of lists, examples of patterns
	maxPerSource  = 600 // identities
	maxRequisites = 24  // ways in whose claims are combined
)

// requisite is all that the claims of a token must be for one way in.
type requisite []*engine.Requirement

// candidates are tokens of a source that may pass on one side alone: those that
// fulfil what a way in asks, each of somebody else besides, and those that miss
// one thing of it.
type candidates struct {
	found []map[string]any
	seen  map[string]bool
	paths [][]string // of all claims that some way asks for
}

// tokensOf makes candidates of what tokens usually say.
func tokensOf(usuals []map[string]any, profile string, ways []requisite, iss, aud []any) *candidates {
	c := &candidates{seen: map[string]bool{}}
	ways = ways[:min(len(ways), maxRequisites)]
	values := map[string][]any{}
	for _, way := range ways {
		for _, r := range way {
			c.collect(nil, r, values)
		}
	}
	for _, usual := range usuals {
		all := bases(usual, profile)
		for _, base := range all {
			for _, way := range ways {
				for variant := range maxVariants {
					c.add(way.fulfil(base, variant))
				}
			}
			c.add(base)
		}
		for _, way := range ways {
			c.misses(way.fulfil(usual, 0), values)
		}
		for _, way := range append(slices.Clone(ways), nil) {
			token := way.fulfil(usual, 0)
			for _, one := range iss {
				c.add(rehearse.Patch(token, map[string]any{"iss": one}))
			}
			for _, one := range aud {
				c.add(rehearse.Patch(token, map[string]any{"aud": one}))
			}
		}
	}
	return c
}

// add takes a token that is none of those before.
func (c *candidates) add(token map[string]any) {
	text, err := json.Marshal(token)
	if err != nil || len(c.found) >= maxPerSource || c.seen[string(text)] {
		return
	}
	c.seen[string(text)] = true
	c.found = append(c.found, token)
}

// collect notes which claims are asked for, and some values of each.
func (c *candidates) collect(path []string, r *engine.Requirement, values map[string][]any) {
	if r == nil {
		return
	}
	if r.Fields != nil {
		for i := range r.Fields {
			c.collect(append(slices.Clip(path), r.Fields[i].Name), &r.Fields[i].Requirement, values)
		}
		return
	}
	if !slices.ContainsFunc(c.paths, func(p []string) bool { return slices.Equal(p, path) }) {
		c.paths = append(c.paths, path)
	}
	key := strings.Join(path, "\x00")
	for variant := range maxVariants {
		if value := valueFor(r, variant); value != nil && !slices.ContainsFunc(values[key], func(o any) bool { return writeJSON(o) == writeJSON(value) }) {
			values[key] = append(values[key], value)
		}
	}
}

// misses are tokens that say one thing else: what another way asks for, what
// somebody like it would have, or nothing.
func (c *candidates) misses(token map[string]any, values map[string][]any) {
	for _, path := range c.paths {
		for _, value := range values[strings.Join(path, "\x00")] {
			c.add(withClaim(token, path, value))
			if text, is := value.(string); is {
				for _, other := range otherwise(text) {
					c.add(withClaim(token, path, other))
				}
			}
		}
		if text, is := claimAt(token, path).(string); is {
			for _, other := range otherwise(text) {
				c.add(withClaim(token, path, other))
			}
		}
		c.add(withClaim(token, path, nil))
	}
}

// withClaim is a token with another value of one claim; nil takes it away.
func withClaim(token map[string]any, path []string, value any) map[string]any {
	change := map[string]any{path[len(path)-1]: value}
	for i := len(path) - 2; i >= 0; i-- {
		change = map[string]any{path[i]: change}
	}
	return rehearse.Patch(token, change)
}

func claimAt(token map[string]any, path []string) any {
	var at any = token
	for _, name := range path {
		object, is := at.(map[string]any)
		if !is {
			return nil
		}
		at = object[name]
	}
	return at
}

// fulfil changes a token as little as it takes to be what a way in asks for.
// What other claims repeat of a name that changes, they repeat then, too.
func (way requisite) fulfil(token map[string]any, variant int) map[string]any {
	for _, r := range way {
		if r != nil {
			token = fulfilFields(token, token, nil, r.Fields, variant)
		}
	}
	return token
}

func fulfilFields(token, object map[string]any, path []string, fields []engine.FieldRequirement, variant int) map[string]any {
	for _, f := range fields {
		path := append(slices.Clip(path), f.Name)
		is, there := object[f.Name]
		switch {
		case f.Fields != nil:
			within, _ := is.(map[string]any)
			token = fulfilFields(token, within, path, f.Fields, variant)
		case there && f.Fulfils(is) && variant%2 == 0: // as it usually is, where that will do
		default:
			value := valueFor(&f.Requirement, variant/2)
			if value == nil {
				continue
			}
			old, wasText := is.(string)
			now, isText := value.(string)
			token = withClaim(token, path, value)
			if wasText && isText && strings.Contains(old, "/") && len(path) == 1 {
				token = repeated(token, path[0], old, now)
			}
		}
	}
	return token
}

// repeated has other claims say the new name where they said the old.
func repeated(token map[string]any, name, old, now string) map[string]any {
	token = maps.Clone(token)
	for other, value := range token {
		if text, is := value.(string); is && other != name && strings.Contains(text, old) {
			token[other] = strings.ReplaceAll(text, old, now)
		}
	}
	return token
}

// valueFor is a value that fulfils a requirement; nil where none was found.
func valueFor(r *engine.Requirement, variant int) any {
	switch {
	case r.AnyOf != nil:
		return valueFor(&r.AnyOf[variant%len(r.AnyOf)], variant/len(r.AnyOf))
	case r.Pattern != nil:
		all := examples(r.Pattern, maxVariants)
		if len(all) == 0 {
			return nil
		}
		return all[variant%len(all)]
	case r.Fields != nil:
		return map[string]any(fulfilFields(map[string]any{}, map[string]any{}, nil, r.Fields, variant))
	default:
		return r.Equal
	}
}
