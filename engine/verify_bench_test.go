package engine

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
)

// BenchmarkVerification compares, for a token of GitHub's size, what the
// algorithm alone costs (hash and public-key operation, "bare") with what m2md
// makes of it: its signature ("signature"), all from the text on ("new"), and a
// token that was verified before ("seen").
func BenchmarkVerification(b *testing.B) {
	ec, rsaKey := newP256(b), newRSA(b)
	for algorithm, signed := range map[string]struct {
		raw    string
		public crypto.PublicKey
	}{
		"ES256": {signES256(b, ec, es256Header, githubPayload), ec.Public()},
		"RS256": {signRS256(b, rsaKey, githubPayload), rsaKey.Public()},
	} {
		raw := signed.raw
		public, err := jwks.NewKey("k", algorithm, signed.public)
		if err != nil {
			b.Fatal(err)
		}
		token, err := parseJWS(raw)
		if err != nil {
			b.Fatal(err)
		}
		bare := func() bool {
			sum := sha256.Sum256([]byte(token.signed))
			if pub, ok := public.Public.(*rsa.PublicKey); ok {
				return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], token.signature) == nil
			}
			r, s := new(big.Int).SetBytes(token.signature[:32]), new(big.Int).SetBytes(token.signature[32:])
			return ecdsa.Verify(public.Public.(*ecdsa.PublicKey), sum[:], r, s)
		}
		seen := NewVerifiedTokens()
		seen.remember(raw, token, public)
		for name, verify := range map[string]func() bool{
			"bare":      bare,
			"signature": func() bool { return token.signedBy(public) },
			"new": func() bool {
				token, err := parseJWS(raw)
				return err == nil && token.signedBy(public)
			},
			"seen": func() bool {
				token, err := seen.parse(raw)
				return err == nil && token.signedBy(public)
			},
		} {
			b.Run(algorithm+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if !verify() {
						b.Fatal("it does not verify")
					}
				}
			})
		}
	}
}

func newRSA(b *testing.B) *rsa.PrivateKey {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	return key
}

func signRS256(b *testing.B, key *rsa.PrivateKey, payload string) string {
	b.Helper()
	input := segmentEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"k","typ":"JWT"}`)) + "." + segmentEncoding.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	return input + "." + segmentEncoding.EncodeToString(signature)
}
