package main

import (
	"encoding/json"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
)

// auditLog writes decisions as JSON, one a line. A request only puts its line
// into memory; one goroutine writes whatever has come together, so that a slow
// terminal costs nobody time. Where the reader does not keep up at all,
// requests wait: a decision is never dropped.
type auditLog struct {
	mu      sync.Mutex
	changed sync.Cond // pending grew, shrank or the log closed
	pending []byte
	closed  bool
	done    chan struct{}
}

// gather is how long lines come together after a write. The first line after a
// silence is written at once; under load, a write and a wake-up for each would
// cost more than most decisions do (measured: twice the CPU of a cached one).
const gather = 5 * time.Millisecond

// retryWrite is how long after a failed write the next is tried.
const retryWrite = 100 * time.Millisecond

// maxPending is how many bytes may wait to be written.
const maxPending = 4 << 20

// newAuditLog starts writing to w; failed is told of errors.
func newAuditLog(w io.Writer, failed func(error)) *auditLog {
	a := &auditLog{done: make(chan struct{})}
	a.changed.L = &a.mu
	go a.writeTo(w, failed)
	return a
}

var _ engine.Auditor = (*auditLog)(nil)

// Record queues a decision.
func (a *auditLog) Record(d *engine.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.pending) > maxPending && !a.closed {
		a.changed.Wait()
	}
	a.pending = appendDecision(a.pending, d)
	a.changed.Broadcast()
}

// appendDecision appends a decision as a line of JSON. Every key is always
// there. It is written by hand because it stands on the path of every request.
func appendDecision(line []byte, d *engine.Decision) []byte {
	line = append(line, `{"time":"`...)
	line = d.Time.UTC().AppendFormat(line, time.RFC3339Nano)
	line = appendText(append(line, `","msg":"decision"`...), "request_id", d.RequestID)
	line = appendText(line, "door", d.Door)
	line = appendText(line, "provider", d.Provider)
	line = appendText(line, "grant", d.Grant)
	line = appendText(line, "proof", d.Proof)
	line = appendText(line, "subject", d.Subject)
	line = appendText(line, "source", d.Source)
	line = appendText(line, "via", d.Via)
	line = appendText(line, "actor", d.Actor)
	line = appendText(line, "rule", d.Rule)
	line = appendText(line, "outcome", string(d.Outcome))
	line = appendText(line, "reason", d.Reason)
	line = strconv.AppendUint(append(line, `,"generation":`...), d.Generation, 10)
	line = appendText(line, "token_id", d.TokenID)
	line = append(line, `,"client_ip":"`...)
	if d.ClientIP.IsValid() {
		line = d.ClientIP.WithZone("").AppendTo(line)
	}
	line = strconv.AppendInt(append(line, `","duration_us":`...), int64(d.Duration/time.Microsecond), 10)
	return append(line, "}\n"...)
}

// appendText appends a member whose value is any text.
func appendText(line []byte, name, value string) []byte {
	line = append(line, `,"`...)
	line = append(line, name...)
	line = append(line, `":`...)
	if plainASCII(value) {
		line = append(line, '"')
		line = append(line, value...)
		return append(line, '"')
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string always encodes
	}
	return append(line, quoted...)
}

// plainASCII says whether a text stands in JSON as it is.
func plainASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func (a *auditLog) writeTo(w io.Writer, failed func(error)) {
	defer close(a.done)
	var batch []byte
	for {
		a.mu.Lock()
		for len(a.pending) == 0 && !a.closed {
			a.changed.Wait()
		}
		if len(a.pending) == 0 {
			a.mu.Unlock()
			return
		}
		batch, a.pending = a.pending, batch[:0]
		a.changed.Broadcast()
		a.mu.Unlock()
		a.write(w, batch, failed)
		time.Sleep(gather)
	}
}

// write writes all of a batch. Where that fails, it tries again until the log
// is closed: lines wait, and in the end requests do, rather than be forgotten.
// A failure that goes on is told once.
func (a *auditLog) write(w io.Writer, batch []byte, failed func(error)) {
	for told := false; ; told = true {
		n, err := w.Write(batch)
		if err == nil {
			return
		}
		if !told {
			failed(err)
		}
		batch = batch[n:]
		if a.isClosed() {
			return
		}
		time.Sleep(retryWrite)
	}
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
}
