package engine

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/strictjson"
)

// readPrivateKey reads a private key that the files bring along, from whichever
// form it has: PEM, a JWK (RFC 7517), or PKCS #12 (RFC 7292) with its password.
// named is the algorithm that a JWK is for; "" where the form says nothing. Its
// errors never hold key material.
func readPrivateKey(content []byte, password string) (private crypto.Signer, named string, err error) {
	switch text := bytes.TrimSpace(content); {
	case bytes.HasPrefix(text, []byte("{")):
		private, named, err = readPrivateJWK(text)
	case bytes.Contains(content, []byte("-----BEGIN ")):
		private, err = readPrivatePEM(content)
	case bytes.HasPrefix(content, []byte{0x30}): // a DER sequence
		private, err = readPKCS12(content, password)
		return private, "", err
	default:
		err = errors.New("it is neither PEM, JWK nor PKCS #12")
	}
	if err == nil && password != "" {
		err = errors.New("it is no PKCS #12 file, and a password opens nothing else")
	}
	return private, named, err
}

// readPrivatePEM reads PKCS #8, PKCS #1 or SEC 1. Other blocks, such as
// openssl's EC PARAMETERS, are passed over.
func readPrivatePEM(text []byte) (crypto.Signer, error) {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, errors.New("there is no PEM block with a private key in it")
		}
		text = rest
		parsed, err := parsePrivateBlock(block)
		if err != nil {
			return nil, fmt.Errorf("the PEM block %q cannot be read as a private key of that form", block.Type)
		}
		if private, ok := parsed.(crypto.Signer); ok {
			return private, nil
		}
	}
}

// parsePrivateBlock returns nil for a block that holds no private key.
func parsePrivateBlock(block *pem.Block) (any, error) {
	switch block.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("encrypted")
	default:
		return nil, nil
	}
}

// errPrivateJWK is all that is told of a JWK that cannot be read.
var errPrivateJWK = errors.New("it is no JWK of a private key (kty EC, RSA or OKP, with d)")

// readPrivateJWK reads one JWK (RFC 7518 §6, RFC 8037 §2). The public part that
// it states must be that of the private one.
func readPrivateJWK(raw []byte) (private crypto.Signer, algorithm string, err error) {
	members, err := strictjson.Object(raw)
	if err != nil {
		return nil, "", fmt.Errorf("as a JWK: %w", err)
	}
	defining := map[string]any{}
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "oth"} {
		if value, present := members[name]; present {
			defining[name] = value
		}
	}
	plain, err := json.Marshal(defining)
	if err != nil {
		return nil, "", errPrivateJWK
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(plain); err != nil { // its errors may quote
		return nil, "", errPrivateJWK
	}
	if private, err = derivedFrom(key.Key); err != nil {
		return nil, "", err
	}
	if stated := key.Public(); !sameKey(stated.Key, private.Public()) {
		return nil, "", errors.New("the public part of the JWK is not that of its private part")
	}
	algorithm, _ = members["alg"].(string)
	if _, known := algorithms[algorithm]; members["alg"] != nil && !known {
		return nil, "", errors.New("the alg of the JWK is none that m2md signs with")
	}
	return private, algorithm, nil
}

// derivedFrom takes a private key through PKCS #8, whose reader computes the
// public part anew.
func derivedFrom(key any) (crypto.Signer, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errPrivateJWK
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errPrivateJWK
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errPrivateJWK
	}
	return private, nil
}

func sameKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

// readPKCS12 reads the one private key of a PKCS #12 file.
func readPKCS12(content []byte, password string) (crypto.Signer, error) {
	key, _, _, err := pkcs12.DecodeChain(content, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword) && password == "":
		return nil, errors.New("it is a PKCS #12 file with a password, which password_file is to name")
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errors.New("the password of the PKCS #12 file is another")
	case err != nil:
		return nil, errors.New("it is no PKCS #12 file with one private key and its certificate")
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key of the PKCS #12 file cannot sign")
	}
	return private, nil
}

// readPublicKeys reads keys to be published: a JWK set, or PEM with public keys,
// certificates (of a chain, all of them) and private keys, of which the public
// part is taken. Each has its thumbprint as its kid.
func readPublicKeys(content []byte) ([]jwks.Key, error) {
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return readPublicSet(content)
	}
	var keys []jwks.Key
	for text := content; ; {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		public, err := parsePublicBlock(block)
		if err != nil {
			return nil, err
		}
		if public == nil {
			continue
		}
		key, err := jwks.NewKey("", "", public)
		if err != nil {
			return nil, err
		}
		key.ID = key.Thumbprint
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block with a key in it")
	}
	return keys, nil
}

// readPublicSet reads a JWK set, all of whose keys must be usable.
func readPublicSet(content []byte) ([]jwks.Key, error) {
	keys, skipped, err := jwks.Decode(content)
	if err != nil {
		return nil, errors.New(withoutQuotes(err.Error()))
	}
	if len(skipped) > 0 {
		return nil, fmt.Errorf("key %d of the set: %s", skipped[0].Index+1, withoutQuotes(skipped[0].Reason))
	}
	if len(keys) == 0 {
		return nil, errors.New("the set has no keys")
	}
	for i := range keys {
		keys[i].ID = keys[i].Thumbprint
	}
	return keys, nil
}

// parsePublicBlock returns nil for a block that holds no key.
func parsePublicBlock(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "CERTIFICATE", "PUBLIC KEY":
		key, _, err := parseCertificate(block)
		return key.Public, err
	case "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("a public key in it cannot be read")
		}
		return key, nil
	default:
		parsed, err := parsePrivateBlock(block)
		if err != nil {
			return nil, errors.New("a private key in it cannot be read")
		}
		if private, ok := parsed.(crypto.Signer); ok {
			return private.Public(), nil
		}
		return nil, nil
	}
}
