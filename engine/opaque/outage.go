package opaque

import (
	"fmt"
	"time"
)

// Bounds of how long an issuer is not asked after a failure: twice as long each
// time.
const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// outage tells whether an issuer fails, and until when it is not asked. The
// zero value is an issuer that works.
type outage struct {
	failures int   // in a row
	err      error // of the last that counted
	until    time.Time
	turn     uint64 // counts what changed it
}

// blocks says why the issuer is not asked now; nil where it is. A time further
// away than was ever said means that the clock went back, and blocks nothing.
func (o *outage) blocks(now time.Time) error {
	left := o.until.Sub(now)
	if o.failures == 0 || left <= 0 || left > maxBackoff {
		return nil
	}
	return fmt.Errorf("%w (it is asked again in %s)", o.err, left.Round(time.Millisecond))
}

// failed notes the failure of a request that was begun in a turn. Of requests
// that fail together the first counts; one that fails where another succeeded
// meanwhile has troubles of its own.
func (o *outage) failed(begun uint64, err error, now time.Time) {
	if begun != o.turn {
		return
	}
	wait := minBackoff
	for range o.failures {
		wait = min(2*wait, maxBackoff)
	}
	o.turn++
	o.failures++
	o.err, o.until = err, now.Add(wait)
}

// succeeded notes that the issuer answered.
func (o *outage) succeeded() { *o = outage{turn: o.turn + 1} }
