package jwks_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
)

// Keys are made once: RSA is slow to make.
var (
	rsaKey = sync.OnceValue(func() *rsa.PublicKey { return &must(rsa.GenerateKey(rand.Reader, 2048)).PublicKey })
	ecKey  = func(c elliptic.Curve) *ecdsa.PublicKey { return &must(ecdsa.GenerateKey(c, rand.Reader)).PublicKey }
)

func edKey() ed25519.PublicKey {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	return must(public, err)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// modulus gives an RSA public key of that many bits, which nobody could sign with.
func modulus(bits int, exponent int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: exponent}
}

func TestAKeyVerifiesOnlyTheAlgorithmsThatFitIt(t *testing.T) {
	tests := []struct {
		name string
		pin  string
		pub  crypto.PublicKey
		want string
	}{
		{"RSA", "", rsaKey(), "RS256 RS384 RS512 PS256 PS384 PS512"},
		{"RSA pinned to PS256", "PS256", rsaKey(), "PS256"},
		{"P-256", "", ecKey(elliptic.P256()), "ES256"},
		{"P-384", "", ecKey(elliptic.P384()), "ES384"},
		{"P-521", "", ecKey(elliptic.P521()), "ES512"},
		{"P-256 pinned", "ES256", ecKey(elliptic.P256()), "ES256"},
		{"Ed25519", "", edKey(), "EdDSA"},
	}
	every := append(jwks.Algorithms(), "none", "None", "", "HS256", "HS384", "HS512", "ES256K", "RSA-OAEP", "rs256", "RS256 ")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jwks.NewKey("id", tt.pin, tt.pub)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(slices.Clone(every), func(alg string) bool { return !key.Allows(alg) })
			if strings.Join(got, " ") != tt.want {
				t.Errorf("it allows %q, want %q", got, tt.want)
			}
		})
	}
	if slices.ContainsFunc(every, jwks.Key{}.Allows) {
		t.Error("the zero key allows something")
	}
}

func TestAKeyThatShouldNotVerifyIsRefused(t *testing.T) {
	off := *ecKey(elliptic.P256())
	off.Curve = elliptic.P384()
	even := modulus(2048, 65537)
	even.N.SetBit(even.N, 0, 0)
	tests := []struct {
		name string
		alg  string
		pub  crypto.PublicKey
		want string
	}{
		{"RSA of 2047 bits", "", modulus(2047, 65537), "2047 bits, fewer than 2048"},
		{"RSA of 8193 bits", "", modulus(8193, 65537), "8193 bits, more than 8192"},
		{"RSA without a modulus", "", &rsa.PublicKey{E: 3}, "0 bits"},
		{"RSA with an even modulus", "", even, "even"},
		{"RSA with exponent 1", "", modulus(2048, 1), "exponent"}, // every signature fits
		{"RSA with exponent 2", "", modulus(2048, 2), "exponent"},
		{"RSA with a negative exponent", "", modulus(2048, -3), "exponent"},
		{"RSA with a huge exponent", "", modulus(2048, 1<<40+1), "exponent"},
		{"EC off its curve", "", &off, "does not lie on its curve"},
		{"EC on P-224", "", ecKey(elliptic.P224()), "curve is neither"},
		{"Ed25519 too short", "", edKey()[:31], "wrong length"},
		{"Ed25519 of low order", "", ed25519.PublicKey(make([]byte, 32)), "low-order"}, // a signature fits any text
		{"alg of another curve", "ES384", ecKey(elliptic.P256()), `alg "ES384" does not fit a key on P-256`},
		{"alg of HMAC", "HS256", rsaKey(), `alg "HS256" does not fit an RSA key`},
		{"alg none", "none", edKey(), `alg "none" does not fit an Ed25519 key`},
		{"X25519", "", must(ecdh.X25519().GenerateKey(rand.Reader)).PublicKey(), "neither RSA, ECDSA nor Ed25519"},
		{"bytes", "", []byte("secret"), "neither RSA, ECDSA nor Ed25519"},
		{"nothing", "", nil, "neither RSA, ECDSA nor Ed25519"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwks.NewKey("id", tt.alg, tt.pub)
			if !errors.Is(err, jwks.ErrKey) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewKey: %v, want ErrKey with %q", err, tt.want)
			}
		})
	}
	for _, bits := range []int{2048, 8192} { // the bounds are inclusive
		if _, err := jwks.NewKey("", "", modulus(bits, 3)); err != nil {
			t.Errorf("RSA of %d bits: %v", bits, err)
		}
	}
}

// The example of RFC 7638 §3.1.
func TestAThumbprintIsThatOfTheRFC(t *testing.T) {
	n := must(base64.RawURLEncoding.DecodeString("0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"))
	key, err := jwks.NewKey("2011-04-29", "RS256", &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537})
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; err != nil || key.Thumbprint != want {
		t.Errorf("Thumbprint = %s, %v, want %s", key.Thumbprint, err, want)
	}
}
