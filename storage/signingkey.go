package storage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/m2md/m2md/engine"
)

// signingKeyVersion is the version of signing keys that this m2md writes, and
// the newest it reads. Version 1 had neither times of its use nor encryption: an
// m2md that knows only that one would sign with a key too early.
const signingKeyVersion = 2

// signingKey is a signing key as it is kept.
type signingKey struct {
	version
	Name         string    `json:"name,omitempty"`
	ID           string    `json:"id"`
	Algorithm    string    `json:"alg"`
	PKCS8        []byte    `json:"pkcs8"`
	Sealed       string    `json:"sealed,omitempty"`
	Serial       int       `json:"serial,omitempty"`
	CreatedAt    time.Time `json:"created"`
	ActivatesAt  time.Time `json:"activates"`
	SupersededAt time.Time `json:"superseded,omitzero"`
	Uses         []keyUse  `json:"uses,omitempty"`
}

// keyUse is a use of a signing key as it is kept.
type keyUse struct {
	Provider string    `json:"provider,omitempty"`
	Longest  int64     `json:"longest"` // seconds
	Until    time.Time `json:"until,omitzero"`
}

// Bounds of a signing key: of its private part in bytes, where RSA with 8192
// bits has under 5,000, and of its uses, which are one for each provider.
const (
	maxPKCS8 = 16 << 10
	maxUses  = 100_000
)

// NormalSigningKey returns k as every storage gives it back, sharing nothing
// with k, or an error that wraps ErrRecord where it can not be kept.
func NormalSigningKey(k engine.StoredKey) (engine.StoredKey, error) {
	err := errors.Join(
		checkKey("ID", k.ID), checkKey("algorithm", k.Algorithm),
		checkText("name", k.Name), checkText("encryption", k.Sealed), checkTime("creation", k.CreatedAt),
		checkTime("activation", k.ActivatesAt), checkTime("end", k.SupersededAt), checkUses(k.Uses),
	)
	if len(k.PKCS8) == 0 || len(k.PKCS8) > maxPKCS8 {
		err = errors.Join(err, fmt.Errorf("%w: its private key has %d bytes", ErrRecord, len(k.PKCS8)))
	}
	if err != nil {
		return engine.StoredKey{}, err
	}
	k.PKCS8, k.Uses = slices.Clone(k.PKCS8), slices.Clone(k.Uses)
	k.CreatedAt, k.ActivatesAt, k.SupersededAt = wall(k.CreatedAt), wall(k.ActivatesAt), wall(k.SupersededAt)
	for i := range k.Uses {
		k.Uses[i].Until = wall(k.Uses[i].Until)
	}
	return k, nil
}

// checkUses refuses what would not come back.
func checkUses(uses []engine.KeyUse) error {
	if len(uses) > maxUses {
		return fmt.Errorf("%w: %d providers use it", ErrRecord, len(uses))
	}
	for _, use := range uses {
		if use.Longest < 0 || use.Longest%time.Second != 0 {
			return fmt.Errorf("%w: the lifetime of its tokens is no whole number of seconds", ErrRecord)
		}
		if err := errors.Join(checkText("provider", use.Provider), checkTime("use", use.Until)); err != nil {
			return err
		}
	}
	return nil
}

// CompareSigningKeys orders by name, then creation, then ID.
func CompareSigningKeys(a, b engine.StoredKey) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// EncodeSigningKey gives the form in which a normal signing key is kept. It
// holds the private key.
func EncodeSigningKey(k engine.StoredKey) ([]byte, error) {
	r := signingKey{
		version: version{signingKeyVersion},
		Name:    k.Name, ID: k.ID, Algorithm: k.Algorithm, PKCS8: k.PKCS8, Sealed: k.Sealed, Serial: k.Serial,
		CreatedAt: k.CreatedAt, ActivatesAt: k.ActivatesAt, SupersededAt: k.SupersededAt,
	}
	for _, use := range k.Uses {
		r.Uses = append(r.Uses, keyUse{use.Provider, int64(use.Longest / time.Second), use.Until})
	}
	return json.Marshal(r)
}

// DecodeSigningKey reads what EncodeSigningKey wrote. It does not keep raw.
func DecodeSigningKey(raw []byte) (engine.StoredKey, error) {
	var r signingKey
	if err := decodeUpTo(signingKeyVersion, raw, &r, &r.version); err != nil {
		return engine.StoredKey{}, err
	}
	if r.Version == 1 { // it signed since it was there, for nobody knows whom
		r.ActivatesAt = r.CreatedAt
		r.Uses = []keyUse{{Longest: engine.MaxLifetime.Seconds()}}
	}
	k := engine.StoredKey{
		Name: r.Name, ID: r.ID, Algorithm: r.Algorithm, PKCS8: r.PKCS8, Sealed: r.Sealed, Serial: r.Serial,
		CreatedAt: r.CreatedAt, ActivatesAt: r.ActivatesAt, SupersededAt: r.SupersededAt,
	}
	for _, use := range r.Uses {
		if use.Longest < 0 || use.Longest > maxLongest {
			return engine.StoredKey{}, fmt.Errorf("%w: the lifetime of its tokens is out of range", ErrRecord)
		}
		k.Uses = append(k.Uses, engine.KeyUse{Provider: use.Provider, Longest: time.Duration(use.Longest) * time.Second, Until: use.Until})
	}
	return NormalSigningKey(k)
}

// maxLongest bounds the lifetime of tokens in seconds, so that it fits a
// time.Duration.
const maxLongest = 100 * 365 * 24 * 3600
