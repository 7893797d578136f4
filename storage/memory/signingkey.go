package memory

import (
	"context"
	"maps"
	"slices"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// Scrub implements storage.Store: nothing lies about.
func (s *Store) Scrub(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ready(ctx)
}

// SigningKeys implements engine.SigningKeyStore.
func (s *Store) SigningKeys(ctx context.Context) ([]engine.StoredKey, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	keys := slices.SortedFunc(maps.Values(s.keys), storage.CompareSigningKeys)
	for i := range keys {
		keys[i].PKCS8, keys[i].Uses = slices.Clone(keys[i].PKCS8), slices.Clone(keys[i].Uses)
	}
	return keys, nil
}

// ChangeSigningKeys implements engine.SigningKeyStore.
func (s *Store) ChangeSigningKeys(ctx context.Context, put []engine.StoredKey, drop []string) error {
	normal := make([]engine.StoredKey, len(put))
	for i, k := range put {
		var err error
		if normal[i], err = storage.NormalSigningKey(k); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, k := range normal {
		s.keys[k.ID] = k
	}
	for _, id := range drop {
		delete(s.keys, id)
	}
	return nil
}
