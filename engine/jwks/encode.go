package jwks

import (
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Encode writes keys as a JWK set (RFC 7517 §5), in their order: what Decode
// makes the same keys of. Nothing private can stand in it, as a Key has nothing
// private.
func Encode(keys []Key) ([]byte, error) {
	elements, err := encodeKeys(keys)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Keys []json.RawMessage `json:"keys"`
	}{elements})
}

// encodeKeys gives each key as a JWK.
func encodeKeys(keys []Key) ([]json.RawMessage, error) {
	elements := make([]json.RawMessage, len(keys))
	for i, key := range keys {
		jwk := jose.JSONWebKey{Key: key.Public, KeyID: key.ID, Algorithm: key.Algorithm, Use: "sig"}
		element, err := jwk.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("encoding key %d: %s", i+1, safeText(err))
		}
		elements[i] = element
	}
	return elements, nil
}
