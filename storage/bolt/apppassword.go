package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// The buckets of app passwords: the records, and what makes it needless to read
// all of them.
var (
	passwordBucket = []byte("app_passwords")            // ID → record
	accountBucket  = []byte("app_passwords_by_account") // accountKey → nothing
	countBucket    = []byte("app_password_counts")      // countKey → count
	endBucket      = []byte("app_passwords_by_expiry")  // endKey → nothing, of those that expire and are not revoked
	hourBucket     = []byte("app_password_expiries")    // hourKey → count of the same
	broughtBucket  = []byte("app_passwords_brought")    // broughtKey → nothing, of those that are not revoked
	useBucket      = []byte("app_password_uses")        // ID → record
)

// passwordBuckets are those that a file has from its beginning.
func passwordBuckets() [][]byte {
	return [][]byte{passwordBucket, accountBucket, countBucket, endBucket, hourBucket, broughtBucket, useBucket}
}

// decoded is a record and what it says.
type decoded struct {
	record   []byte
	password engine.AppPassword
}

// recentPasswords bounds Store.recent; each takes some 700 bytes.
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
	seen, ok := s.recent.Get(id)
	if !ok || !bytes.Equal(seen.record, record) {
		p, err := decodePassword(record)
		if err != nil {
			return p, err
		}
		seen = decoded{bytes.Clone(record), p}
		s.recent.Add(id, seen)
	}
	p := seen.password
	p.Limits = p.Limits.Clone() // what is remembered is nobody's
	return p, nil
}

// BroughtAppPasswords implements engine.AppPasswordReader.
func (s *Store) BroughtAppPasswords(ctx context.Context, account string, now time.Time) (found []engine.AppPassword, anybody bool, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		first, _ := tx.Bucket(broughtBucket).Cursor().First()
		anybody = first != nil
		found, err = (&passwordTx{tx: tx}).Brought(account, now)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading app passwords: %w", err)
	}
	return found, anybody, nil
}

// CreateAppPassword implements engine.AppPasswordStore.
func (s *Store) CreateAppPassword(ctx context.Context, all ...engine.AppPassword) error {
	return s.ChangeAppPasswords(ctx, func(tx engine.AppPasswordTx) error {
		for _, p := range all {
			if err := tx.Create(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// errUnchanged ends a write transaction that has nothing to write.
var errUnchanged = errors.New("unchanged")

// ChangeAppPasswords implements engine.AppPasswordStore.
func (s *Store) ChangeAppPasswords(ctx context.Context, change func(engine.AppPasswordTx) error) error {
	var refused error
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		changing := &passwordTx{tx: tx}
		if refused = change(changing); refused != nil {
			return refused
		}
		if !changing.changed {
			return errUnchanged // and nobody waits for the disk
		}
		return nil
	})
	switch {
	case refused != nil:
		return refused
	case err != nil && !errors.Is(err, errUnchanged):
		return fmt.Errorf("keeping app passwords: %w", err)
	}
	return nil
}

// ListAppPasswords implements engine.AppPasswordStore.
func (s *Store) ListAppPasswords(ctx context.Context, q engine.AppPasswordQuery) (found []engine.AppPasswordEntry, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		var prefix []byte
		if q.Account != "" {
			prefix = append([]byte(q.Account), 0)
		}
		begin := prefix
		if q.After.ID != "" || q.After.Account != "" {
			begin = append(accountKey(q.After), 0) // the first that can be behind it
		}
		if bytes.Compare(begin, prefix) < 0 {
			begin = prefix
		}
		cursor := tx.Bucket(accountBucket).Cursor()
		for key, _ := cursor.Seek(begin); key != nil && bytes.HasPrefix(key, prefix) && len(found) < q.Limit; key, _ = cursor.Next() {
			found = append(found, entryOf(tx, key))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing app passwords: %w", err)
	}
	return found, nil
}

// entryOf reads what an accountKey leads to. A record that cannot be read keeps
// nobody from seeing the others.
func entryOf(tx *bbolt.Tx, key []byte) engine.AppPasswordEntry {
	account, created, id := parseAccountKey(key)
	p, err := passwordByID(tx, id)
	if err != nil {
		return engine.AppPasswordEntry{AppPassword: engine.AppPassword{ID: string(id), Account: string(account), CreatedAt: created}, Damaged: true}
	}
	return engine.AppPasswordEntry{AppPassword: p, LastUse: useOf(tx, id)}
}

// CountAppPasswords implements engine.AppPasswordFigures.
func (s *Store) CountAppPasswords(ctx context.Context, account string) (n engine.AppPasswordCount, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(countBucket)
		n.Kept = int(readCount(bucket.Get(countKey(account, keptCount))))
		n.Revoked = int(readCount(bucket.Get(countKey(account, revokedCount))))
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("counting app passwords: %w", err)
	}
	return n, nil
}

// lookedAtHour bounds how many that expire within the hour of now are looked at.
const lookedAtHour = 10_000

// CountExpiries implements engine.AppPasswordFigures.
func (s *Store) CountExpiries(ctx context.Context, now time.Time) (expired, later int, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		hour := hourKey(now)
		cursor := tx.Bucket(hourBucket).Cursor()
		for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
			if n := int(readCount(value)); bytes.Compare(key, hour) < 0 {
				expired += n
			} else {
				later += n
			}
		}
		cursor = tx.Bucket(endBucket).Cursor()
		within, border := 0, instant(now.Add(1)) // what expires now has expired
		for key, _ := cursor.Seek(hour); key != nil && within < lookedAtHour && bytes.Compare(key[:min(len(key), instantLength)], border) < 0; key, _ = cursor.Next() {
			within++
		}
		expired, later = expired+within, later-within
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("counting app passwords: %w", err)
	}
	return expired, later, nil
}

// AppPasswordAccounts implements engine.AppPasswordFigures.
func (s *Store) AppPasswordAccounts(ctx context.Context, after string, limit int) (names []string, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(countBucket).Cursor()
		// The byte that ends a name sorts before all others.
		for key, _ := cursor.Seek(append([]byte(after), 1)); key != nil && len(names) < limit; key, _ = cursor.Next() {
			name, _, _ := bytes.Cut(key, []byte{0})
			if len(names) == 0 || names[len(names)-1] != string(name) {
				names = append(names, string(name))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing accounts: %w", err)
	}
	return names, nil
}

// ExpiringAppPasswords implements engine.AppPasswordFigures.
func (s *Store) ExpiringAppPasswords(ctx context.Context, after engine.AppPassword, limit int) (found []engine.AppPasswordEntry, err error) {
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(endBucket).Cursor()
		begin := append(append(instant(after.ExpiresAt), after.ID...), 0) // the first that can be behind it
		if after.ID == "" {
			begin = instant(after.ExpiresAt)
		}
		for key, _ := cursor.Seek(begin); key != nil && len(found) < limit; key, _ = cursor.Next() {
			if len(key) <= instantLength {
				panic("an index entry is too short") // only damage makes one; guard tells so
			}
			if p, err := passwordByID(tx, key[instantLength:]); err == nil { // a damaged one expires for nobody
				found = append(found, engine.AppPasswordEntry{AppPassword: p, LastUse: useOf(tx, []byte(p.ID))})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing app passwords: %w", err)
	}
	return found, nil
}

// KeepAppPasswordUses implements engine.AppPasswordUseStore.
func (s *Store) KeepAppPasswordUses(ctx context.Context, uses []engine.AppPasswordUse) error {
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		changed := false
		for _, use := range uses {
			wrote, err := keepUse(tx, use)
			if err != nil {
				return err
			}
			changed = changed || wrote
		}
		if !changed {
			return errUnchanged
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("keeping uses of app passwords: %w", err)
	}
	return nil
}

// keepUse keeps a use of an app password that is there, unless it is not the
// latest.
func keepUse(tx *bbolt.Tx, use engine.AppPasswordUse) (wrote bool, err error) {
	normal, err := storage.NormalLastUse(use.LastUse)
	if err != nil || tx.Bucket(passwordBucket).Get([]byte(use.ID)) == nil || !useOf(tx, []byte(use.ID)).At.Before(normal.At) {
		return false, nil
	}
	record, err := storage.EncodeLastUse(normal)
	if err != nil {
		return false, err
	}
	return true, tx.Bucket(useBucket).Put([]byte(use.ID), record)
}

// useOf is the use that is kept of an app password. One that cannot be read is
// none: the next takes its place.
func useOf(tx *bbolt.Tx, id []byte) engine.LastUse {
	record := tx.Bucket(useBucket).Get(id)
	if record == nil {
		return engine.LastUse{}
	}
	use, err := storage.DecodeLastUse(record)
	if err != nil {
		return engine.LastUse{}
	}
	return use
}

func passwordByID(tx *bbolt.Tx, id []byte) (engine.AppPassword, error) {
	return decodePassword(tx.Bucket(passwordBucket).Get(id))
}

// decodePassword reads a record; nil is none.
func decodePassword(record []byte) (engine.AppPassword, error) {
	if record == nil {
		return engine.AppPassword{}, fmt.Errorf("app password: %w", engine.ErrNotFound)
	}
	return storage.DecodeAppPassword(record)
}
