package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// guestKey is the context key for the connection that a request came by.
type guestKey struct{}

// remember is an http.Server's ConnContext.
func (c *crowd) remember(ctx context.Context, conn net.Conn) context.Context {
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	if g, ok := conn.(*guest); ok {
		return context.WithValue(ctx, guestKey{}, g)
	}
	return ctx
}

// patient is a handler that has a connection count as one that waits while the
// rest of a request's body is waited for: whoever begins many and ends none
// would else keep all others out. In HTTP/2 others may be answered meanwhile.
func (c *crowd) patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g, ok := r.Context().Value(guestKey{}).(*guest)
		if !ok || r.ProtoMajor != 1 || r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		body := &awaited{ReadCloser: r.Body, guest: g, since: time.Now().UnixNano()}
		r.Body = body
		next.ServeHTTP(w, r)
		if !body.ended { // the server reads on before it answers
			g.idle.CompareAndSwap(inUse, body.since)
		}
	})
}

// awaited is the body of a request.
type awaited struct {
	io.ReadCloser
	guest *guest
	since int64
	ended bool
}

func (b *awaited) Read(p []byte) (int, error) {
	b.guest.idle.CompareAndSwap(inUse, b.since)
	n, err := b.ReadCloser.Read(p)
	b.guest.idle.CompareAndSwap(b.since, inUse)
	b.ended = b.ended || err != nil
	return n, err
}
