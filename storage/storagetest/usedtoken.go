package storagetest

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/storage"
)

// token is a made-up hash.
func token(n uint64) (t [32]byte) {
	binary.BigEndian.PutUint64(t[:], n)
	return t
}

// use marks a token and fails the test on an error.
func use(t *testing.T, s storage.Store, n uint64, now, until time.Time) bool {
	t.Helper()
	first, err := s.UseToken(t.Context(), token(n), now, until)
	if err != nil {
		t.Fatalf("UseToken: %v", err)
	}
	return first
}

func usesTokenOnce(t *testing.T, s storage.Store) {
	now := Moment()
	until := now.Add(time.Hour)
	if !use(t, s, 1, now, until) {
		t.Error("the first use is not the first")
	}
	for _, later := range []time.Duration{0, time.Minute, time.Hour - time.Nanosecond} {
		if use(t, s, 1, now.Add(later), until) {
			t.Errorf("a use %s later is a first one", later)
		}
	}
	if !use(t, s, 2, now, until) {
		t.Error("the first use of another token is not the first")
	}
}

func usesTokenOnceConcurrently(t *testing.T, s storage.Store) {
	var firsts atomic.Int32
	var users sync.WaitGroup
	for range 16 {
		users.Go(func() {
			first, err := s.UseToken(t.Context(), token(1), Moment(), Moment().Add(time.Hour))
			if err != nil {
				t.Errorf("UseToken: %v", err)
			}
			if first {
				firsts.Add(1)
			}
		})
	}
	users.Wait()
	if n := firsts.Load(); n != 1 {
		t.Errorf("%d of 16 were the first", n)
	}
}

// Each token lives for a second; the clock moves on by one with each use. A
// storage that kept them all would still know the first ones.
func forgetsUsedTokens(t *testing.T, s storage.Store) {
	const tokens = 200
	for n := range uint64(tokens) {
		now := Moment().Add(time.Duration(n) * 10 * time.Second)
		if !use(t, s, n, now, now.Add(time.Second)) {
			t.Fatalf("the first use of token %d is not the first", n)
		}
	}
	after, known := Moment().Add(tokens*10*time.Second), 0
	for n := range uint64(tokens) {
		if !use(t, s, n, after, after.Add(time.Second)) {
			known++
		}
	}
	if known > tokens/10 {
		t.Errorf("%d of %d expired tokens are still kept", known, tokens)
	}
}
