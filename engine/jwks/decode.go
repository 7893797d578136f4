package jwks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a JWK set, wherever it comes from.
const (
	MaxBytes = 1 << 20 // of the document
	MaxKeys  = 500     // in the document, usable or not
)

// ErrDocument is wrapped where a document as a whole is no JWK set.
var ErrDocument = errors.New("not a JWK set")

// Skipped is a key of a JWK set that cannot be used, and why.
type Skipped struct {
	Index  int    // in the set's keys, from 0
	ID     string // its kid, made printable; "" where it has none
	Reason string // one line, for people; holds nothing of the key itself
}

// Decode reads a JWK set (RFC 7517 §5) key by key. Keys that are broken,
// unknown or not for verifying signatures (kty oct, a use other than sig,
// key_ops without verify, an alg that does not fit, a private key) are skipped
// and told; the others are returned in the order of the document, which may be
// none. It fails where the document is no JWK set, is larger than MaxBytes or
// has more than MaxKeys keys. A repeated member makes a key broken, or the
// document no JWK set.
func Decode(raw []byte) ([]Key, []Skipped, error) {
	elements, err := elementsOf(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	var keys []Key
	var skipped []Skipped
	for i, element := range elements {
		key, err := decodeKey(element)
		if err != nil {
			skipped = append(skipped, Skipped{Index: i, ID: printable(key.ID, 64), Reason: safeText(err)})
			continue
		}
		keys = append(keys, key)
	}
	return keys, skipped, nil
}

// elementsOf gives the members of the document's "keys", unread.
func elementsOf(raw []byte) ([]json.RawMessage, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", MaxBytes)
	}
	set, err := membersOf(raw)
	if err != nil {
		return nil, err
	}
	keys, present := set["keys"]
	if !present {
		return nil, errors.New(`it has no "keys"`)
	}
	if keys[0] != '[' {
		return nil, errors.New(`its "keys" is not a list`)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(keys, &elements); err != nil {
		return nil, errors.New(`its "keys" is not a list`)
	}
	if len(elements) > MaxKeys {
		return nil, fmt.Errorf("it has %d keys, more than %d", len(elements), MaxKeys)
	}
	return elements, nil
}

// membersOf reads a JSON object without what encoding/json forgives: names are
// compared exactly, and none may repeat (RFC 8725 §2.4, RFC 7517 §4).
func membersOf(raw []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("it is not valid JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("its member %s stands twice", quoted(name))
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errors.New("it is not valid JSON")
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows its JSON object")
	}
	return members, nil
}

// privateMembers are the members that only private and symmetric keys have
// (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2; RFC 9964 §3).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// decodeKey reads one JWK. The returned key has its ID wherever that was read,
// an error or not.
func decodeKey(raw json.RawMessage) (Key, error) {
	members, err := membersOf(raw)
	if err != nil {
		return Key{}, err
	}
	id, err := text(members, "kid")
	if err != nil {
		return Key{}, err
	}
	alg, err := purposeOf(members)
	if err != nil {
		return Key{ID: id}, err
	}
	pub, err := material(members)
	if err != nil {
		return Key{ID: id}, err
	}
	key, err := NewKey(id, alg, pub)
	key.ID = id
	return key, err
}

// purposeOf checks that a JWK is for verifying signatures, and returns the
// algorithm it pins. go-jose reads use and alg, but heeds neither.
func purposeOf(members map[string]json.RawMessage) (alg string, err error) {
	kty, err := text(members, "kty")
	if err != nil {
		return "", err
	}
	if kty == "oct" {
		return "", errors.New("it is symmetric (kty oct): whoever can read it could sign")
	}
	for _, name := range privateMembers {
		if _, present := members[name]; present {
			return "", fmt.Errorf("its private part is published (member %q): no signature by it proves anything", name)
		}
	}
	use, err := text(members, "use")
	if err != nil {
		return "", err
	}
	if use != "" && use != "sig" {
		return "", fmt.Errorf("its use is %s, not sig", quoted(use))
	}
	if raw, present := members["key_ops"]; present {
		var ops []string
		if err := json.Unmarshal(raw, &ops); err != nil || !slices.Contains(ops, "verify") {
			return "", errors.New("its key_ops do not name verify")
		}
	}
	return text(members, "alg")
}

// text gives a member that must be a string where it is present.
func text(members map[string]json.RawMessage, name string) (string, error) {
	raw, present := members[name]
	if !present {
		return "", nil
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil || value == nil {
		return "", fmt.Errorf("its %s is not a string", name)
	}
	return *value, nil
}

// material decodes the public key itself. Only the members that define it go
// to go-jose: what else stands in the JWK (x5c, x5u, …) proves nothing here, and
// need not be parsed.
func material(members map[string]json.RawMessage) (any, error) {
	defining := map[string]json.RawMessage{}
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e"} {
		if value, present := members[name]; present {
			defining[name] = value
		}
	}
	raw, err := json.Marshal(defining)
	if err != nil {
		return nil, err
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return nil, err
	}
	return jwk.Key, nil
}
