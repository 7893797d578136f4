package decisionlog

import (
	"bytes"
	"slices"
	"sync"
)

// Bounds of what a Ring keeps: whichever is reached first.
const (
	maxRingLines = 1 << 14
	maxRingBytes = 8 << 20
)

// Ring keeps the last lines of a decision log, numbered from 1 on, so that they
// can be asked for and followed. Whoever reads too slowly loses lines and is told
// how many; nobody waits for a reader. The zero value is ready for use; its
// methods are safe for concurrent use.
type Ring struct {
	mu      sync.Mutex
	lines   [][]byte // of which the last has the number next-1
	next    uint64   // 0 stands for 1
	bytes   int
	changed chan struct{} // closed by the next Add; nil: nobody waits
	closed  bool
}

// Add keeps lines, each with its newline. The slice may be used again.
func (r *Ring) Add(batch []byte) {
	whole := bytes.Clone(batch)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = max(r.next, 1)
	for len(whole) > 0 {
		end := bytes.IndexByte(whole, '\n') + 1
		if end == 0 {
			end = len(whole)
		}
		r.lines = append(r.lines, whole[:end:end])
		r.bytes += end
		r.next++
		whole = whole[end:]
	}
	drop := 0
	for drop < len(r.lines)-1 && (len(r.lines)-drop > maxRingLines || r.bytes > maxRingBytes) {
		r.bytes -= len(r.lines[drop])
		r.lines[drop] = nil
		drop++
	}
	r.lines = r.lines[drop:]
	r.wake()
}

func (r *Ring) wake() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Close ends all followers.
func (r *Ring) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake()
}

// Part is a part of what a Ring keeps.
type Part struct {
	Lines   [][]byte // each with its newline; they must not be changed
	Skipped uint64   // how many lines are lost that were to come before
	Next    uint64   // to ask with for what follows
	// More is closed once there is more; nil where the ring is closed.
	More <-chan struct{}
}

// From returns at most n of the lines from a number on; 0 stands for the oldest
// that is there.
func (r *Ring) From(number uint64, n int) Part {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = max(r.next, 1)
	oldest := r.next - uint64(len(r.lines))
	p := Part{}
	if number == 0 {
		number = oldest
	}
	if number < oldest {
		p.Skipped, number = oldest-number, oldest
	}
	if number < r.next {
		at := int(number - oldest)
		p.Lines = append(p.Lines, r.lines[at:min(at+n, len(r.lines))]...)
	}
	p.Next = number + uint64(len(p.Lines))
	if !r.closed {
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		p.More = r.changed
	}
	return p
}

// Find is the last decision of a request, if it is among what is kept.
func (r *Ring) Find(requestID string) (Record, bool) {
	r.mu.Lock()
	lines := slices.Clone(r.lines)
	r.mu.Unlock()
	quoted := append([]byte(`"request_id":`), appendQuoted(nil, requestID)...)
	for i := len(lines) - 1; i >= 0; i-- {
		if !bytes.Contains(lines[i], quoted) {
			continue
		}
		if record, err := Parse(lines[i]); err == nil && record.RequestID == requestID {
			return record, true
		}
	}
	return Record{}, false
}
