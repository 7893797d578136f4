package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of an RSA modulus, in bits. Below the first a signature can be forged;
// above the second one verification takes longer than a stranger may cost us.
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// ErrKey is wrapped by every error of NewKey.
var ErrKey = errors.New("unusable public key")

// Key is a public key that may have signed. It never changes and is shared
// between goroutines. The zero value allows no algorithm.
type Key struct {
	ID         string           // kid, RFC 7517 §4.5; "" where it has none
	Algorithm  string           // the only JWS algorithm it may verify; "" where none is pinned
	Public     crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	Thumbprint string           // SHA-256 as of RFC 7638, base64url; the same key has the same
}

// NewKey checks a public key: RSA with a modulus of 2048 to 8192 bits and an
// odd exponent of at least 3, ECDSA on P-256, P-384 or P-521, or Ed25519. A
// given alg must fit the key; "" pins none.
func NewKey(id, alg string, pub crypto.PublicKey) (Key, error) {
	if err := checkPublic(pub); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if alg != "" && !slices.Contains(algorithmsOf(pub), alg) {
		return Key{}, fmt.Errorf("%w: its alg %s does not fit %s", ErrKey, quoted(alg), describe(pub))
	}
	sum, err := (&jose.JSONWebKey{Key: pub}).Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %s", ErrKey, safeText(err))
	}
	return Key{ID: id, Algorithm: alg, Public: pub, Thumbprint: base64.RawURLEncoding.EncodeToString(sum)}, nil
}

// Allows says whether the key may verify a signature of the JWS algorithm alg
// (RFC 7518 §3.1, RFC 8037 §3.1).
func (k Key) Allows(alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	return slices.Contains(algorithmsOf(k.Public), alg)
}

// Algorithms are the JWS algorithms that m2md verifies.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// algorithmsOf gives the algorithms that a kind of key can verify.
func algorithmsOf(pub crypto.PublicKey) []string {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return Algorithms()[:6]
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		case elliptic.P521():
			return []string{"ES512"}
		}
	}
	return nil
}

func checkPublic(pub crypto.PublicKey) error {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return checkRSA(pub)
	case *ecdsa.PublicKey:
		return checkECDSA(pub)
	case ed25519.PublicKey:
		return nil // its length and order are checked with the thumbprint
	default:
		return fmt.Errorf("%T is neither RSA, ECDSA nor Ed25519", pub)
	}
}

func checkRSA(pub *rsa.PublicKey) error {
	bits := 0
	if pub.N != nil {
		bits = pub.N.BitLen()
	}
	switch {
	case bits < MinRSABits:
		return fmt.Errorf("its RSA modulus has %d bits, fewer than %d", bits, MinRSABits)
	case bits > MaxRSABits:
		return fmt.Errorf("its RSA modulus has %d bits, more than %d", bits, MaxRSABits)
	case pub.N.Bit(0) == 0:
		return errors.New("its RSA modulus is even")
	case isROCA(pub.N):
		return errors.New("its RSA modulus is of the form of CVE-2017-15361 (ROCA): the private key can be computed from it")
	case pub.E < 3 || pub.E%2 == 0 || pub.E > math.MaxInt32:
		return errors.New("its RSA exponent is not an odd number between 3 and 2^31-1")
	}
	return nil
}

// isROCA tells the moduli that a widespread library for chips made (Nemec and
// others, "The Return of Coppersmith's Attack", 2017): modulo each small prime
// they are a power of 65537. It asks primes modulo which such powers are few;
// of 200 million other moduli, one passes for such.
func isROCA(modulus *big.Int) bool {
	for _, prime := range []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157} {
		remainder := new(big.Int).Mod(modulus, big.NewInt(prime)).Int64()
		for power := int64(1); power != remainder; {
			power = power * 65537 % prime
			if power == 1 { // from here on they repeat
				return false
			}
		}
	}
	return true
}

func checkECDSA(pub *ecdsa.PublicKey) error {
	if algorithmsOf(pub) == nil {
		return errors.New("its curve is neither P-256, P-384 nor P-521")
	}
	if _, err := pub.Bytes(); err != nil {
		return errors.New("its point does not lie on its curve")
	}
	return nil
}

// describe names a kind of key for people.
func describe(pub crypto.PublicKey) string {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return "an RSA key"
	case *ecdsa.PublicKey:
		return "a key on " + pub.Curve.Params().Name
	default:
		return "an Ed25519 key"
	}
}
