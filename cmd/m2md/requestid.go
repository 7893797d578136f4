package main

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"strconv"
	"sync/atomic"
)

// requestIDs gives ids that no other request of any daemon has: random text
// for the process, and a count. Three random digits end it: which records a
// sample keeps hangs on the id, and no client may know the next one's.
type requestIDs struct {
	process string
	count   atomic.Uint64
}

func newRequestIDs() *requestIDs { return &requestIDs{process: rand.Text()[:16] + "-"} }

// next returns the id of one more request.
func (r *requestIDs) next() string {
	var digits [20]byte
	id := strconv.AppendUint(digits[:0], r.count.Add(1), 36)
	for range 3 {
		id = append(id, "0123456789abcdefghijklmnopqrstuvwxyz"[mathrand.IntN(36)])
	}
	return r.process + string(id)
}
