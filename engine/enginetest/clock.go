package enginetest

import (
	"sync"
	"time"
)

// Clock is a clock that goes on like any other and can be put forward. The
// zero value shows the real time. It is safe for concurrent use.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance puts the clock forward, or back for a negative d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
