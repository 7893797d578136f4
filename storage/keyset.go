package storage

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// keySet is a fetched key set as it is kept.
type keySet struct {
	version
	ID        []byte    `json:"id"`
	Document  []byte    `json:"jwks"`
	FetchedAt time.Time `json:"fetched"`
	Until     time.Time `json:"until"`
}

// NormalKeySet returns s as every storage gives it back, sharing nothing with
// s, or an error that wraps ErrRecord where it can not be kept.
func NormalKeySet(s jwks.StoredSet) (jwks.StoredSet, error) {
	err := errors.Join(checkTime("fetch", s.FetchedAt), checkTime("end", s.Until))
	if len(s.Document) == 0 || len(s.Document) > jwks.MaxBytes {
		err = errors.Join(err, fmt.Errorf("%w: its key set has %d bytes", ErrRecord, len(s.Document)))
	}
	if err != nil {
		return jwks.StoredSet{}, err
	}
	s.Document, s.FetchedAt, s.Until = slices.Clone(s.Document), wall(s.FetchedAt), wall(s.Until)
	return s, nil
}

// EncodeKeySet gives the form in which a normal key set is kept.
func EncodeKeySet(s jwks.StoredSet) ([]byte, error) {
	return json.Marshal(keySet{
		version: version{recordVersion},
		ID:      s.ID[:], Document: s.Document, FetchedAt: s.FetchedAt, Until: s.Until,
	})
}

// DecodeKeySet reads what EncodeKeySet wrote. It does not keep raw.
func DecodeKeySet(raw []byte) (jwks.StoredSet, error) {
	var r keySet
	if err := decode(raw, &r, &r.version); err != nil {
		return jwks.StoredSet{}, err
	}
	if len(r.ID) != sha256.Size {
		return jwks.StoredSet{}, fmt.Errorf("%w: its ID has %d bytes", ErrRecord, len(r.ID))
	}
	return NormalKeySet(jwks.StoredSet{
		ID: [sha256.Size]byte(r.ID), Document: r.Document, FetchedAt: r.FetchedAt, Until: r.Until,
	})
}
