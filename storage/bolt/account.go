package bolt

import (
	"bytes"
	"iter"

	"go.etcd.io/bbolt"
)

// timeLength is that of the creation in an accountKey.
const timeLength = 8 + 4

// passwordIDs gives the IDs of an account's app passwords, or of all for "", in
// the order in which they are listed. They die with tx.
func passwordIDs(tx *bbolt.Tx, account string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var prefix []byte
		if account != "" {
			prefix = append([]byte(account), 0)
		}
		cursor := tx.Bucket(accountBucket).Cursor()
		for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix) && key != nil; key, _ = cursor.Next() {
			_, rest, _ := bytes.Cut(key, []byte{0})
			if len(rest) < timeLength {
				panic("an index entry is too short") // only damage makes one; guard tells so
			}
			if !yield(rest[timeLength:]) {
				return
			}
		}
	}
}
