package enginetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/m2md/m2md/engine"
)

var _ engine.Auditor = (*Recorder)(nil)

// Recorder is an engine.Auditor that keeps every decision. The zero value is
// ready for use, by any number of goroutines.
type Recorder struct {
	mu        sync.Mutex
	decisions []engine.Decision
}

// Record implements engine.Auditor.
func (r *Recorder) Record(d *engine.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decisions = append(r.decisions, *d)
}

// All are the decisions so far, in their order.
func (r *Recorder) All() []engine.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.decisions)
}

// Last is the latest decision. It ends the test where there is none.
func (r *Recorder) Last(t testing.TB) engine.Decision {
	t.Helper()
	all := r.All()
	if len(all) == 0 {
		t.Fatal("no decision was recorded")
	}
	return all[len(all)-1]
}
