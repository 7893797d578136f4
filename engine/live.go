package engine

import "sync/atomic"

// Live is the generation that serves. Readers take it once per request and
// keep it to the request's end; Swap puts another in its place at once, for
// all requests that begin afterwards. The zero value serves nothing yet.
type Live struct {
	current atomic.Pointer[Engine]
}

// Load returns the serving generation, or nil before the first Swap.
func (l *Live) Load() *Engine { return l.current.Load() }

// Swap makes e the serving generation. It cannot fail: whatever can was done
// by Compile.
func (l *Live) Swap(e *Engine) { l.current.Store(e) }
