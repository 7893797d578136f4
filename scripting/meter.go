package scripting

import (
	"context"
	"time"

	"github.com/dop251/goja"
)

// An evaluation pays for what it does in units: one for each step of the
// script, as the weights in analyse.go say, and one for each character and
// element that is made or walked through natively. A unit stands for at most
// about 64 bytes and 100 ns. A policy over a JWT needs some hundred of them, and
// the same script needs the same on each machine and at each hour: the deadline
// is only for what the units do not see.
const (
	// budget is all that one evaluation may use.
	budget = 1 << 19

	// watched is what it may use before each native function is guarded. Until
	// then only those are that could do harm in one call: with so few calls, on
	// claims of at most 16 KiB, the others cannot.
	watched = 4 << 10

	// light is what it may use before it needs one of the Compiler's places:
	// some milliseconds.
	light = 64 << 10
)

// use takes n units off what the evaluation has left. Where that is too
// little, the run ends: the exception unwinds the natives, and the interrupt
// keeps the script from catching it.
func (run *evaluation) use(n int) {
	if n < 0 || n > run.left {
		run.stop(errBudget)
	}
	if run.left -= n; run.left < run.next {
		run.shift()
	}
}

// spend is use for natives, which also look at the clock now and then.
func (run *evaluation) spend(n int) {
	run.use(n)
	if run.unread += n + 16; run.unread < 4<<10 {
		return
	}
	run.unread = 0
	if time.Now().After(run.deadline) {
		run.stop(errDeadline)
	}
}

func (run *evaluation) stop(why error) {
	if run.stopped == nil {
		run.stopped = why
	}
	run.rt.Interrupt(why)
	panic(run.rt.NewTypeError(why.Error()))
}

// shift is called when so much was used that the run is to be treated with
// more care. From then on it also ends with the request that asked for it; a
// shorter one is not worth the watch.
func (run *evaluation) shift() {
	if !run.guarded {
		run.guarded = true
		run.next = budget - light
		run.guardAll()
		run.forget = context.AfterFunc(run.ctx, func() { run.rt.Interrupt(run.ctx.Err()) })
	}
	if run.left < budget-light {
		run.next = 0
		run.takePlace()
	}
}

// takePlace waits until the run may use more than the light ones do. There are
// fewer places than processors, so that such runs, however many requests ask
// for them, slow down nobody else and use no more memory than so many of them.
func (run *evaluation) takePlace() {
	first := run.first() // which keeps it for those that it asks
	if first.place {
		return
	}
	wait := time.NewTimer(time.Until(run.deadline))
	defer wait.Stop()
	select {
	case run.places <- struct{}{}:
		first.place = true
	case <-run.ctx.Done():
		run.stop(run.ctx.Err())
	case <-wait.C:
		run.stop(errCrowded)
	}
}

// leave gives back the place, if the run had one.
func (run *evaluation) leave() {
	if run.forget != nil {
		run.forget()
	}
	if run.place {
		<-run.places
	}
}

// meter is how the rewritten script pays: it reads element n for n steps, and
// writes what it made to one of the elements below. An array costs a tenth of
// what a native function does, to make and to call.
type meter evaluation

// The elements of the meter that are written.
const (
	paysLength = iota // a string: its length
	paysKeys          // an object: its properties
	isThrown          // what the script itself throws
)

var _ goja.DynamicArray = (*meter)(nil)

func (m *meter) Get(units int) goja.Value {
	(*evaluation)(m).use(units)
	return nil
}

func (m *meter) Set(what int, v goja.Value) bool {
	run := (*evaluation)(m)
	switch what {
	case paysLength:
		if text, ok := v.(goja.String); ok {
			run.spend(text.Length())
		}
	case paysKeys:
		run.spend(keysOf(v))
	default:
		run.raised = v
	}
	return true
}

func (*meter) Len() int        { return budget }
func (*meter) SetLen(int) bool { return false }
