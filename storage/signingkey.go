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

// signingKey is a signing key as it is kept.
type signingKey struct {
	version
	Name      string    `json:"name,omitempty"`
	ID        string    `json:"id"`
	Algorithm string    `json:"alg"`
	PKCS8     []byte    `json:"pkcs8"`
	CreatedAt time.Time `json:"created"`
}

// maxPKCS8 bounds a private key in bytes; RSA with 8192 bits has under 5,000.
const maxPKCS8 = 16 << 10

// NormalSigningKey returns k as every storage gives it back, sharing nothing
// with k, or an error that wraps ErrRecord where it can not be kept.
func NormalSigningKey(k engine.StoredKey) (engine.StoredKey, error) {
	err := errors.Join(
		checkKey("ID", k.ID), checkKey("algorithm", k.Algorithm),
		checkText("name", k.Name), checkTime("creation", k.CreatedAt),
	)
	if len(k.PKCS8) == 0 || len(k.PKCS8) > maxPKCS8 {
		err = errors.Join(err, fmt.Errorf("%w: its private key has %d bytes", ErrRecord, len(k.PKCS8)))
	}
	if err != nil {
		return engine.StoredKey{}, err
	}
	k.PKCS8, k.CreatedAt = slices.Clone(k.PKCS8), wall(k.CreatedAt)
	return k, nil
}

// CompareSigningKeys orders by name, then creation, then ID.
func CompareSigningKeys(a, b engine.StoredKey) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
}

// EncodeSigningKey gives the form in which a normal signing key is kept. It
// holds the private key.
func EncodeSigningKey(k engine.StoredKey) ([]byte, error) {
	return json.Marshal(signingKey{
		version: version{recordVersion},
		Name:    k.Name, ID: k.ID, Algorithm: k.Algorithm, PKCS8: k.PKCS8, CreatedAt: k.CreatedAt,
	})
}

// DecodeSigningKey reads what EncodeSigningKey wrote. It does not keep raw.
func DecodeSigningKey(raw []byte) (engine.StoredKey, error) {
	var r signingKey
	if err := decode(raw, &r, &r.version); err != nil {
		return engine.StoredKey{}, err
	}
	return NormalSigningKey(engine.StoredKey{
		Name: r.Name, ID: r.ID, Algorithm: r.Algorithm, PKCS8: r.PKCS8, CreatedAt: r.CreatedAt,
	})
}
