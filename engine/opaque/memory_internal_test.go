package opaque

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// numbered is the ID of one of many tokens.
func numbered(n int) tokenID {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// newTold is a remote, and what tells it of a verdict.
func newTold(t *testing.T) (r *Remote, tell func(n int, v verdict)) {
	c := NewCache(Options{})
	t.Cleanup(c.Close)
	r, err := c.Remote(Config{ProfileURL: "https://issuer.example"})
	if err != nil {
		t.Fatal(err)
	}
	return r, func(n int, v verdict) { r.record(&flight{id: numbered(n), done: make(chan struct{})}, v) }
}

func TestMadeUpTokensDisplaceNoRealOnes(t *testing.T) {
	r, tell := newTold(t)
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

func TestWhatIsRememberedTakes16MiBAtMost(t *testing.T) {
	for _, size := range []int{2, 600, 700, 8<<10 + 1, 32<<10 + 1, MaxAnswer} { // some are just beyond what is allocated in one piece
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r, tell := newTold(t)
			before := heap()
			for n := range maxRemembered + 1 {
				tell(-n, verdict{err: ErrInactive, keep: KeepInactive})
			}
			last := min(maxRemembered, maxAnswers/size+1) + 1 // more than fit
			for n := range last {
				tell(n+1, verdict{answer: make([]byte, size), keep: KeepActive})
			}
			if grown := heap() - before; grown > 16<<20 || grown < 3<<20 {
				t.Errorf("answers of %d bytes take %d bytes", size, grown)
			}
			if _, known := r.recall(numbered(last)); !known {
				t.Error("the last was not remembered")
			}
		})
	}
}

// heap is how much is in use on the heap.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
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
