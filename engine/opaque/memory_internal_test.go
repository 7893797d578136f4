package opaque

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// numbered is the ID of one of many tokens.
func numbered(n int) tokenID {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func TestMadeUpTokensDisplaceNoRealOnes(t *testing.T) {
	c := NewCache(Options{})
	t.Cleanup(c.Close)
	r, err := c.Remote(Config{ProfileURL: "https://issuer.example"})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(n int, v verdict) { r.record(&flight{id: numbered(n), done: make(chan struct{})}, v) }
	tell(0, verdict{answer: []byte("{}"), keep: KeepActive})
	const madeUp = 2 * maxRemembered
	for n := range madeUp {
		tell(n+1, verdict{err: fmt.Errorf("%w: made up", ErrInactive), keep: KeepInactive})
	}
	if _, known := r.recall(numbered(0)); !known {
		t.Error("the real one was displaced")
	}
	if _, known := r.recall(numbered(madeUp)); !known {
		t.Error("the last of the made-up ones was not remembered")
	}
	if _, known := r.recall(numbered(madeUp - maxRemembered)); known || r.refused.entries.Len() != maxRemembered {
		t.Errorf("%d made-up ones are remembered, want %d", r.refused.entries.Len(), maxRemembered)
	}
}

func TestAMemoryKeepsWithinItsBytes(t *testing.T) {
	m, now := newMemory(10*entryOverhead), time.Now()
	counted := func() (n int) {
		for _, id := range m.entries.Keys() {
			e, _ := m.entries.Peek(id)
			n += e.size()
		}
		return n
	}
	for n := range 1000 {
		keep := time.Duration(n%3) * time.Minute
		m.remember(numbered(n%50), verdict{answer: make([]byte, 7*n%(5*entryOverhead)), keep: keep}, now)
		m.recall(numbered(n%7), now.Add(90*time.Second)) // some are too old then, and go
		if m.bytes != counted() || m.bytes > m.maxBytes {
			t.Fatalf("after %d it counts %d bytes, they are %d of %d", n, m.bytes, counted(), m.maxBytes)
		}
	}
	if m.entries.Len() == 0 {
		t.Error("nothing is remembered")
	}
}
