package jwks

import (
	"context"
	"slices"
)

// MaxCandidates bounds how many keys are tried for one token, so that a set
// full of keys with one kid does not make a token dear.
const MaxCandidates = 16

// Source gives the current keys of an issuer.
type Source interface {
	// Set returns the keys. kid is that of the token at hand, "" where it has
	// none: a source that can, looks again where its keys lack it. The error
	// says, to the operator, why there are no keys.
	Set(ctx context.Context, kid string) (*Set, error)
}

var (
	_ Source = (*Set)(nil)
	_ Source = (*Remote)(nil)
)

// Set is an immutable set of keys, indexed for lookup. A nil Set is empty.
type Set struct {
	keys  []Key
	named map[string]bool // the kids
	index map[candidate][]Key
}

// candidate asks for keys: those with that kid, those without any (anonymous),
// or all.
type candidate struct {
	group group
	kid   string
	alg   string
}

type group int

const (
	all group = iota
	anonymous
	named
)

// NewSet indexes keys, which come from NewKey or Decode.
func NewSet(keys []Key) *Set {
	s := &Set{keys: slices.Clone(keys), named: map[string]bool{}, index: map[candidate][]Key{}}
	for _, key := range s.keys {
		own := candidate{group: anonymous}
		if key.ID != "" {
			own = candidate{group: named, kid: key.ID}
			s.named[key.ID] = true
		}
		for _, alg := range algorithmsOf(key.Public) {
			if key.Allows(alg) {
				own.alg = alg
				s.add(own, key)
				s.add(candidate{group: all, alg: alg}, key)
			}
		}
	}
	return s
}

func (s *Set) add(c candidate, key Key) {
	if len(s.index[c]) < MaxCandidates {
		s.index[c] = append(s.index[c], key)
	}
}

// Set returns s: fixed keys are their own source.
func (s *Set) Set(context.Context, string) (*Set, error) { return s, nil }

// Keys are the keys of the set, in its order. The slice must not be changed.
func (s *Set) Keys() []Key {
	if s == nil {
		return nil
	}
	return s.keys
}

// Has says whether some key has that kid.
func (s *Set) Has(kid string) bool { return s != nil && s.named[kid] }

// Candidates are the keys to try for a token whose header says kid and alg, at
// most MaxCandidates, in the order of the set; all of them allow alg. Where the
// token has a kid, they are the keys of that kid, or, where no key has it,
// those without a kid; where it has none, they are all. The kid is a hint that
// the sender gives: that a key is a candidate proves nothing. The slice must
// not be changed.
func (s *Set) Candidates(kid, alg string) []Key {
	switch {
	case s == nil:
		return nil
	case kid == "":
		return s.index[candidate{all, "", alg}]
	case s.named[kid]:
		return s.index[candidate{named, kid, alg}]
	default:
		return s.index[candidate{anonymous, "", alg}]
	}
}
