package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// revocationKey is what there is one revocation of.
type revocationKey struct {
	kind engine.Kind
	name string
}

// KeepRevocation implements engine.RevocationStore.
func (s *Store) KeepRevocation(ctx context.Context, r engine.Revocation) error {
	r, err := storage.NormalRevocation(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.revocations[revocationKey{r.Kind, r.Name}] = r
	return nil
}

// Revocations implements engine.RevocationStore.
func (s *Store) Revocations(ctx context.Context, each func(engine.Revocation)) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, one := range slices.SortedFunc(maps.Values(s.revocations), storage.CompareRevocations) {
		each(one)
	}
	return nil
}

// ForgetRevocations implements engine.RevocationStore.
func (s *Store) ForgetRevocations(ctx context.Context, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	maps.DeleteFunc(s.revocations, func(_ revocationKey, r engine.Revocation) bool { return !r.Until.After(until) })
	return nil
}
