package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// The buckets of used tokens: by the token, and by the time at which it may be
// forgotten.
var (
	usedBucket   = []byte("used_tokens")           // token → expiry
	expiryBucket = []byte("used_tokens_by_expiry") // expiry, token → nothing
)

// forgetAtOnce is how many expired tokens one use forgets at most: more than
// one, so that their number falls.
const forgetAtOnce = 8

// UseToken implements engine.UsedTokens.
func (s *Store) UseToken(ctx context.Context, token [32]byte, now, until time.Time) (first bool, err error) {
	err = s.update(ctx, func(tx *bbolt.Tx) error {
		first, err = useToken(tx, token[:], seconds(now), seconds(until))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keeping a used token: %w", err)
	}
	return first, nil
}

// seconds is a time as an ordered key, rounded up: a token is remembered a
// moment too long rather than too short.
func seconds(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, t.Add(time.Second-1).Unix())))
}

func useToken(tx *bbolt.Tx, token, now, until []byte) (bool, error) {
	used, err := tx.CreateBucketIfNotExists(usedBucket)
	if err != nil {
		return false, err
	}
	byExpiry, err := tx.CreateBucketIfNotExists(expiryBucket)
	if err != nil {
		return false, err
	}
	if used.Get(token) != nil {
		// Also where it has expired and was not forgotten yet: its JWT has too.
		return false, nil
	}
	if err := forget(used, byExpiry, now); err != nil {
		return false, err
	}
	if err := used.Put(token, until); err != nil {
		return false, err
	}
	return true, byExpiry.Put(append(until, token...), nil)
}

// forget removes some of the tokens that expired before now.
func forget(used, byExpiry *bbolt.Bucket, now []byte) error {
	cursor := byExpiry.Cursor()
	var expired [][]byte
	for key, _ := cursor.First(); key != nil && len(expired) < forgetAtOnce && string(key[:len(now)]) < string(now); key, _ = cursor.Next() {
		expired = append(expired, append([]byte(nil), key...))
	}
	for _, key := range expired {
		if err := used.Delete(key[len(now):]); err != nil {
			return err
		}
		if err := byExpiry.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
