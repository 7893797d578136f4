package engine

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/m2md/m2md/engine/jwks"
)

// DefaultAlgorithm signs where the configuration does not choose: in Go its
// signature costs a twenty-eighth of RS256's, and every JWT library knows it.
const DefaultAlgorithm = "ES256"

// accessTokenType is the typ of what m2md issues (RFC 9068 §2.1).
const accessTokenType = "at+jwt"

// signer makes signatures with one private key. It is immutable.
type signer struct {
	public    jwks.Key // pinned to the algorithm
	algorithm algorithm
	private   crypto.Signer
	header    string // of an access token: base64url, the dot included
	idHeader  string // of an ID token, likewise
}

// newSigner prepares a private key. The algorithm must be one that it is for.
func newSigner(name string, private crypto.Signer) (*signer, error) {
	public, err := jwks.NewKey("", name, private.Public())
	if err != nil {
		return nil, err
	}
	public.ID = public.Thumbprint
	header := func(typ string) string {
		return segmentEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":%q,"kid":%q,"typ":%q}`, name, public.ID, typ)) + "."
	}
	return &signer{
		public:    public,
		algorithm: algorithms[name],
		private:   private,
		header:    header(accessTokenType),
		idHeader:  header("JWT"),
	}, nil
}

// sign returns the payload as a signed JWT in compact serialization. The header
// is one of the signer's.
func (s *signer) sign(random io.Reader, header string, payload []byte) (string, error) {
	size := segmentEncoding.EncodedLen(len(payload))
	token := make([]byte, len(header)+size, len(header)+size+700)
	copy(token, header)
	segmentEncoding.Encode(token[len(header):], payload)
	signature, err := s.signature(random, token)
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	token = append(token, '.')
	return string(base64.RawURLEncoding.AppendEncode(token, signature)), nil
}

func (s *signer) signature(random io.Reader, input []byte) ([]byte, error) {
	hash := s.algorithm.hash
	sum := digest(hash, string(input))
	switch key := s.private.(type) {
	case *ecdsa.PrivateKey:
		der, err := ecdsa.SignASN1(random, key, sum)
		if err != nil {
			return nil, err
		}
		return joinECDSA(der, (key.Curve.Params().BitSize+7)/8)
	case *rsa.PrivateKey:
		if s.public.Algorithm[0] == 'P' {
			return rsa.SignPSS(random, key, hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(random, key, hash, sum)
	default:
		return s.private.Sign(random, sum, hash)
	}
}

// joinECDSA turns the DER form of a signature into R and S side by side
// (RFC 7518 §3.4), each of size bytes.
func joinECDSA(der []byte, size int) ([]byte, error) {
	var inner cryptobyte.String
	input := cryptobyte.String(der)
	joined := make([]byte, 2*size)
	var r, s []byte
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || len(r) > size || len(s) > size {
		return nil, errors.New("the signature is not one of ECDSA")
	}
	copy(joined[size-len(r):], r)
	copy(joined[2*size-len(s):], s)
	return joined, nil
}

// generateKey makes a private key for an algorithm.
func generateKey(random io.Reader, name string) (crypto.Signer, error) {
	switch name {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), random)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), random)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), random)
	case "RS256", "PS256":
		return rsa.GenerateKey(random, 2048)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(random)
		return key, err
	default:
		return nil, fmt.Errorf("no key can be made for the algorithm %q", name)
	}
}

// newStoredKey makes a signing key to be kept under a name.
func newStoredKey(random io.Reader, name, algorithm string, now, activates time.Time) (StoredKey, *signer, error) {
	private, err := generateKey(random, algorithm)
	if err != nil {
		return StoredKey{}, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return StoredKey{}, nil, err
	}
	s, err := newSigner(algorithm, private)
	if err != nil {
		return StoredKey{}, nil, err
	}
	return StoredKey{Name: name, ID: s.public.ID, Algorithm: algorithm, PKCS8: der, CreatedAt: now, ActivatesAt: activates}, s, nil
}

// signer decodes a stored key.
func (k StoredKey) signer() (*signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.PKCS8)
	if err != nil {
		return nil, errors.New("the stored key is damaged: it is not PKCS #8")
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the stored key cannot sign")
	}
	s, err := newSigner(k.Algorithm, private)
	if err == nil && s.public.ID != k.ID {
		return nil, errors.New("the stored key is damaged: it is not the one that its ID names")
	}
	return s, err
}

// algorithmFor is what a brought key signs with where the configuration does
// not say: the one for its curve, or RS256.
func algorithmFor(private crypto.Signer) string {
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		switch key.Curve {
		case elliptic.P384():
			return "ES384"
		case elliptic.P521():
			return "ES512"
		}
		return "ES256"
	case ed25519.PrivateKey:
		return "EdDSA"
	default:
		return "RS256"
	}
}
