package opaque

import (
	"crypto/sha256"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// What a remote remembers at most. Tokens that are not active have a memory of
// their own, so that made-up ones displace no real one. Together they take at
// most 16 MiB: allocations are up to a fifth larger than what is asked for.
const (
	maxRemembered = 10_000    // tokens, in each of the two
	maxAnswers    = 10 << 20  // bytes, of active tokens
	maxRefusals   = 3_500_000 // likewise, of the others: enough for maxRemembered
	entryOverhead = 320       // bytes of an entry besides its answer
)

// tokenID is the SHA-256 of a token.
type tokenID [sha256.Size]byte

// memory remembers verdicts, the most recently used ones, bounded in number and
// bytes. It is not safe for concurrent use.
type memory struct {
	entries  *simplelru.LRU[tokenID, entry]
	bytes    int
	maxBytes int
}

type entry struct {
	answer      []byte
	err         error
	from, until int64 // Unix, in nanoseconds
}

func (e entry) size() int { return len(e.answer) + entryOverhead }

func newMemory(maxBytes int) *memory {
	m := &memory{maxBytes: maxBytes}
	entries, err := simplelru.NewLRU(maxRemembered, func(_ tokenID, e entry) { m.bytes -= e.size() })
	if err != nil {
		panic(err) // of its size, which is fixed
	}
	m.entries = entries
	return m
}

// recall returns the verdict on a token while it may be used. One from the
// future may not: the clock went back, and would keep it too long.
func (m *memory) recall(id tokenID, now time.Time) (verdict, bool) {
	e, found := m.entries.Get(id)
	if !found {
		return verdict{}, false
	}
	if at := now.UnixNano(); at < e.from || at >= e.until {
		m.entries.Remove(id)
		return verdict{}, false
	}
	return verdict{answer: e.answer, err: e.err}, true
}

// remember keeps a verdict for as long as it says, unless it is displaced.
func (m *memory) remember(id tokenID, v verdict, now time.Time) {
	if v.keep <= 0 {
		return
	}
	e := entry{answer: v.answer, err: v.err, from: now.UnixNano(), until: now.Add(v.keep).UnixNano()}
	m.entries.Remove(id) // so that its bytes are not counted twice
	m.entries.Add(id, e)
	for m.bytes += e.size(); m.bytes > m.maxBytes; {
		m.entries.RemoveOldest()
	}
}
