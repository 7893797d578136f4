package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// passwordTx is a transaction on app passwords.
type passwordTx struct {
	tx      *bbolt.Tx
	changed bool
}

var _ engine.AppPasswordTx = (*passwordTx)(nil)

// AppPassword implements engine.AppPasswordTx.
func (t *passwordTx) AppPassword(id string) (engine.AppPassword, error) {
	return passwordByID(t.tx, []byte(id))
}

// Brought implements engine.AppPasswordTx.
func (t *passwordTx) Brought(account string, now time.Time) (found []engine.AppPassword, err error) {
	prefix := append([]byte(account), 0)
	cursor := t.tx.Bucket(broughtBucket).Cursor()
	// What has expired stands in front of that.
	begin := append(prefix[:len(prefix):len(prefix)], instant(now.Add(1))...)
	for key, _ := cursor.Seek(begin); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		if len(key) <= len(prefix)+instantLength {
			panic("an index entry is too short") // only damage makes one; guard tells so
		}
		p, err := passwordByID(t.tx, key[len(prefix)+instantLength:])
		if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}

// Each implements engine.AppPasswordTx.
func (t *passwordTx) Each(account string, visit func(engine.AppPassword) error) error {
	prefix := append([]byte(account), 0)
	cursor := t.tx.Bucket(accountBucket).Cursor()
	for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		entry := entryOf(t.tx, key)
		if entry.Damaged { // it lets nobody in, and so it counts for nothing
			continue
		}
		if err := visit(entry.AppPassword); err != nil {
			return err
		}
	}
	return nil
}

// Create implements engine.AppPasswordTx.
func (t *passwordTx) Create(p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	if t.tx.Bucket(passwordBucket).Get([]byte(p.ID)) != nil {
		return fmt.Errorf("app password: %w", engine.ErrExists)
	}
	if err := t.tx.Bucket(accountBucket).Put(accountKey(p), nil); err != nil {
		return err
	}
	if err := index(t.tx, p); err != nil {
		return err
	}
	return t.put(p)
}

// Replace implements engine.AppPasswordTx.
func (t *passwordTx) Replace(p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	before, err := t.AppPassword(p.ID)
	if err != nil {
		return err
	}
	if err := storage.CheckReplacement(before, p); err != nil {
		return err
	}
	if err := unindex(t.tx, before); err != nil {
		return err
	}
	if err := index(t.tx, p); err != nil {
		return err
	}
	return t.put(p)
}

// Delete implements engine.AppPasswordTx.
func (t *passwordTx) Delete(id string) error {
	before, err := t.AppPassword(id)
	if err != nil {
		return err
	}
	if err := unindex(t.tx, before); err != nil {
		return err
	}
	if err := t.tx.Bucket(accountBucket).Delete(accountKey(before)); err != nil {
		return err
	}
	if err := t.tx.Bucket(useBucket).Delete([]byte(id)); err != nil {
		return err
	}
	t.changed = true
	return t.tx.Bucket(passwordBucket).Delete([]byte(id))
}

func (t *passwordTx) put(p engine.AppPassword) error {
	record, err := storage.EncodeAppPassword(p)
	if err != nil {
		return err
	}
	t.changed = true
	return t.tx.Bucket(passwordBucket).Put([]byte(p.ID), record)
}

// index adds a record to what depends on more of it than its account and its
// creation; unindex takes it away.
func index(tx *bbolt.Tx, p engine.AppPassword) error {
	if err := count(tx, p, 1); err != nil || !p.RevokedAt.IsZero() {
		return err
	}
	if p.Brought != (engine.PasswordHash{}) {
		if err := tx.Bucket(broughtBucket).Put(broughtKey(p), nil); err != nil {
			return err
		}
	}
	if p.ExpiresAt.IsZero() {
		return nil
	}
	if err := add(tx.Bucket(hourBucket), hourKey(p.ExpiresAt), 1); err != nil {
		return err
	}
	return tx.Bucket(endBucket).Put(endKey(p), nil)
}

func unindex(tx *bbolt.Tx, p engine.AppPassword) error {
	if err := count(tx, p, -1); err != nil || !p.RevokedAt.IsZero() {
		return err
	}
	if err := tx.Bucket(broughtBucket).Delete(broughtKey(p)); err != nil || p.ExpiresAt.IsZero() {
		return err
	}
	if err := add(tx.Bucket(hourBucket), hourKey(p.ExpiresAt), -1); err != nil {
		return err
	}
	return tx.Bucket(endBucket).Delete(endKey(p))
}

// count adds to the counts of an account and of all.
func count(tx *bbolt.Tx, p engine.AppPassword, n int64) error {
	done := byte(keptCount)
	if !p.RevokedAt.IsZero() {
		done = revokedCount
	}
	bucket := tx.Bucket(countBucket)
	if err := add(bucket, countKey(p.Account, done), n); err != nil {
		return err
	}
	return add(bucket, countKey("", done), n)
}

// add adds to what is counted under a key. Nothing is not kept.
func add(bucket *bbolt.Bucket, key []byte, n int64) error {
	n += readCount(bucket.Get(key))
	if n <= 0 {
		return bucket.Delete(key)
	}
	return bucket.Put(key, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// readCount reads a count; nil is none.
func readCount(value []byte) int64 {
	switch len(value) {
	case 0:
		return 0
	case 8:
		return int64(binary.BigEndian.Uint64(value))
	default:
		panic("a count has another length") // only damage makes one; guard tells so
	}
}

// What is counted of an account.
const (
	keptCount    = 'k'
	revokedCount = 'r'
)

// countKey is what is counted of an account, or of all for "", which sorts first.
func countKey(account string, what byte) []byte { return append([]byte(account), 0, what) }

// hourKey is the hour in which a time lies.
func hourKey(t time.Time) []byte { return instant(t.Truncate(time.Hour)) }

// accountKey sorts as passwords are listed: account, NUL, creation, ID. Neither
// account nor creation ever changes.
func accountKey(p engine.AppPassword) []byte {
	key := append([]byte(p.Account), 0)
	return append(append(key, instant(p.CreatedAt)...), p.ID...)
}

func parseAccountKey(key []byte) (account []byte, created time.Time, id []byte) {
	account, rest, _ := bytes.Cut(key, []byte{0})
	if len(rest) < instantLength {
		panic("an index entry is too short") // only damage makes one; guard tells so
	}
	return account, parseInstant(rest), rest[instantLength:]
}

// endKey sorts by expiry.
func endKey(p engine.AppPassword) []byte { return append(end(p.ExpiresAt), p.ID...) }

// broughtKey sorts those of an account by their expiry.
func broughtKey(p engine.AppPassword) []byte {
	key := append([]byte(p.Account), 0)
	return append(append(key, end(p.ExpiresAt)...), p.ID...)
}

// instantLength is that of an instant.
const instantLength = 8 + 4

// instant is a time that sorts: seconds, the sign turned, and nanoseconds.
func instant(t time.Time) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(t.Unix())^(1<<63))
	return binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))
}

func parseInstant(key []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(key)^(1<<63)), int64(binary.BigEndian.Uint32(key[8:]))).UTC()
}

// never is the expiry of what does not expire: behind all others.
var never = bytes.Repeat([]byte{0xff}, instantLength)

// end is an expiry that sorts.
func end(t time.Time) []byte {
	if t.IsZero() {
		return bytes.Clone(never)
	}
	return instant(t)
}
