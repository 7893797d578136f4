package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/storage"
)

var _ storage.Store = (*Store)(nil)

// The buckets, and the keys of meta.
var (
	metaBucket = []byte("meta")
	keyBucket  = []byte("signing_keys") // ID → record

	magicKey  = []byte("magic")
	schemaKey = []byte("schema")
)

// Store is storage in one bbolt file. Open makes one.
type Store struct {
	db   *bbolt.DB
	file *os.File // the one that db has open
	path string
	// broken says that damage was met: bbolt may still hold its locks, so that
	// nobody must wait for them.
	broken atomic.Bool
	// recent are the records of the passwords read last, decoded: decoding
	// takes longer than finding. One counts only while the file still holds
	// the very bytes that it was decoded from, so none can be out of date.
	recent *lru.Cache[string, decoded]
}

// Close implements storage.Store. It waits for what is under way.
func (s *Store) Close() error {
	if s.broken.Load() {
		return nil // closing would wait for the lock; the file is whole as of its last good write
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("closing storage %s: %w", s.path, err)
	}
	return nil
}

// view runs a read.
func (s *Store) view(ctx context.Context, read func(*bbolt.Tx) error) error {
	return s.run(ctx, func() error { return s.db.View(read) })
}

// run does what bbolt is asked for. Once it met damage, it is never asked
// again: it may still hold its locks, and whoever came next would wait for ever.
func (s *Store) run(ctx context.Context, work func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.broken.Load() {
		return ErrDamaged
	}
	err := guard(work)
	if errors.Is(err, ErrDamaged) {
		s.broken.Store(true)
	}
	return err
}

// update runs a write, which is on disk when it returns without an error.
func (s *Store) update(ctx context.Context, write func(*bbolt.Tx) error) error {
	return s.run(ctx, func() error { return s.db.Update(write) })
}
