package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine"
)

// blocks notes which blocks are not as they were. What others refer to comes
// first, so that a new name is known where it is referred to.
func (c *comparison) blocks() {
	c.renamed = map[string]string{}
	for _, kinds := range [][]engine.Kind{
		{engine.KindOAuthSource, engine.KindCertificate, engine.KindPolicy, engine.KindMapping, engine.KindSigningKey},
		{engine.KindProvider}, // and no accounts, whose app passwords follow the name
	} {
		for _, kind := range kinds {
			c.renames(c.was.tops, c.is.tops, func(b *block) bool { return b.kind == kind })
		}
	}
	c.diff(c.was.tops, c.is.tops)
}

// renames notes blocks that are gone of which one that is new is the same but
// for its name, and nothing else is.
func (c *comparison) renames(was, is []*block, of func(*block) bool) {
	gone, came := map[string][]*block{}, map[string][]*block{}
	had, has := namesOf(was), namesOf(is)
	for _, b := range was {
		if of(b) && !has[b.name] {
			body := c.was.body(b, c.renamed)
			gone[body] = append(gone[body], b)
		}
	}
	for _, b := range is {
		if of(b) && !had[b.name] {
			body := c.is.body(b, nil)
			came[body] = append(came[body], b)
		}
	}
	for body, old := range gone {
		if now := came[body]; len(old) == 1 && len(now) == 1 {
			c.renamed[old[0].name] = now[0].name
		}
	}
}

func namesOf(blocks []*block) map[string]bool {
	names := make(map[string]bool, len(blocks))
	for _, b := range blocks {
		names[b.name] = true
	}
	return names
}

// body is what a block says, without its name and places, and those of the
// blocks in it.
func (s *side) body(b *block, rename map[string]string) string {
	sum := sha256.New()
	for _, a := range b.attrs {
		fmt.Fprintf(sum, "%q=%q\n", a.name, s.canonical(a, b.decl, rename))
	}
	for _, one := range b.inner {
		word, _, _ := strings.Cut(strings.TrimPrefix(one.name, b.name), ".")
		fmt.Fprintf(sum, "%q{%s}\n", word, s.body(one, rename))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// diff compares blocks that stand in the same place.
func (c *comparison) diff(was, is []*block) {
	now := make(map[string]*block, len(is))
	for _, b := range is {
		now[b.name] = b
	}
	kept := make(map[string]bool, len(is))
	for _, old := range was {
		name := old.name
		if renamed, is := c.renamed[name]; is {
			name = renamed
		}
		b := now[name]
		switch {
		case b == nil:
			c.change(Change{How: Removed, Block: old.name, At: old.decl.At})
			continue
		case b.name != old.name:
			c.change(Change{How: Renamed, Block: b.name, Was: old.name, At: b.decl.At})
		}
		kept[b.name] = true
		c.compareBlock(old, b)
	}
	for _, b := range is {
		if !kept[b.name] {
			c.change(Change{How: Added, Block: b.name, At: b.decl.At, Attributes: c.added(b)})
		}
	}
	slices.SortStableFunc(c.plan.Changes, func(a, b Change) int { return cmp.Compare(rankOf(a.Block), rankOf(b.Block)) })
}

// rankOf puts blocks in the order of the language.
func rankOf(name string) int {
	kind, _, _ := strings.Cut(name, ".")
	return slices.Index([]string{
		"server", "server tls", "metrics", "decision_log", "storage", string(engine.KindSigningKey), string(engine.KindCertificate),
		string(engine.KindOAuthSource), string(engine.KindServiceAccount), string(engine.KindPolicy), string(engine.KindMapping), string(engine.KindProvider),
	}, kind)
}

func (c *comparison) change(one Change) { c.plan.Changes = append(c.plan.Changes, one) }

// compareBlock notes the attributes of a block that are not as they were.
func (c *comparison) compareBlock(old, b *block) {
	change := Change{How: Changed, Block: b.name, At: b.decl.At}
	for i, a := range b.attrs {
		before := old.attrs[i]
		if c.was.canonical(before, old.decl, c.renamed) == c.is.canonical(a, b.decl, nil) {
			continue
		}
		one := Attribute{Name: a.name, Old: c.was.shown(before, old.decl), New: c.is.shown(a, b.decl), At: a.at(b.decl)}
		if hides(before, old.decl) || hides(a, b.decl) { // the one could tell of the other
			one.Old, one.New = veil(one.Old), veil(one.New)
		}
		if a.given(b.decl) == "" && before.given(old.decl) != "" {
			one.At, one.Gone = before.at(old.decl), true
		}
		change.Attributes = append(change.Attributes, one)
	}
	if change.Attributes != nil {
		c.change(change)
	}
	if len(old.inner) > 0 || len(b.inner) > 0 {
		was := inPlaceOf(old, b)
		c.renames(was, b.inner, func(*block) bool { return true })
		c.diff(was, b.inner)
	}
}

// inPlaceOf are the inner blocks of one that was, by the names that they would
// have in the one that is.
func inPlaceOf(old, b *block) []*block {
	if old.name == b.name {
		return old.inner
	}
	var moved []*block
	for _, one := range old.inner {
		copied := *one
		copied.name = b.name + strings.TrimPrefix(one.name, old.name)
		moved = append(moved, &copied)
	}
	return moved
}

func hides(a attribute, d engine.Decl) bool { return d.Sensitive[a.given(d)] }

// veil hides what is given.
func veil(shown string) string {
	if shown == "" {
		return ""
	}
	return Hidden
}

// added are the attributes that a new block gives.
func (c *comparison) added(b *block) []Attribute {
	var all []Attribute
	for _, a := range b.attrs {
		if shown := c.is.shown(a, b.decl); shown != "" {
			all = append(all, Attribute{Name: a.name, New: shown, At: a.at(b.decl)})
		}
	}
	for _, one := range b.inner {
		for _, a := range c.added(one) {
			a.Name = strings.TrimPrefix(one.name, b.name+" ") + ": " + a.Name
			all = append(all, a)
		}
	}
	return all
}
