package engine

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"

	"github.com/m2md/m2md/engine/jwks"
)

// PublicSet encodes keys as a JWK set (RFC 7517 §5).
func PublicSet(keys []jwks.Key) []byte { return publicKeys(keys) }

// PublicPEM encodes keys as PEM, PKIX each.
func PublicPEM(keys []jwks.Key) []byte {
	var all []byte
	for _, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key.Public)
		if err != nil {
			panic(err) // every key was checked when it was read or made
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	return all
}

// PublicKey is the public part of a stored key that is not encrypted.
func (k StoredKey) PublicKey() (jwks.Key, error) {
	one, err := k.signer()
	if err != nil {
		return jwks.Key{}, err
	}
	return one.public, nil
}

// certificateYears is how long a certificate of a key is valid: longer than the
// key signs. It is not what ends a key.
const certificateYears = 10

// certificateAlgorithms are what a key signs its own certificate with.
var certificateAlgorithms = map[string]x509.SignatureAlgorithm{
	"RS256": x509.SHA256WithRSA, "PS256": x509.SHA256WithRSAPSS,
	"ES256": x509.ECDSAWithSHA256, "ES384": x509.ECDSAWithSHA384, "ES512": x509.ECDSAWithSHA512,
	"EdDSA": x509.PureEd25519,
}

// Certificate makes a self-signed certificate (RFC 5280), PEM, for a stored key
// that is not encrypted, for programs that want one in the place of a public
// key: CN is the key's name. It is the same each time, but for the signature of
// PS256, which has a salt.
func (k StoredKey) Certificate(random io.Reader) ([]byte, error) {
	one, err := k.signer()
	if err != nil {
		return nil, err
	}
	serial := sha256.Sum256([]byte(k.ID))
	begin := k.CreatedAt.UTC()
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes(append([]byte{1}, serial[:15]...)), // positive, and never longer than 20 bytes
		Subject:            pkix.Name{CommonName: k.Name},
		NotBefore:          begin,
		NotAfter:           begin.AddDate(certificateYears, 0, 0),
		KeyUsage:           x509.KeyUsageDigitalSignature,
		SignatureAlgorithm: certificateAlgorithms[k.Algorithm],
	}
	if k.Name == "" {
		template.Subject.CommonName = "m2md"
	}
	der, err := x509.CreateCertificate(random, template, template, one.private.Public(), deterministic{one.private})
	if err != nil {
		return nil, fmt.Errorf("making a certificate of signing key %s: %w", k.ID, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// deterministic signs without randomness where that is safe: ECDSA as of RFC
// 6979, and what has none.
type deterministic struct{ crypto.Signer }

// Sign implements crypto.Signer.
func (d deterministic) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if _, salted := d.Signer.(*rsa.PrivateKey); salted {
		return d.Signer.Sign(random, digest, opts)
	}
	return d.Signer.Sign(nil, digest, opts)
}
