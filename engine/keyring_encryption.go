package engine

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// EncryptionKey is the secret that signing keys are encrypted with where they
// are kept: what HKDF (RFC 5869) derives keys from. nil is none. It prints as
// any Secret.
type EncryptionKey []byte

// String hides the key from fmt.
func (EncryptionKey) String() string { return Secret("").String() }

// GoString hides the key from %#v.
func (EncryptionKey) GoString() string { return Secret("").String() }

// leastEncryptionKey is in bytes.
const leastEncryptionKey = 32

// ErrEncryptionKey is the error of ParseEncryptionKey.
var ErrEncryptionKey = errors.New("a secret of 32 bytes or more is needed, as base64, hex or text: `openssl rand -base64 32` gives one")

// ParseEncryptionKey reads an encryption key of at least 32 bytes, white space
// around it aside. What looks like hex is hex, and else what looks like base64
// is base64, so that 32 digits do not count as 32 bytes; everything else is
// taken as it is.
func ParseEncryptionKey(content Secret) (EncryptionKey, error) {
	text := strings.TrimSpace(string(content))
	if text == "" {
		return nil, ErrEncryptionKey
	}
	key := []byte(text)
	if decoded, err := hex.DecodeString(text); err == nil {
		key = decoded
	} else if decoded, ok := decodeBase64(text); ok {
		key = decoded
	}
	if len(key) < leastEncryptionKey {
		return nil, ErrEncryptionKey
	}
	return key, nil
}

// decodeBase64 takes both alphabets, padded or not.
func decodeBase64(text string) ([]byte, bool) {
	plain := strings.TrimRight(text, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := encoding.DecodeString(plain); err == nil {
			return decoded, true
		}
	}
	return nil, false
}

// storage checks that the secrets for storage can be used.
func (c *compiler) storage() {
	s := c.spec.Storage
	check := func(file File, name, inFile, what string) {
		if !s.Has(name) && !s.Has(inFile) || s.Unknown[name] || s.Unknown[inFile] {
			return
		}
		if _, err := ParseEncryptionKey(file.Content); err != nil {
			c.fault(firstOf(s.Decl, name, inFile), what+" cannot be used", "What is given is too short: %s.", err)
		}
	}
	check(s.KeyEncryption, "key_encryption_key", "key_encryption_key_file", "the key encryption key")
	check(s.PreviousEncryption, "previous_key_encryption_key", "previous_key_encryption_key_file", "the previous key encryption key")
}
