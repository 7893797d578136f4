package storage_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/bolt"
	"github.com/m2md/m2md/storage/memory"
	"github.com/m2md/m2md/storage/storagetest"
)

// encryptionKey is one of 32 bytes.
func encryptionKey(b byte) engine.EncryptionKey { return bytes.Repeat([]byte{b}, 32) }

// plainKey is a key that nobody encrypted yet.
func plainKey(name, id string) engine.StoredKey {
	k := storagetest.Key(name, id, storagetest.Moment().UTC())
	k.Sealed = ""
	return k
}

// sealed opens the keys of a storage with some secrets; nil is none.
func sealed(t *testing.T, store engine.SigningKeyStore, key, previous engine.EncryptionKey) (*storage.SealedKeys, int) {
	t.Helper()
	keys, n, err := storage.SealKeys(t.Context(), store, storage.Encryption{Key: key, Previous: previous, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return keys, n
}

// readable wants the keys to be as they were made.
func readable(t *testing.T, keys engine.SigningKeyStore, want ...engine.StoredKey) {
	t.Helper()
	if got, err := keys.SigningKeys(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("SigningKeys = %v, %v\nwant %v", got, err, want)
	}
}

// kept wants all keys of a storage to be encrypted, or none.
func kept(t *testing.T, store engine.SigningKeyStore, encrypted bool) {
	t.Helper()
	all, err := store.SigningKeys(t.Context())
	if err != nil || len(all) == 0 {
		t.Fatalf("SigningKeys = %v, %v", all, err)
	}
	for _, k := range all {
		if plain := bytes.Contains(k.PKCS8, []byte("private")); (k.Sealed != "") != encrypted || plain == encrypted {
			t.Errorf("key %s: encrypted with %q, plain %t, want encrypted = %t", k.ID, k.Sealed, plain, encrypted)
		}
	}
}

func TestKeysAreEncryptedFromTheFirstStartWithASecretOn(t *testing.T) {
	store := memory.New()
	one, two := plainKey("main", "k1"), plainKey("main", "k2")
	keys, n := sealed(t, store, nil, nil)
	if err := keys.ChangeSigningKeys(t.Context(), []engine.StoredKey{one}, nil); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	kept(t, store, false)

	keys, n = sealed(t, store, encryptionKey(1), nil)
	if n != 1 {
		t.Errorf("%d keys were encrypted, want 1", n)
	}
	if err := keys.ChangeSigningKeys(t.Context(), []engine.StoredKey{two}, nil); err != nil {
		t.Fatal(err)
	}
	kept(t, store, true)
	readable(t, keys, one, two)

	again, n := sealed(t, store, encryptionKey(1), nil)
	if n != 0 {
		t.Errorf("%d keys were encrypted anew, want none", n)
	}
	readable(t, again, one, two)
	if err := again.ChangeSigningKeys(t.Context(), nil, []string{"k1"}); err != nil {
		t.Fatal(err)
	}
	readable(t, again, two)
}

func TestTheSecretOfKeysChangesAndGoesByNamingTheOneBefore(t *testing.T) {
	store := memory.New()
	one := plainKey("main", "k1")
	keys, _ := sealed(t, store, encryptionKey(1), nil)
	if err := keys.ChangeSigningKeys(t.Context(), []engine.StoredKey{one}, nil); err != nil {
		t.Fatal(err)
	}
	changed, n := sealed(t, store, encryptionKey(2), encryptionKey(1))
	if n != 1 {
		t.Errorf("%d keys were encrypted anew, want 1", n)
	}
	readable(t, changed, one)
	without, _ := sealed(t, store, encryptionKey(2), nil) // the previous one is needed no more
	readable(t, without, one)

	plain, n := sealed(t, store, nil, encryptionKey(2))
	if n != 1 {
		t.Errorf("%d keys were decrypted, want 1", n)
	}
	kept(t, store, false)
	readable(t, plain, one)
}

// failing is a storage that cannot be written.
type failing struct{ engine.SigningKeyStore }

func (failing) ChangeSigningKeys(context.Context, []engine.StoredKey, []string) error {
	return errors.New("the disk is full")
}

func TestKeysThatCannotBeReadAreToldWithTheirRemedyAndLeftAlone(t *testing.T) {
	tests := []struct {
		name          string
		key, previous engine.EncryptionKey
		spoil         func(*engine.StoredKey)
		want          error
		remedy        string
	}{
		{"no secret", nil, nil, nil, storage.ErrNoEncryptionKey, "give it in the storage block, by key_encryption_key_file"},
		{"another secret", encryptionKey(2), nil, nil, storage.ErrOtherEncryptionKey, "previous_key_encryption_key_file"},
		{"another secret and another one before", encryptionKey(2), encryptionKey(3), nil, storage.ErrOtherEncryptionKey, "previous_key_encryption_key_file"},
		{"a flipped bit", encryptionKey(1), nil, func(k *engine.StoredKey) { k.PKCS8[20] ^= 1 }, storage.ErrRecord, "restore a backup"},
		{"too short", encryptionKey(1), nil, func(k *engine.StoredKey) { k.PKCS8 = k.PKCS8[:5] }, storage.ErrRecord, "restore a backup"},
		{"in the record of another ID", encryptionKey(1), nil, func(k *engine.StoredKey) { k.ID = "k9" }, storage.ErrRecord, "restore a backup"},
		{"in the record of another name", encryptionKey(1), nil, func(k *engine.StoredKey) { k.Name = "other" }, storage.ErrRecord, "restore a backup"},
		{"for another algorithm", encryptionKey(1), nil, func(k *engine.StoredKey) { k.Algorithm = "ES384" }, storage.ErrRecord, "restore a backup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := memory.New()
			keys, _ := sealed(t, store, encryptionKey(1), nil)
			if err := keys.ChangeSigningKeys(t.Context(), []engine.StoredKey{plainKey("main", "k1")}, nil); err != nil {
				t.Fatal(err)
			}
			if tt.spoil != nil {
				all, err := store.SigningKeys(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				tt.spoil(&all[0])
				if err := store.ChangeSigningKeys(t.Context(), all, nil); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := store.SigningKeys(t.Context())
			_, _, err := storage.SealKeys(t.Context(), store, storage.Encryption{Key: tt.key, Previous: tt.previous, Random: rand.Reader})
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.remedy) {
				t.Errorf("SealKeys: %v\nwant %q with %q", err, tt.want, tt.remedy)
			}
			if err != nil && strings.Contains(err.Error(), "private") && !strings.Contains(err.Error(), "damaged") {
				t.Errorf("the error holds a key: %v", err)
			}
			if after, err := store.SigningKeys(t.Context()); err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("storage was changed: %v, %v", after, err)
			}
		})
	}
}

func TestAStorageThatCannotBeWrittenIsToldWhereKeysAreToBeEncrypted(t *testing.T) {
	store := memory.New()
	if err := store.ChangeSigningKeys(t.Context(), []engine.StoredKey{plainKey("main", "k1")}, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := storage.SealKeys(t.Context(), failing{store}, storage.Encryption{Key: encryptionKey(1), Random: rand.Reader}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("SealKeys: %v", err)
	}
	kept(t, store, false)
}

// Two keys of one content must not be seen to be the same.
func TestANonceIsDrawnForEachKey(t *testing.T) {
	store := memory.New()
	keys, _ := sealed(t, store, encryptionKey(1), nil)
	seen := map[string]bool{}
	for range 20 {
		if err := keys.ChangeSigningKeys(t.Context(), []engine.StoredKey{plainKey("main", "k1")}, nil); err != nil {
			t.Fatal(err)
		}
		all, err := store.SigningKeys(t.Context())
		if err != nil || seen[string(all[0].PKCS8)] {
			t.Fatalf("the ciphertext is one that was there before (%v)", err)
		}
		seen[string(all[0].PKCS8)] = true
	}
}

// What was plain once is not in the file any more, where it is scrubbed.
func TestAFileHoldsNoPlainKeyOnceItIsEncryptedAndScrubbed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	store, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	for i := range 30 {
		k := plainKey("main", fmt.Sprintf("k%02d", i))
		k.PKCS8 = bytes.Repeat([]byte("private key "), 40)
		if err := store.ChangeSigningKeys(t.Context(), []engine.StoredKey{k}, nil); err != nil {
			t.Fatal(err)
		}
	}
	plain := []byte("cHJpdmF0ZSBrZXkg") // base64, as records have it
	if content := read(t, path); !bytes.Contains(content, plain) {
		t.Fatal("the file holds no plain key before either: this test looks for the wrong thing")
	}
	keys, n := sealed(t, store, encryptionKey(1), nil)
	if n != 30 {
		t.Fatalf("%d keys were encrypted, want 30", n)
	}
	if content := read(t, path); !bytes.Contains(content, plain) {
		t.Log("bbolt left nothing behind by itself")
	}
	if err := store.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if content := read(t, path); bytes.Contains(content, plain) {
		t.Error("a plain key lies in the file")
	}
	if all, err := keys.SigningKeys(t.Context()); err != nil || len(all) != 30 || !bytes.Contains(all[29].PKCS8, []byte("private key")) {
		t.Errorf("%d keys, %v", len(all), err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = bolt.Open(bolt.Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	if all, err := store.SigningKeys(t.Context()); err != nil || len(all) != 30 {
		t.Errorf("after reopening: %d keys, %v", len(all), err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
