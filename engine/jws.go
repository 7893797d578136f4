package engine

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/m2md/m2md/engine/strictjson"
)

// maxJWT bounds the length of a JWT in bytes. Those of CI systems and clusters
// have one to four kilobytes.
const maxJWT = 16 << 10

// jws is a JWT in JWS Compact Serialization (RFC 7515 §7.1), decoded but not
// yet verified: until verifiedBy has said so, nothing in it is true.
type jws struct {
	header    jwsHeader
	claims    Claims
	signed    string // what the signature covers: header and payload, as received
	signature []byte
	// signer is the thumbprint of the key that was found to have signed, where
	// VerifiedTokens knew it; signed and signature are empty then.
	signer string
}

// jwsHeader holds the header parameters that m2md looks at. Those that carry
// or point to keys (jwk, jku, x5c, x5u) are not among them: a key comes from
// the configuration alone (RFC 8725 §3.10).
type jwsHeader struct {
	Algorithm string // alg
	KeyID     string // kid
	Type      string // typ
}

// parseJWS decodes strictly: three segments of canonical base64url, no
// duplicate members, no extension that would change what is signed. Its errors
// name what is wrong and never repeat the input.
//
// It stands here, rather than go-jose's parser, because that one decodes keys
// and certificates of the header before any signature was verified, takes
// base64 that is not canonical, and decodes the header three times.
func parseJWS(raw string) (*jws, error) {
	if len(raw) > maxJWT {
		return nil, errors.New("the JWT is longer than 16 KiB")
	}
	if strings.ContainsAny(raw, "\r\n") { // which encoding/base64 skips
		return nil, errors.New("the JWT holds a line break")
	}
	head, rest, ok := strings.Cut(raw, ".")
	body, tail, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || strings.Contains(tail, ".") {
		return nil, errors.New("a JWT has three parts, separated by dots")
	}
	token := &jws{signed: raw[:len(head)+1+len(body)]}
	header, err := decodeSegment(head)
	if err != nil {
		return nil, fmt.Errorf("the JWT's header: %w", err)
	}
	if token.header, err = readHeader(header); err != nil {
		return nil, err
	}
	if token.claims, err = decodeSegment(body); err != nil {
		return nil, fmt.Errorf("the JWT's payload: %w", err)
	}
	signature, err := segmentEncoding.DecodeString(tail)
	if err != nil || len(signature) == 0 {
		return nil, errors.New("the JWT's signature is missing or not base64url")
	}
	token.signature = signature
	return token, nil
}

// segmentEncoding is base64url without padding, refusing stray bits at the end.
var segmentEncoding = base64.RawURLEncoding.Strict()

// readHeader takes what m2md looks at from a header, and refuses the
// extensions that would change what is signed or how it is read.
func readHeader(header Claims) (h jwsHeader, err error) {
	for _, name := range []string{"crit", "b64", "zip"} {
		if _, used := header[name]; used {
			return h, errors.New("the JWT's header uses crit, b64 or zip, which are not accepted")
		}
	}
	for name, into := range map[string]*string{"alg": &h.Algorithm, "kid": &h.KeyID, "typ": &h.Type} {
		if *into, err = header.text(name); err != nil {
			return h, errors.New("the JWT's header: alg, kid or typ is not a string")
		}
	}
	return h, nil
}

// checkType refuses what was signed for another purpose than to say who
// somebody is, as a logout token by the same issuer with the same key
// (RFC 8725 §3.11 and §3.12). Most issuers say JWT, or nothing.
func (h jwsHeader) checkType() error {
	if h.Type == "" {
		return nil
	}
	switch mediaType(h.Type) {
	case "jwt", "jose", "at+jwt", "client-authentication+jwt", "authorization-grant+jwt":
		return nil
	default:
		return fmt.Errorf("the JWT was made for another purpose: its typ is %q", shorten(h.Type, 40))
	}
}

// decodeSegment decodes a JSON object, which begins at its first byte.
func decodeSegment(segment string) (Claims, error) {
	plain, err := segmentEncoding.DecodeString(segment)
	if err != nil {
		return nil, errors.New("it is not base64url")
	}
	if len(plain) == 0 || plain[0] != '{' {
		return nil, strictjson.ErrNoObject
	}
	return strictjson.Object(plain)
}

// algorithm is what a JWS algorithm name (RFC 7518 §3.1, RFC 8037) stands for.
type algorithm struct {
	hash   crypto.Hash // 0 for EdDSA, which hashes by itself
	verify func(pub crypto.PublicKey, hash crypto.Hash, digest, signature []byte) bool
}

// algorithms are those that m2md verifies and signs: asymmetric, all of them.
// "none" and HMAC are no entries, so no header can choose them.
var algorithms = map[string]algorithm{
	"RS256": {crypto.SHA256, verifyPKCS1v15}, "RS384": {crypto.SHA384, verifyPKCS1v15}, "RS512": {crypto.SHA512, verifyPKCS1v15},
	"PS256": {crypto.SHA256, verifyPSS}, "PS384": {crypto.SHA384, verifyPSS}, "PS512": {crypto.SHA512, verifyPSS},
	"ES256": {crypto.SHA256, verifyECDSA}, "ES384": {crypto.SHA384, verifyECDSA}, "ES512": {crypto.SHA512, verifyECDSA},
	"EdDSA": {0, verifyEd25519},
}

// verifiedBy says whether the key made the signature. That the key may be used
// for the header's algorithm at all must have been checked: Key.Allows.
func (t *jws) verifiedBy(pub crypto.PublicKey) bool {
	alg, known := algorithms[t.header.Algorithm]
	if !known {
		return false
	}
	return alg.verify(pub, alg.hash, digest(alg.hash, t.signed), t.signature)
}

// digest hashes the signing input, or returns it as it is for hash 0.
func digest(hash crypto.Hash, input string) []byte {
	if hash == 0 {
		return []byte(input)
	}
	h := hash.New()
	h.Write([]byte(input))
	return h.Sum(nil)
}

func verifyPKCS1v15(pub crypto.PublicKey, hash crypto.Hash, digest, signature []byte) bool {
	key, ok := pub.(*rsa.PublicKey)
	return ok && rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
}

// verifyPSS wants a salt as long as the hash, as RFC 7518 §3.5 does.
func verifyPSS(pub crypto.PublicKey, hash crypto.Hash, digest, signature []byte) bool {
	key, ok := pub.(*rsa.PublicKey)
	return ok && rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
}

// verifyECDSA wants R and S side by side, each as long as the curve's order
// (RFC 7518 §3.4).
func verifyECDSA(pub crypto.PublicKey, _ crypto.Hash, digest, signature []byte) bool {
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s)
}

func verifyEd25519(pub crypto.PublicKey, _ crypto.Hash, message, signature []byte) bool {
	key, ok := pub.(ed25519.PublicKey)
	return ok && ed25519.Verify(key, message, signature)
}
