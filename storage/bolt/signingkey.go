package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// SigningKeys implements engine.SigningKeyStore.
func (s *Store) SigningKeys(ctx context.Context) (keys []engine.StoredKey, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(keyBucket).ForEach(func(_, record []byte) error {
			key, err := storage.DecodeSigningKey(record)
			keys = append(keys, key)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading signing keys: %w", err)
	}
	slices.SortFunc(keys, storage.CompareSigningKeys)
	return keys, nil
}

// ChangeSigningKeys implements engine.SigningKeyStore.
func (s *Store) ChangeSigningKeys(ctx context.Context, put []engine.StoredKey, drop []string) error {
	records := make(map[string][]byte, len(put))
	for _, k := range put {
		k, err := storage.NormalSigningKey(k)
		if err != nil {
			return err
		}
		if records[k.ID], err = storage.EncodeSigningKey(k); err != nil {
			return err
		}
	}
	err := s.update(ctx, func(tx *bbolt.Tx) (err error) {
		bucket := tx.Bucket(keyBucket)
		for id, record := range records {
			err = errors.Join(err, bucket.Put([]byte(id), record))
		}
		for _, id := range drop {
			err = errors.Join(err, bucket.Delete([]byte(id)))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping signing keys: %w", err)
	}
	return nil
}
