package storagetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/storage"
)

// KeySet is a whole key set. Its ID is made of a name.
func KeySet(name string) jwks.StoredSet {
	return jwks.StoredSet{
		ID: sha256.Sum256([]byte(name)), Document: []byte(`{"keys":[{"kty":"?","kid":"<` + name + `>"}]}`),
		FetchedAt: Moment(), Until: Moment().Add(24 * time.Hour),
	}
}

func keepSets(t *testing.T, s storage.Store, sets ...jwks.StoredSet) {
	t.Helper()
	for _, set := range sets {
		if err := s.KeepKeySet(t.Context(), set); err != nil {
			t.Fatalf("KeepKeySet: %v", err)
		}
	}
}

// wantSet wants a set to be kept, as it comes back.
func wantSet(t *testing.T, s storage.Store, want jwks.StoredSet) {
	t.Helper()
	got, found, err := s.KeySet(t.Context(), want.ID)
	if err != nil || !found || got.ID != want.ID || !bytes.Equal(got.Document, want.Document) {
		t.Errorf("KeySet = %.100s, %t, %v, want %.100s", got.Document, found, err, want.Document)
	}
	if got.FetchedAt != want.FetchedAt.UTC() || got.Until != want.Until.UTC() {
		t.Errorf("it is of %s, until %s, want %s and %s", got.FetchedAt, got.Until, want.FetchedAt.UTC(), want.Until.UTC())
	}
}

func wantNoSet(t *testing.T, s storage.Store, name string) {
	t.Helper()
	got, found, err := s.KeySet(t.Context(), KeySet(name).ID)
	if err != nil || found || got.Document != nil {
		t.Errorf("KeySet of %s = %+v, %t, %v, want none", name, got, found, err)
	}
}

func keepsKeySets(t *testing.T, s storage.Store) {
	wantNoSet(t, s, "a")
	largest := KeySet("b")
	largest.Document = []byte(strings.Repeat("x", jwks.MaxBytes))
	keepSets(t, s, KeySet("a"), largest)
	wantSet(t, s, KeySet("a"))
	wantSet(t, s, largest)
	wantNoSet(t, s, "c")
}

func replacesKeySets(t *testing.T, s storage.Store) {
	newer := KeySet("a")
	newer.Document, newer.Until = []byte(`{"keys":[]}`), newer.Until.Add(time.Nanosecond)
	keepSets(t, s, KeySet("a"), KeySet("b"), newer)
	wantSet(t, s, newer)
	wantSet(t, s, KeySet("b"))
}

func forgetsKeySets(t *testing.T, s storage.Store) {
	if err := s.ForgetKeySets(t.Context(), Moment()); err != nil {
		t.Errorf("forgetting where there is nothing: %v", err)
	}
	long := KeySet("long")
	long.Until = long.Until.Add(time.Nanosecond)
	keepSets(t, s, long)
	for i := range 50 {
		keepSets(t, s, KeySet(fmt.Sprint("short", i)))
	}
	if err := s.ForgetKeySets(t.Context(), KeySet("").Until.Add(-time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	wantSet(t, s, KeySet("short7"))
	if err := s.ForgetKeySets(t.Context(), KeySet("").Until); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		wantNoSet(t, s, fmt.Sprint("short", i))
	}
	wantSet(t, s, long)
}

func refusesKeySets(t *testing.T, s storage.Store) {
	change := func(f func(*jwks.StoredSet)) jwks.StoredSet {
		set := KeySet("a")
		f(&set)
		return set
	}
	for name, set := range map[string]jwks.StoredSet{
		"no document":  change(func(s *jwks.StoredSet) { s.Document = nil }),
		"too large":    change(func(s *jwks.StoredSet) { s.Document = make([]byte, jwks.MaxBytes+1) }),
		"far future":   change(func(s *jwks.StoredSet) { s.Until = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"distant past": change(func(s *jwks.StoredSet) { s.FetchedAt = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) }),
	} {
		if err := s.KeepKeySet(t.Context(), set); !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	wantNoSet(t, s, "a")
}

func aliasesNoKeySet(t *testing.T, s storage.Store) {
	mine := KeySet("a")
	keepSets(t, s, mine)
	for range 2 { // the second round reads what the first may have spoilt
		clear(mine.Document)
		wantSet(t, s, KeySet("a"))
		got, _, err := s.KeySet(t.Context(), mine.ID)
		if err != nil {
			t.Fatal(err)
		}
		mine = got
	}
}

func closesKeySets(t *testing.T, s storage.Store) {
	keepSets(t, s, KeySet("a"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.KeySet(t.Context(), KeySet("a").ID); err == nil || found {
		t.Errorf("reading a key set after Close: %t, %v, want an error", found, err)
	}
	if err := s.KeepKeySet(t.Context(), KeySet("b")); err == nil {
		t.Error("keeping a key set after Close succeeded")
	}
	if err := s.ForgetKeySets(t.Context(), Moment()); err == nil {
		t.Error("forgetting key sets after Close succeeded")
	}
}
