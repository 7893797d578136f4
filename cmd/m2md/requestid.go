package main

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
)

// requestIDs gives ids that no other request of any daemon has: random text
// for the process, and a count. Nothing rests on their being hard to guess.
type requestIDs struct {
	process string
	count   atomic.Uint64
}

func newRequestIDs() *requestIDs { return &requestIDs{process: rand.Text()[:16] + "-"} }

// next returns the id of one more request.
func (r *requestIDs) next() string {
	var digits [20]byte
	return r.process + string(strconv.AppendUint(digits[:0], r.count.Add(1), 36))
}
