package decisionlog

import (
	"bytes"
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
//
// Lines stand in one circle of bytes: to keep one costs a copy, and no work for
// the garbage collector.
type Ring struct {
	mu         sync.Mutex
	space      []byte        // the circle; nil before the first line
	starts     []uint64      // of lines, by their number: where they begin
	begin, end uint64        // of what is kept: bytes since the first line
	oldest     uint64        // number of the line at begin
	next       uint64        // number of the line that comes
	changed    chan struct{} // closed by the next Add; nil: nobody waits
	closed     bool
}

// Add keeps lines, each with its newline. The slice may be used again.
func (r *Ring) Add(batch []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prepare()
	for len(batch) > 0 {
		end := bytes.IndexByte(batch, '\n') + 1
		if end == 0 {
			end = len(batch)
		}
		if end <= maxRingBytes {
			r.add(batch[:end])
		}
		batch = batch[end:]
	}
	r.wake()
}

// prepare makes the circle. Its pages take no memory before they are used.
func (r *Ring) prepare() {
	if r.space == nil {
		r.space, r.starts = make([]byte, maxRingBytes), make([]uint64, maxRingLines)
		r.oldest, r.next = 1, 1
	}
}

func (r *Ring) add(line []byte) {
	for r.next-r.oldest == maxRingLines || r.end-r.begin+uint64(len(line)) > maxRingBytes {
		r.oldest++
		r.begin = r.end
		if r.oldest < r.next {
			r.begin = r.starts[r.oldest%maxRingLines]
		}
	}
	r.starts[r.next%maxRingLines] = r.end
	r.next++
	at := r.end % maxRingBytes
	n := copy(r.space[at:], line)
	copy(r.space, line[n:])
	r.end += uint64(len(line))
}

// line is a copy of one that is kept.
func (r *Ring) line(number uint64) []byte {
	from, to := r.starts[number%maxRingLines], r.end
	if number+1 < r.next {
		to = r.starts[(number+1)%maxRingLines]
	}
	line := make([]byte, to-from)
	n := copy(line, r.space[from%maxRingBytes:])
	copy(line[n:], r.space)
	return line
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
	r.prepare()
	p := Part{}
	if number == 0 {
		number = r.oldest
	}
	if number < r.oldest {
		p.Skipped, number = r.oldest-number, r.oldest
	}
	for ; number < r.next && len(p.Lines) < n; number++ {
		p.Lines = append(p.Lines, r.line(number))
	}
	p.Next = number
	if !r.closed {
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		p.More = r.changed
	}
	return p
}

// Find is the last decision of a request, if it is among what is kept. Those who
// record wait no longer than one line takes to be copied.
func (r *Ring) Find(requestID string) (Record, bool) {
	quoted := append([]byte(`"request_id":`), appendQuoted(nil, requestID)...)
	r.mu.Lock()
	number := r.next
	r.mu.Unlock()
	for number--; ; number-- {
		line, kept := r.at(number)
		if !kept {
			return Record{}, false
		}
		if !bytes.Contains(line, quoted) {
			continue
		}
		if record, err := Parse(line); err == nil && record.RequestID == requestID {
			return record, true
		}
	}
}

// at is the line of a number, where it is kept.
func (r *Ring) at(number uint64) (line []byte, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if number < r.oldest || number >= r.next {
		return nil, false
	}
	return r.line(number), true
}
