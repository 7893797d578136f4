package bolt_test

import (
	"errors"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/storagetest"
)

func TestKeySetsAreThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	s := open(t, path)
	kept := storagetest.KeySet("a")
	if err := errors.Join(s.KeepKeySet(t.Context(), kept), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	got, found, err := s.KeySet(t.Context(), kept.ID)
	if err != nil || !found || string(got.Document) != string(kept.Document) || !got.Until.Equal(kept.Until) || !got.FetchedAt.Equal(kept.FetchedAt) {
		t.Errorf("KeySet = %+v, %t, %v, want %+v", got, found, err, kept)
	}
}

// A damaged record costs only itself, and is gone once old sets are forgotten.
func TestADamagedKeySetCostsOnlyItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m2md.db")
	damaged, whole := storagetest.KeySet("damaged"), storagetest.KeySet("whole")
	s := open(t, path)
	if err := errors.Join(s.KeepKeySet(t.Context(), damaged), s.KeepKeySet(t.Context(), whole), s.Close()); err != nil {
		t.Fatal(err)
	}
	change(t, path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("key_sets")).Put(damaged.ID[:], []byte(`{"v":1,"id":`))
	})
	s = open(t, path)
	if _, found, err := s.KeySet(t.Context(), damaged.ID); !errors.Is(err, storage.ErrRecord) || found {
		t.Errorf("KeySet = %t, %v, want ErrRecord", found, err)
	}
	for _, step := range []string{"as it is", "after forgetting"} {
		if _, found, err := s.KeySet(t.Context(), whole.ID); err != nil || !found {
			t.Errorf("the whole one, %s: %t, %v", step, found, err)
		}
		if err := s.ForgetKeySets(t.Context(), storagetest.Moment()); err != nil {
			t.Fatal(err)
		}
	}
	if _, found, err := s.KeySet(t.Context(), damaged.ID); err != nil || found {
		t.Errorf("after forgetting: %t, %v, want none", found, err)
	}
	if err := s.KeepKeySet(t.Context(), damaged); err != nil {
		t.Errorf("keeping another in its place: %v", err)
	}
}

// change writes to the file of a closed storage, as damage would.
func change(t *testing.T, path string, write func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(write), db.Close()); err != nil {
		t.Fatal(err)
	}
}
