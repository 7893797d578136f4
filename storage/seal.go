package storage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/m2md/m2md/engine"
)

// Errors of keys that are encrypted, wrapped with their remedies.
var (
	ErrNoEncryptionKey    = errors.New("the signing keys in storage are encrypted, and no key_encryption_key is given")
	ErrOtherEncryptionKey = errors.New("the signing keys in storage were encrypted with another key_encryption_key")
)

// Encryption says with what the private signing keys are encrypted where they
// are kept.
type Encryption struct {
	Key      engine.EncryptionKey // nil: they are not
	Previous engine.EncryptionKey // what some may still be encrypted with; nil for none
	Random   io.Reader            // of nonces
}

// SealedKeys are the signing keys of a storage, encrypted there by AES-256-GCM
// and plain for whoever has them from here. What else a record says of a key is
// not secret. SealKeys makes them.
type SealedKeys struct {
	store  engine.SigningKeyStore
	sealer *sealer            // nil: what is kept from now on is not encrypted
	opens  map[string]*sealer // by ID
}

var _ engine.SigningKeyStore = (*SealedKeys)(nil)

// SealKeys encrypts what is not encrypted with the key that it should be, tells
// how many keys that were, and returns the keys of store as they are used. It
// fails where one of them cannot be decrypted, and changes nothing then. What
// was encrypted anew may still lie about in store: see Store.Scrub.
func SealKeys(ctx context.Context, store engine.SigningKeyStore, e Encryption) (keys *SealedKeys, sealed int, err error) {
	keys = &SealedKeys{store: store, opens: map[string]*sealer{}}
	if _, err = keys.takes(e.Previous, e.Random); err != nil {
		return nil, 0, err
	}
	if keys.sealer, err = keys.takes(e.Key, e.Random); err != nil {
		return nil, 0, err
	}
	stored, err := store.SigningKeys(ctx)
	if err != nil {
		return nil, 0, err
	}
	var again []engine.StoredKey
	for _, k := range stored {
		opened, err := keys.open(k)
		if err != nil {
			return nil, 0, err
		}
		if k.Sealed != keys.id() {
			again = append(again, opened)
		}
	}
	if len(again) == 0 {
		return keys, 0, nil
	}
	return keys, len(again), keys.ChangeSigningKeys(ctx, again, nil)
}

// takes makes what was encrypted with a key readable; nil is none.
func (s *SealedKeys) takes(key engine.EncryptionKey, random io.Reader) (*sealer, error) {
	if key == nil {
		return nil, nil
	}
	one, err := newSealer(key, random)
	if err != nil {
		return nil, fmt.Errorf("deriving from the key_encryption_key: %w", err)
	}
	s.opens[one.id] = one
	return one, nil
}

// EncryptionID names an encryption key: it tells keys apart, and nothing of them.
// It is the Sealed of what is encrypted with that key.
func EncryptionID(key engine.EncryptionKey) (string, error) {
	one, err := newSealer(key, nil)
	if err != nil {
		return "", fmt.Errorf("deriving from the key_encryption_key: %w", err)
	}
	return one.id, nil
}

// id is that of the key that encrypts; "" for none.
func (s *SealedKeys) id() string {
	if s.sealer == nil {
		return ""
	}
	return s.sealer.id
}

// SigningKeys implements engine.SigningKeyStore.
func (s *SealedKeys) SigningKeys(ctx context.Context) ([]engine.StoredKey, error) {
	stored, err := s.store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		if stored[i], err = s.open(stored[i]); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// ChangeSigningKeys implements engine.SigningKeyStore.
func (s *SealedKeys) ChangeSigningKeys(ctx context.Context, put []engine.StoredKey, drop []string) error {
	if s.sealer == nil {
		return s.store.ChangeSigningKeys(ctx, put, drop)
	}
	sealed := make([]engine.StoredKey, len(put))
	for i, k := range put {
		var err error
		if sealed[i], err = s.sealer.seal(k); err != nil {
			return fmt.Errorf("encrypting a signing key: %w", err)
		}
	}
	return s.store.ChangeSigningKeys(ctx, sealed, drop)
}

// open decrypts a key as it is kept.
func (s *SealedKeys) open(k engine.StoredKey) (engine.StoredKey, error) {
	if k.Sealed == "" {
		return k, nil
	}
	with := s.opens[k.Sealed]
	switch {
	case with != nil:
		return with.open(k)
	case len(s.opens) == 0:
		return engine.StoredKey{}, fmt.Errorf("%w (its ID is %s); give it in the storage block, by key_encryption_key_file", ErrNoEncryptionKey, k.Sealed)
	default:
		return engine.StoredKey{}, fmt.Errorf("%w (its ID is %s) than is given; give that one, or name it by previous_key_encryption_key_file beside the new one, to change it", ErrOtherEncryptionKey, k.Sealed)
	}
}

// sealer encrypts and decrypts private keys with one key.
type sealer struct {
	id     string // tells keys apart, and nothing of them
	aead   cipher.AEAD
	random io.Reader
}

// sealerIDLength is in bytes.
const sealerIDLength = 8

func newSealer(key engine.EncryptionKey, random io.Reader) (*sealer, error) {
	derive := func(purpose string, length int) ([]byte, error) {
		return hkdf.Key(sha256.New, key, nil, "m2md signing keys: "+purpose, length)
	}
	id, err := derive("identifier", sealerIDLength)
	if err != nil {
		return nil, err
	}
	secret, err := derive("AES-256-GCM", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &sealer{hex.EncodeToString(id), aead, random}, nil
}

// seal encrypts the private part: a nonce, drawn at random as there are few
// keys, and the ciphertext behind it.
func (s *sealer) seal(k engine.StoredKey) (engine.StoredKey, error) {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(k.PKCS8)+s.aead.Overhead())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return engine.StoredKey{}, err
	}
	k.PKCS8, k.Sealed = s.aead.Seal(nonce, nonce, k.PKCS8, ownerOf(k)), s.id
	return k, nil
}

func (s *sealer) open(k engine.StoredKey) (engine.StoredKey, error) {
	size := s.aead.NonceSize()
	if len(k.PKCS8) < size {
		return engine.StoredKey{}, fmt.Errorf("%w: signing key %s is damaged; restore a backup", ErrRecord, k.ID)
	}
	plain, err := s.aead.Open(nil, k.PKCS8[:size], k.PKCS8[size:], ownerOf(k))
	if err != nil {
		return engine.StoredKey{}, fmt.Errorf("%w: signing key %s is damaged, or stands in the place of another; restore a backup", ErrRecord, k.ID)
	}
	k.PKCS8, k.Sealed = plain, ""
	return k, nil
}

// ownerOf binds a private key to its record: it cannot be put into another.
func ownerOf(k engine.StoredKey) []byte {
	return []byte(k.ID + "\x00" + k.Name + "\x00" + k.Algorithm)
}
