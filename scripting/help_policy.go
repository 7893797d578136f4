package scripting

import (
	"errors"

	"github.com/dop251/goja"
)

const (
	// askingFee is what it costs to ask another policy, besides what that one
	// uses: a runtime of its own.
	askingFee = 1 << 10

	// maxAsking bounds how many policies may ask each the next.
	maxAsking = 8
)

// callPolicy asks another policy about the same request. It counts to the
// deadline and the budget of who asks, and what it tells is kept. One that fails
// is an exception: !callPolicy("x") must not pass because x is broken.
func callPolicy(c help) goja.Value {
	callee, ok := c.run.in.Policies[c.text(0, "label")].(*Program)
	if !ok {
		c.fail("finds no policy of that label") // the engine compiles no such call
	}
	if c.run.depth() == maxAsking {
		c.fail("is %d calls deep", maxAsking)
	}
	c.run.spend(askingFee)
	pass := false
	run, err := callee.evaluate(c.run.ctx, c.run.in, c.run, func(_ *evaluation, v goja.Value) (err error) {
		pass, err = callee.decide(v)
		return err
	})
	if run != nil {
		run.answered()
	}
	if err != nil {
		c.run.stopWith(err)
		c.fail("has no answer: %s", err)
	}
	return c.answer(pass)
}

// stopWith ends the run where what it asked was stopped: nothing that could
// still be caught.
func (run *evaluation) stopWith(err error) {
	for _, why := range []error{errDeadline, errBudget, errCrowded, errRegex} {
		if errors.Is(err, why) {
			run.stop(why)
		}
	}
	if why := run.ctx.Err(); why != nil {
		run.stop(why)
	}
}

// answering has a run use what is left to the one that asked for it.
func (run *evaluation) answering(asking *evaluation) {
	run.asking, run.deadline, run.left = asking, asking.deadline, asking.left
}

// answered gives back what is left, and hands on what was told.
func (run *evaluation) answered() {
	run.asking.left = run.left
	for _, text := range run.messages {
		run.asking.messages = tell(run.asking.messages, text)
	}
	for _, text := range run.log {
		run.asking.log = tell(run.asking.log, text)
	}
}

// depth is how many runs wait for this one.
func (run *evaluation) depth() int {
	n := 0
	for one := run.asking; one != nil; one = one.asking {
		n++
	}
	return n
}

// first is the run that all of them are parts of.
func (run *evaluation) first() *evaluation {
	for run.asking != nil {
		run = run.asking
	}
	return run
}
