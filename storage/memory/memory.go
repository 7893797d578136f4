package memory

import (
	"context"
	"crypto/sha256"
	"errors"
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
	uses      map[string]engine.LastUse     // by ID of an app password that is there
	keys      map[string]engine.StoredKey   // by ID
	used      map[[32]byte]time.Time        // tokens that were used, until when
	sets      map[[sha256.Size]byte]jwks.StoredSet

	revocations map[revocationKey]engine.Revocation
}

// New makes an empty storage.
func New() *Store {
	return &Store{
		passwords: map[string]engine.AppPassword{},
		uses:      map[string]engine.LastUse{},
		keys:      map[string]engine.StoredKey{},
		used:      map[[32]byte]time.Time{},
		sets:      map[[sha256.Size]byte]jwks.StoredSet{},

		revocations: map[revocationKey]engine.Revocation{},
	}
}

// Close implements storage.Store. What was kept is gone.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.passwords, s.uses, s.keys, s.used, s.sets, s.revocations = true, nil, nil, nil, nil, nil, nil
	return nil
}

// ready says whether a call may begin. s.mu is held.
func (s *Store) ready(ctx context.Context) error {
	if s.closed {
		return ErrClosed
	}
	return ctx.Err()
}
