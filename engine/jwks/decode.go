package jwks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
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
// unknown or not for verifying signatures (kty oct, a use other than sig and
// jwt-svid, key_ops without verify, an alg that does not fit, a private key) are
// skipped and told; the others are returned in the order of the document, which may be
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
			skipped = append(skipped, Skipped{Index: i, ID: fetch.Printable(key.ID, maxWord), Reason: safeText(err)})
			continue
		}
		keys = append(keys, key)
	}
	return keys, skipped, nil
}

// elementsOf gives the members of the document's "keys", unread, so that each
// can be broken by itself.
func elementsOf(raw []byte) ([]json.RawMessage, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", MaxBytes)
	}
	set, err := strictjson.Members(raw)
	if err != nil {
		return nil, tellRepeated(err)
	}
	keys, present := set["keys"]
	if !present {
		return nil, errors.New(`it has no "keys"`)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(keys, &elements); err != nil || elements == nil {
		return nil, errors.New(`its "keys" is not a list`)
	}
	if len(elements) > MaxKeys {
		return nil, fmt.Errorf("it has %d keys, more than %d", len(elements), MaxKeys)
	}
	return elements, nil
}

// tellRepeated tells of a member that stands twice which one it is, printable and short.
func tellRepeated(err error) error {
	if repeated, ok := errors.AsType[*strictjson.RepeatedError](err); ok {
		return fmt.Errorf("its member %s stands twice", quoted(repeated.Name))
	}
	return err
}

// privateMembers are the members that only private and symmetric keys have
// (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2; RFC 9964 §3).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// uses are those of a key that signs JWTs: RFC 7517 §4.2, and in the bundle of
// a SPIFFE trust domain, whose other use is x509-svid (SPIFFE Trust Domain and
// Bundle §4.2.2).
var uses = []string{"sig", "jwt-svid"}

// decodeKey reads one JWK. The returned key has its ID wherever that was read,
// an error or not.
func decodeKey(raw json.RawMessage) (Key, error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return Key{}, tellRepeated(err)
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
func purposeOf(members map[string]any) (alg string, err error) {
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
	if use != "" && !slices.Contains(uses, use) {
		return "", fmt.Errorf("its use is %s, not sig", quoted(use))
	}
	if ops, present := members["key_ops"]; present {
		if list, _ := ops.([]any); !slices.Contains(list, any("verify")) {
			return "", errors.New("its key_ops do not name verify")
		}
	}
	return text(members, "alg")
}

// text gives a member that must be a string where it is present.
func text(members map[string]any, name string) (string, error) {
	value, present := members[name]
	s, ok := value.(string)
	if present && !ok {
		return "", fmt.Errorf("its %s is not a string", name)
	}
	return s, nil
}

// material decodes the public key itself. Only the members that define it go
// to go-jose: what else stands in the JWK (x5c, x5u, …) proves nothing here, and
// need not be parsed.
func material(members map[string]any) (any, error) {
	defining := map[string]any{}
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
