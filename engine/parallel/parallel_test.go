package parallel_test

import (
	"sync/atomic"
	"testing"

	"github.com/m2md/m2md/engine/parallel"
)

func TestEachPartIsDoneOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		done := make([]atomic.Int32, n)
		parallel.Each(n, func(i int) { done[i].Add(1) })
		for i := range done {
			if times := done[i].Load(); times != 1 {
				t.Errorf("of %d parts, part %d was done %d times", n, i, times)
			}
		}
	}
}
