// Package parallel does the parts of a computation by all processors at once.
// It is a leaf: what is computed is its callers' business.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Each calls do for each number below n, as many at a time as there are
// processors, and returns when all are done. do must be safe for concurrent
// use; the order is not told.
func Each(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				do(i)
			}
		})
	}
	workers.Wait()
}
