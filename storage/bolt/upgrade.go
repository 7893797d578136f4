package bolt

import (
	"fmt"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/storage"
)

// upgrade makes of a file of version 1 one of version 2: app passwords get the
// buckets that tell of them without reading them all. It is one transaction, so
// that no crash leaves a file between two versions. An older m2md refuses the
// file from then on; it would not keep those buckets up.
func upgrade(db *bbolt.DB) error {
	old := false
	err := db.View(func(tx *bbolt.Tx) error {
		old = string(tx.Bucket(metaBucket).Get(schemaKey)) == "1"
		return nil
	})
	if err != nil || !old {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range passwordBuckets() {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := indexAll(tx); err != nil {
			return err
		}
		return tx.Bucket(metaBucket).Put(schemaKey, []byte(strconv.Itoa(schema)))
	})
}

// indexAll indexes every record. One that cannot be read is listed as damaged,
// and counted nowhere.
func indexAll(tx *bbolt.Tx) error {
	return tx.Bucket(passwordBucket).ForEach(func(id, record []byte) error {
		p, err := storage.DecodeAppPassword(record)
		if err != nil {
			return nil
		}
		if err := index(tx, p); err != nil {
			return fmt.Errorf("indexing app password: %w", err)
		}
		return nil
	})
}
