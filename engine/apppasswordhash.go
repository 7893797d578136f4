package engine

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// PasswordHash is the argon2id hash (RFC 9106) of a password that was brought
// along. The zero value is none.
type PasswordHash struct {
	Cost HashCost
	Salt [16]byte
	Sum  [32]byte
}

// HashCost is what one argon2id hash costs.
type HashCost struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// DefaultHashCost is the second recommendation of RFC 9106 §4 in memory and
// passes, and with them in what a guess costs. It has one lane in the place of
// four, so that a hash never takes more than one processor from the requests.
func DefaultHashCost() HashCost { return HashCost{Memory: 64 << 10, Passes: 3, Lanes: 1} }

// ErrPasswordHash is returned for text that is no hash of the kind that m2md makes.
var ErrPasswordHash = errors.New("not an argon2id hash within m2md's bounds")

// check keeps a record that somebody altered from taking all memory or time.
func (c HashCost) check() error {
	if c.Passes < 1 || c.Passes > 16 || c.Lanes < 1 || c.Lanes > 16 || c.Memory < 8*uint32(c.Lanes) || c.Memory > DefaultHashCost().Memory {
		return ErrPasswordHash
	}
	return nil
}

// hash is the argon2id hash of a password. It takes the memory that the cost
// says, and cannot be interrupted.
func (c HashCost) hash(password string, salt [16]byte) PasswordHash {
	h := PasswordHash{Cost: c, Salt: salt}
	copy(h.Sum[:], argon2.IDKey([]byte(password), salt[:], c.Passes, c.Memory, c.Lanes, uint32(len(h.Sum))))
	return h
}

// equal compares in constant time.
func (h PasswordHash) equal(other PasswordHash) bool {
	return h.sameWay(other) && subtle.ConstantTimeCompare(h.Sum[:], other.Sum[:]) == 1
}

// sameWay says whether one computation answers for both hashes.
func (h PasswordHash) sameWay(other PasswordHash) bool {
	return h.Cost == other.Cost && h.Salt == other.Salt
}

// PHC is the hash in the form of the PHC's specification of strings,
// $argon2id$v=19$m=65536,t=3,p=1$SALT$SUM; "" for none.
func (h PasswordHash) PHC() string {
	if h == (PasswordHash{}) {
		return ""
	}
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Cost.Memory, h.Cost.Passes, h.Cost.Lanes, encode(h.Salt[:]), encode(h.Sum[:]))
}

// ParsePasswordHash reads what PHC wrote. Its error quotes nothing.
func ParsePasswordHash(text string) (h PasswordHash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return PasswordHash{}, ErrPasswordHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.Cost.Memory, &h.Cost.Passes, &h.Cost.Lanes); err != nil || h.Cost.check() != nil {
		return PasswordHash{}, ErrPasswordHash
	}
	if !decodeWhole(h.Salt[:], parts[4]) || !decodeWhole(h.Sum[:], parts[5]) || h.PHC() != text { // whatever else differs
		return PasswordHash{}, ErrPasswordHash
	}
	return h, nil
}

// decodeWhole fills into with what the text says, which must be as long.
func decodeWhole(into []byte, text string) bool {
	decoded, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return err == nil && copy(into, decoded) == len(decoded) && len(decoded) == len(into)
}

// newSalt draws a salt.
func newSalt(random io.Reader) (salt [16]byte, err error) {
	_, err = io.ReadFull(random, salt[:])
	return salt, err
}
