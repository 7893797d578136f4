package enginetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Key is a private key of an issuer. It signs whatever it is told to, right or
// wrong, and shares no code with what verifies it.
type Key struct {
	ID        string // its kid; "" to have none
	Algorithm string // the JWS algorithm (RFC 7518 §3.1) that Mint and Seal sign with
	Private   crypto.Signer
	Unpinned  bool // its JWK has no alg
}

// NewKey makes a key for a JWS algorithm: RSA with 2048 bits, ECDSA on the
// algorithm's curve, or Ed25519.
func NewKey(t testing.TB, id, algorithm string) *Key {
	t.Helper()
	private, err := generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{ID: id, Algorithm: algorithm, Private: private}
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return rsa.GenerateKey(rand.Reader, 2048)
	default:
		return nil, fmt.Errorf("no key can be made for %q", algorithm)
	}
}

// Mint signs claims as an honest issuer would: alg and kid of the key, typ JWT.
func (k *Key) Mint(claims map[string]any) string { return k.MintWith(nil, claims) }

// MintWith is Mint with header members added or replaced; those set to nil are
// left out.
func (k *Key) MintWith(header, claims map[string]any) string {
	full := map[string]any{"alg": k.Algorithm, "typ": "JWT"}
	if k.ID != "" {
		full["kid"] = k.ID
	}
	for name, value := range header {
		if value == nil {
			delete(full, name)
		} else {
			full[name] = value
		}
	}
	return k.Seal(string(encode(full)), string(encode(claims)))
}

// Seal signs a header and a payload as they are, well-formed or not.
func (k *Key) Seal(header, payload string) string {
	input := Segment([]byte(header)) + "." + Segment([]byte(payload))
	return input + "." + Segment(k.Signature(input))
}

// Signature is that of the key over a signing input, in the form that its
// algorithm asks for.
func (k *Key) Signature(input string) []byte {
	signature, err := k.sign([]byte(input))
	if err != nil {
		panic(err) // only for a key and an algorithm that do not fit
	}
	return signature
}

func (k *Key) sign(input []byte) ([]byte, error) {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[k.Algorithm[2:]]
	if hash == 0 {
		return k.Private.Sign(rand.Reader, input, crypto.Hash(0))
	}
	h := hash.New()
	h.Write(input)
	sum := h.Sum(nil)
	switch private := k.Private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, sum)
		if err != nil {
			return nil, err
		}
		return sideBySide(r, s, (private.Params().BitSize+7)/8), nil
	case *rsa.PrivateKey:
		if k.Algorithm[0] == 'P' {
			return rsa.SignPSS(rand.Reader, private, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, private, hash, sum)
	default:
		return nil, fmt.Errorf("%T does not sign %s", private, k.Algorithm)
	}
}

func sideBySide(r, s *big.Int, size int) []byte {
	joined := make([]byte, 2*size)
	r.FillBytes(joined[:size])
	s.FillBytes(joined[size:])
	return joined
}

// HMAC signs a header and a payload with a shared secret, as the algorithm
// HS256 or HS512 does: what an attacker can do with any public value.
func HMAC(algorithm string, secret []byte, header, payload string) string {
	hash := sha256.New
	if algorithm == "HS512" {
		hash = sha512.New
	}
	input := Segment([]byte(header)) + "." + Segment([]byte(payload))
	mac := hmac.New(hash, secret)
	mac.Write([]byte(input))
	return input + "." + Segment(mac.Sum(nil))
}

// Segment is base64url without padding (RFC 7515 §2).
func Segment(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// JWK is the key as its issuer publishes it.
func (k *Key) JWK() jose.JSONWebKey {
	jwk := jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: "sig", Algorithm: k.Algorithm}
	if k.Unpinned {
		jwk.Algorithm = ""
	}
	return jwk
}

// JWKS is a JWK set (RFC 7517 §5) of keys.
func JWKS(keys ...*Key) []byte {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.JWK())
	}
	return encode(set)
}

// PublicPEM is the bare public key, PKIX in PEM.
func (k *Key) PublicPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.PublicDER()})
}

// PublicDER is the bare public key, PKIX.
func (k *Key) PublicDER() []byte {
	der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
	if err != nil {
		panic(err) // every key that NewKey makes can be encoded
	}
	return der
}

func encode(v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err) // what tests sign are maps, strings and numbers
	}
	return encoded
}
