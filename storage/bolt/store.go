package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

var _ storage.Store = (*Store)(nil)

// The buckets, and the keys of meta.
var (
	metaBucket     = []byte("meta")
	passwordBucket = []byte("app_passwords")            // ID → record
	accountBucket  = []byte("app_passwords_by_account") // accountKey → nothing
	keyBucket      = []byte("signing_keys")             // ID → record

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

// decoded is a record and what it says.
type decoded struct {
	record   []byte
	password engine.AppPassword
}

// recentPasswords bounds Store.recent; each takes some 500 bytes.
const recentPasswords = 1024

// AppPassword implements engine.AppPasswordReader.
func (s *Store) AppPassword(ctx context.Context, id string) (p engine.AppPassword, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		p, err = s.readPassword(tx, id)
		return err
	})
	if err != nil {
		return engine.AppPassword{}, fmt.Errorf("reading app password: %w", err)
	}
	return p, nil
}

// readPassword is passwordByID for the path of requests.
func (s *Store) readPassword(tx *bbolt.Tx, id string) (engine.AppPassword, error) {
	record := tx.Bucket(passwordBucket).Get([]byte(id))
	if seen, ok := s.recent.Get(id); ok && bytes.Equal(seen.record, record) {
		return seen.password, nil
	}
	p, err := decodePassword(record)
	if err == nil {
		s.recent.Add(id, decoded{bytes.Clone(record), p})
	}
	return p, err
}

// CreateAppPassword implements engine.AppPasswordStore.
func (s *Store) CreateAppPassword(ctx context.Context, p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		if tx.Bucket(passwordBucket).Get([]byte(p.ID)) != nil {
			return engine.ErrExists
		}
		if err := tx.Bucket(accountBucket).Put(accountKey(p), nil); err != nil {
			return err
		}
		return putPassword(tx, p)
	})
	if err != nil {
		return fmt.Errorf("creating app password: %w", err)
	}
	return nil
}

// errUnchanged ends a write transaction that has nothing to write.
var errUnchanged = errors.New("unchanged")

// RevokeAppPassword implements engine.AppPasswordStore.
func (s *Store) RevokeAppPassword(ctx context.Context, id string, at time.Time) (p engine.AppPassword, err error) {
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		before, err := passwordByID(tx, []byte(id))
		if err != nil {
			return err
		}
		after, changed, err := storage.RevokedAppPassword(before, at)
		p = after
		if err != nil {
			return err
		}
		if !changed {
			return errUnchanged
		}
		return putPassword(tx, p)
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return engine.AppPassword{}, fmt.Errorf("revoking app password: %w", err)
	}
	return p, nil
}

// ListAppPasswords implements engine.AppPasswordStore.
func (s *Store) ListAppPasswords(ctx context.Context, account string) (found []engine.AppPassword, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		for id := range passwordIDs(tx, account) {
			p, err := passwordByID(tx, id)
			if err != nil {
				return err
			}
			found = append(found, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing app passwords: %w", err)
	}
	return found, nil
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

func passwordByID(tx *bbolt.Tx, id []byte) (engine.AppPassword, error) {
	return decodePassword(tx.Bucket(passwordBucket).Get(id))
}

// decodePassword reads a record; nil is none.
func decodePassword(record []byte) (engine.AppPassword, error) {
	if record == nil {
		return engine.AppPassword{}, engine.ErrNotFound
	}
	return storage.DecodeAppPassword(record)
}

func putPassword(tx *bbolt.Tx, p engine.AppPassword) error {
	record, err := storage.EncodeAppPassword(p)
	if err != nil {
		return err
	}
	return tx.Bucket(passwordBucket).Put([]byte(p.ID), record)
}

// accountKey sorts as passwords are listed: account, NUL, creation (seconds,
// the sign turned so that they sort, and nanoseconds), ID. Neither account nor
// time ever changes.
func accountKey(p engine.AppPassword) []byte {
	key := append([]byte(p.Account), 0)
	key = binary.BigEndian.AppendUint64(key, uint64(p.CreatedAt.Unix())^(1<<63))
	key = binary.BigEndian.AppendUint32(key, uint32(p.CreatedAt.Nanosecond()))
	return append(key, p.ID...)
}
