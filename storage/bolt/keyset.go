package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/storage"
)

// setBucket has the fetched key sets: ID → record. It is made with the first.
var setBucket = []byte("key_sets")

// KeySet implements jwks.Store.
func (s *Store) KeySet(ctx context.Context, id [sha256.Size]byte) (kept jwks.StoredSet, found bool, err error) {
	var record []byte
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		if bucket := tx.Bucket(setBucket); bucket != nil {
			record = bytes.Clone(bucket.Get(id[:]))
		}
		return nil
	})
	if err == nil && record != nil {
		kept, err = storage.DecodeKeySet(record)
	}
	if err != nil {
		return jwks.StoredSet{}, false, fmt.Errorf("reading key set: %w", err)
	}
	return kept, record != nil, nil
}

// KeepKeySet implements jwks.Store.
func (s *Store) KeepKeySet(ctx context.Context, set jwks.StoredSet) error {
	set, err := storage.NormalKeySet(set)
	if err != nil {
		return err
	}
	record, err := storage.EncodeKeySet(set)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(setBucket)
		if err != nil {
			return err
		}
		return bucket.Put(set.ID[:], record)
	})
	if err != nil {
		return fmt.Errorf("keeping key set: %w", err)
	}
	return nil
}

// ForgetKeySets implements jwks.Store.
func (s *Store) ForgetKeySets(ctx context.Context, now time.Time) error {
	var old [][]byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		old = oldSets(tx.Bucket(setBucket), now)
		return nil
	})
	if err == nil && len(old) > 0 { // or there is nothing to write, and nobody to hold up
		err = s.update(ctx, func(tx *bbolt.Tx) error { return deleteOld(tx.Bucket(setBucket), old, now) })
	}
	if err != nil {
		return fmt.Errorf("forgetting key sets: %w", err)
	}
	return nil
}

// oldSets gives the IDs of the records that are to be forgotten.
func oldSets(bucket *bbolt.Bucket, now time.Time) (old [][]byte) {
	if bucket == nil {
		return nil
	}
	cursor := bucket.Cursor()
	for id, record := cursor.First(); id != nil; id, record = cursor.Next() {
		if isOld(record, now) {
			old = append(old, bytes.Clone(id))
		}
	}
	return old
}

// deleteOld deletes records, unless they were replaced since they were seen.
func deleteOld(bucket *bbolt.Bucket, ids [][]byte, now time.Time) error {
	for _, id := range ids {
		if !isOld(bucket.Get(id), now) {
			continue
		}
		if err := bucket.Delete(id); err != nil {
			return err
		}
	}
	return nil
}

// isOld says whether a record is to be forgotten. One that can not be read is
// of no use: its set is fetched anew.
func isOld(record []byte, now time.Time) bool {
	set, err := storage.DecodeKeySet(record)
	return err != nil || !set.Until.After(now)
}
