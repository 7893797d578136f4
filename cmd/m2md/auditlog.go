package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/m2md/m2md/engine"
)

// auditLog writes decisions as JSON, one a line. A request only puts its line
// into memory; one goroutine writes whatever has come together, so that a slow
// terminal costs nobody time. Where the reader does not keep up at all,
// requests wait: a decision is never dropped.
type auditLog struct {
	handler slog.Handler

	mu      sync.Mutex
	changed sync.Cond // pending grew, shrank or the log closed
	pending []byte
	closed  bool
	done    chan struct{}
}

// maxPending is how many bytes may wait to be written.
const maxPending = 4 << 20

// newAuditLog starts writing to w; failed is told of errors.
func newAuditLog(w io.Writer, failed func(error)) *auditLog {
	a := &auditLog{done: make(chan struct{})}
	a.changed.L = &a.mu
	a.handler = slog.NewJSONHandler(a, nil)
	go a.writeTo(w, failed)
	return a
}

var _ engine.Auditor = (*auditLog)(nil)

// Record queues a decision.
func (a *auditLog) Record(d *engine.Decision) {
	record := slog.NewRecord(d.Time, slog.LevelInfo, "decision", 0)
	record.AddAttrs(
		slog.String("request_id", d.RequestID),
		slog.String("door", d.Door),
		slog.String("provider", d.Provider),
		slog.String("grant", d.Grant),
		slog.String("proof", d.Proof),
		slog.String("subject", d.Subject),
		slog.String("source", d.Source),
		slog.String("rule", d.Rule),
		slog.String("outcome", string(d.Outcome)),
		slog.String("reason", d.Reason),
		slog.Uint64("generation", d.Generation),
		slog.String("token_id", d.TokenID),
		slog.String("client_ip", addrText(d)),
		slog.Int64("duration_us", int64(d.Duration/time.Microsecond)),
	)
	a.handler.Handle(context.Background(), record) //nolint:errcheck // Write below cannot fail
}

func addrText(d *engine.Decision) string {
	if !d.ClientIP.IsValid() {
		return ""
	}
	return d.ClientIP.String()
}

// Write queues one line; the handler calls it with a whole one.
func (a *auditLog) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.pending) > maxPending && !a.closed {
		a.changed.Wait()
	}
	a.pending = append(a.pending, line...)
	a.changed.Broadcast()
	return len(line), nil
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
		if _, err := w.Write(batch); err != nil {
			failed(err)
		}
	}
}

// Close writes what is pending and ends.
func (a *auditLog) Close() {
	a.mu.Lock()
	a.closed = true
	a.changed.Broadcast()
	a.mu.Unlock()
	<-a.done
}
