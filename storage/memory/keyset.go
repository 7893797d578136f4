package memory

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/storage"
)

// KeySet implements jwks.Store.
func (s *Store) KeySet(ctx context.Context, id [sha256.Size]byte) (kept jwks.StoredSet, found bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return jwks.StoredSet{}, false, err
	}
	kept, found = s.sets[id]
	kept.Document = slices.Clone(kept.Document)
	return kept, found, nil
}

// KeepKeySet implements jwks.Store.
func (s *Store) KeepKeySet(ctx context.Context, set jwks.StoredSet) error {
	set, err := storage.NormalKeySet(set)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.sets[set.ID] = set
	return nil
}

// ForgetKeySets implements jwks.Store.
func (s *Store) ForgetKeySets(ctx context.Context, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	maps.DeleteFunc(s.sets, func(_ [sha256.Size]byte, set jwks.StoredSet) bool { return !set.Until.After(now) })
	return nil
}
