package main

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

// auditLog writes decisions as JSON, one a line. A request only puts its line
// into memory; one goroutine writes whatever has come together, so that a slow
// terminal costs nobody time. Where the reader does not keep up at all,
// requests wait: a decision is never dropped.
type auditLog struct {
	recent decisionlog.Ring           // for those who ask the daemon
	form   atomic.Pointer[recordForm] // of what is recorded next
	spare  sync.Pool                  // of *[]byte: space for lines

	mu      sync.Mutex
	changed sync.Cond // pending grew, shrank, the sink changed or the log closed
	pending []byte
	sink    decisionSink // of what is written next
	closed  bool
	done    chan struct{}
}

// recordForm is which decisions are recorded, and what of them.
type recordForm struct {
	decisionlog.Options
	share float64 // of those that let in
}

// formOf is what a decision_log block chooses.
func formOf(l engine.DecisionLog) *recordForm {
	form := &recordForm{Options: decisionlog.Options{OmitInput: l.OmitInput, OmitClaims: l.OmitClaims}, share: 1}
	if l.Has("sample_allow") {
		form.share = l.SampleAllow
	}
	return form
}

// gather is how long lines come together after a write. The first line after a
// silence is written at once; under load, a write and a wake-up for each would
// cost more than most decisions do (measured: twice the CPU of a cached one).
const gather = 5 * time.Millisecond

// retryWrite is how long after a failed write the next is tried.
const retryWrite = 100 * time.Millisecond

// maxPending is how many bytes may wait to be written.
const maxPending = 4 << 20

// newAuditLog starts writing to a sink, which it closes in the end; failed is
// told of errors.
func newAuditLog(sink decisionSink, form *recordForm, failed func(error)) *auditLog {
	a := &auditLog{sink: sink, done: make(chan struct{})}
	a.changed.L = &a.mu
	a.form.Store(form)
	go a.write(failed)
	return a
}

var _ engine.Auditor = (*auditLog)(nil)

// Record queues a decision. Its line is made before others have to wait.
func (a *auditLog) Record(d *engine.Decision) {
	form := a.form.Load()
	if !decisionlog.Kept(d, form.share) {
		return
	}
	line, made := a.spare.Get().(*[]byte)
	if !made {
		line = new([]byte)
	}
	*line = decisionlog.Append((*line)[:0], d, form.Options)
	a.queue(*line)
	a.spare.Put(line)
}

// queue has a line written, and waits while too many are.
func (a *auditLog) queue(line []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.pending) > maxPending && !a.closed {
		a.changed.Wait()
	}
	a.pending = append(a.pending, line...)
	a.changed.Broadcast()
}

// follow has the log follow another configuration: the next decision is
// recorded in that form, and what is not yet written goes to the sink; nil stands
// for that which is there. No line is lost, and none is torn.
func (a *auditLog) follow(form *recordForm, sink decisionSink) {
	a.form.Store(form)
	if sink == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sink = sink
	a.changed.Broadcast()
}

// write writes what comes together until the log is closed.
func (a *auditLog) write(failed func(error)) {
	defer close(a.done)
	var batch []byte
	sink := a.current()
	for {
		a.mu.Lock()
		for len(a.pending) == 0 && !a.closed && a.sink == sink {
			a.changed.Wait()
		}
		ended := len(a.pending) == 0 && a.closed
		batch, a.pending = a.pending, batch[:0]
		a.changed.Broadcast()
		a.mu.Unlock()
		sink = a.move(sink, failed)
		if ended {
			tellFailure(sink.Close(), failed)
			return
		}
		if len(batch) == 0 {
			continue
		}
		a.recent.Add(batch)
		sink = a.writeBatch(sink, batch, failed)
		time.Sleep(gather)
	}
}

func (a *auditLog) current() decisionSink {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sink
}

// move goes on with the sink that is to be written to, and closes another one.
func (a *auditLog) move(from decisionSink, failed func(error)) decisionSink {
	to := a.current()
	if to != from {
		tellFailure(from.Close(), failed)
	}
	return to
}

func tellFailure(err error, failed func(error)) {
	if err != nil {
		failed(err)
	}
}

// writeBatch writes all of a batch, and returns the sink that it was written to
// in the end. Where writing fails, it tries again until the log is closed: lines
// wait, and in the end requests do, rather than be forgotten. Where there is
// another sink meanwhile, that is tried. A failure that goes on is told once.
func (a *auditLog) writeBatch(sink decisionSink, batch []byte, failed func(error)) decisionSink {
	for told := false; ; told = true {
		n, err := sink.Write(batch)
		if err == nil {
			return sink
		}
		if !told {
			failed(err)
		}
		if next := a.move(sink, failed); next != sink {
			batch, sink = wholeLines(batch, n), next
		} else {
			batch = batch[n:]
		}
		if a.isClosed() {
			return sink
		}
		time.Sleep(retryWrite)
	}
}

// wholeLines is a batch from the line on of which n bytes in were not written.
func wholeLines(batch []byte, n int) []byte {
	return batch[bytes.LastIndexByte(batch[:n], '\n')+1:]
}

func (a *auditLog) isClosed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed
}

// Close writes what is pending and ends.
func (a *auditLog) Close() {
	a.mu.Lock()
	a.closed = true
	a.changed.Broadcast()
	a.mu.Unlock()
	<-a.done
	a.recent.Close()
}
