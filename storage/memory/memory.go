package memory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/storage"
)

var _ storage.Store = (*Store)(nil)

// ErrClosed is wrapped by every call after Close.
var ErrClosed = errors.New("storage is closed")

// Store is storage in memory. New makes one.
type Store struct {
	mu        sync.RWMutex
	closed    bool
	passwords map[string]engine.AppPassword // by ID
	keys      map[string]engine.StoredKey   // by ID
	used      map[[32]byte]time.Time        // tokens that were used, until when
	sets      map[[sha256.Size]byte]jwks.StoredSet

	revocations map[revocationKey]engine.Revocation
}

// New makes an empty storage.
func New() *Store {
	return &Store{
		passwords: map[string]engine.AppPassword{},
		keys:      map[string]engine.StoredKey{},
		used:      map[[32]byte]time.Time{},
		sets:      map[[sha256.Size]byte]jwks.StoredSet{},

		revocations: map[revocationKey]engine.Revocation{},
	}
}

// AppPassword implements engine.AppPasswordReader.
func (s *Store) AppPassword(ctx context.Context, id string) (engine.AppPassword, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return engine.AppPassword{}, err
	}
	p, ok := s.passwords[id]
	if !ok {
		return engine.AppPassword{}, fmt.Errorf("app password: %w", engine.ErrNotFound)
	}
	return p, nil
}

// CreateAppPassword implements engine.AppPasswordStore.
func (s *Store) CreateAppPassword(ctx context.Context, p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	if _, taken := s.passwords[p.ID]; taken {
		return fmt.Errorf("app password: %w", engine.ErrExists)
	}
	s.passwords[p.ID] = p
	return nil
}

// RevokeAppPassword implements engine.AppPasswordStore.
func (s *Store) RevokeAppPassword(ctx context.Context, id string, at time.Time) (engine.AppPassword, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return engine.AppPassword{}, err
	}
	p, ok := s.passwords[id]
	if !ok {
		return engine.AppPassword{}, fmt.Errorf("app password: %w", engine.ErrNotFound)
	}
	p, _, err := storage.RevokedAppPassword(p, at)
	if err != nil {
		return engine.AppPassword{}, err
	}
	s.passwords[id] = p
	return p, nil
}

// ListAppPasswords implements engine.AppPasswordStore.
func (s *Store) ListAppPasswords(ctx context.Context, account string) ([]engine.AppPassword, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var found []engine.AppPassword
	for _, p := range s.passwords {
		if account == "" || p.Account == account {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, storage.CompareAppPasswords)
	return found, nil
}

// Close implements storage.Store. What was kept is gone.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.passwords, s.keys, s.used, s.sets, s.revocations = true, nil, nil, nil, nil, nil
	return nil
}

// ready says whether a call may begin. s.mu is held.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return ErrClosed
	}
	return ctx.Err()
}
