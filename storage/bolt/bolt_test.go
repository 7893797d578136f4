package bolt_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/bolt"
	"github.com/m2md/m2md/storage/storagetest"
)

func TestBoltKeepsWhatStoragePromises(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storage.Store { return open(t, filepath.Join(t.TempDir(), "m2md.db")) })
}

// open opens a storage that its test closes, or that is closed with it.
func open(t testing.TB, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWhatWasKeptIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	s := open(t, path)
	password, key := storagetest.Password("a1", "prometheus"), storagetest.Key("main", "k1", storagetest.Moment())
	brought := storagetest.Brought("b1", "prometheus")
	if err := s.CreateAppPassword(t.Context(), password, brought); err != nil {
		t.Fatal(err)
	}
	use := engine.LastUse{At: storagetest.Moment().UTC(), Provider: "loki"}
	if err := s.KeepAppPasswordUses(t.Context(), []engine.AppPasswordUse{{ID: "b1", LastUse: use}}); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeSigningKeys(t.Context(), []engine.StoredKey{key}, nil); err != nil {
		t.Fatal(err)
	}
	revoked, err := engine.RevokeAppPassword(t.Context(), s, "a1", storagetest.Moment())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if got, err := s.AppPassword(t.Context(), "a1"); err != nil || !reflect.DeepEqual(got, revoked) {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, revoked)
	}
	list, err := s.ListAppPasswords(t.Context(), engine.AppPasswordQuery{Account: "prometheus", Limit: 10})
	if err != nil || len(list) != 2 || list[1].LastUse != use {
		t.Errorf("ListAppPasswords = %+v, %v, want two, one of them used", list, err)
	}
	if found, anybody, err := s.BroughtAppPasswords(t.Context(), "prometheus", storagetest.Moment()); err != nil || !anybody || len(found) != 1 || found[0].Brought != brought.Brought {
		t.Errorf("BroughtAppPasswords = %+v, %t, %v", found, anybody, err)
	}
	keys, err := s.SigningKeys(t.Context())
	if err != nil || len(keys) != 1 || string(keys[0].PKCS8) != string(key.PKCS8) || !keys[0].CreatedAt.Equal(key.CreatedAt) {
		t.Errorf("SigningKeys = %v, %v, want %v", keys, err, key)
	}
}
