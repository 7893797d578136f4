package bolt

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// revocationBucket has the revocations: kind, NUL, name → record. It is made
// with the first.
var revocationBucket = []byte("revocations")

// forgetTogether is how many revocations one write forgets at most: others
// write, too, and a request may wait for one of them.
const forgetTogether = 1000

// KeepRevocation implements engine.RevocationStore.
func (s *Store) KeepRevocation(ctx context.Context, r engine.Revocation) error {
	r, err := storage.NormalRevocation(r)
	if err != nil {
		return err
	}
	record, err := storage.EncodeRevocation(r)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(revocationBucket)
		if err != nil {
			return err
		}
		return bucket.Put([]byte(string(r.Kind)+"\x00"+r.Name), record)
	})
	if err != nil {
		return fmt.Errorf("keeping revocation: %w", err)
	}
	return nil
}

// Revocations implements engine.RevocationStore.
func (s *Store) Revocations(ctx context.Context, each func(engine.Revocation)) error {
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(revocationBucket)
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(_, record []byte) error {
			r, err := storage.DecodeRevocation(record)
			if err == nil {
				each(r)
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("reading revocations: %w", err)
	}
	return nil
}

// ForgetRevocations implements engine.RevocationStore.
func (s *Store) ForgetRevocations(ctx context.Context, until time.Time) error {
	var over [][]byte
	err := s.view(ctx, func(tx *bbolt.Tx) (err error) {
		over, err = revocationsOver(tx.Bucket(revocationBucket), until)
		return err
	})
	for len(over) > 0 && err == nil {
		some := over[:min(len(over), forgetTogether)]
		over = over[len(some):]
		err = s.update(ctx, func(tx *bbolt.Tx) error { return deleteOver(tx.Bucket(revocationBucket), some, until) })
	}
	if err != nil {
		return fmt.Errorf("forgetting revocations: %w", err)
	}
	return nil
}

// revocationsOver gives the keys of those that may be forgotten.
func revocationsOver(bucket *bbolt.Bucket, until time.Time) (over [][]byte, err error) {
	if bucket == nil {
		return nil, nil
	}
	err = bucket.ForEach(func(key, record []byte) error {
		r, err := storage.DecodeRevocation(record)
		if err == nil && !r.Until.After(until) {
			over = append(over, bytes.Clone(key))
		}
		return err
	})
	return over, err
}

// deleteOver deletes records, unless they were replaced since they were seen.
func deleteOver(bucket *bbolt.Bucket, keys [][]byte, until time.Time) error {
	for _, key := range keys {
		record := bucket.Get(key)
		if record == nil {
			continue
		}
		if r, err := storage.DecodeRevocation(record); err != nil || r.Until.After(until) {
			continue
		}
		if err := bucket.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
