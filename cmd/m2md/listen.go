package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/m2md/m2md/engine"
)

// The times and sizes that bound what one connection can hold of the daemon.
const (
	requestTimeout = 30 * time.Second // for reading all of it, and for answering; one for the headers alone would cost another timer
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10 // a proxy passes on whatever its client sent
)

// newHTTPServer is a server with bounds.
func newHTTPServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:        handler,
		ReadTimeout:    requestTimeout,
		WriteTimeout:   requestTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// listen opens HOST:PORT or unix:///PATH.
func listen(address string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, "unix://")
	if !isUnix {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listening on %s: %w", address, plainCause(err))
		}
		return l, nil
	}
	return listenUnix(path, 0o660)
}

// listenUnix opens a unix socket, in the place of one that nobody listens on
// any more.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStaleSocket(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, plainCause(err))
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fmt.Errorf("protecting the socket %s: %w", path, plainCause(err))
	}
	return l, nil
}

// removeStaleSocket removes what a killed daemon left behind, and nothing else.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is in the way: it is no socket", path)
	}
	connection, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		connection.Close()
		return fmt.Errorf("another process listens on %s", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) { // busy, or not ours to talk to: somebody may well listen
		return fmt.Errorf("asking whether somebody listens on %s: %w", path, plainCause(err))
	}
	return os.Remove(path)
}

// plainCause drops what net repeats around the cause.
func plainCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// nobodyListens says whether a connection failed because no daemon is there.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// orNobody says in plain words that a command found no daemon.
func orNobody(err error, socket string) error {
	if nobodyListens(err) {
		return fmt.Errorf("no daemon listens at %s; name its --state-dir, or its --socket (M2MD_SOCKET)", socket)
	}
	return err
}

// withTLS shows the certificate of whichever generation serves when a
// connection begins.
func withTLS(l net.Listener, live *engine.Live) net.Listener {
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			certificate := live.Load().Certificate()
			if certificate == nil {
				return nil, errors.New("the serving generation has no certificate")
			}
			return certificate, nil
		},
	})
}

// operatorKey is the context key for who is at the other end of an admin connection.
type operatorKey struct{}

// operatorOf names who is at the other end of an admin connection.
func operatorOf(ctx context.Context) string {
	name, _ := ctx.Value(operatorKey{}).(string)
	return name
}

// adminListener accepts only root and the daemon's own user.
type adminListener struct {
	*net.UnixListener
	log *slog.Logger
}

// operatorConn is an admin connection whose peer is known.
type operatorConn struct {
	net.Conn
	operator string
}

// Accept passes over connections of others, told in the log.
func (l adminListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(conn)
		if err == nil && (uid == 0 || uid == os.Geteuid()) {
			return operatorConn{conn, userName(uid)}, nil
		}
		l.log.Warn("refused an admin connection", "uid", uid, "err", err)
		conn.Close()
	}
}

// rememberOperator is an http.Server's ConnContext.
func rememberOperator(ctx context.Context, c net.Conn) context.Context {
	if known, ok := c.(operatorConn); ok {
		return context.WithValue(ctx, operatorKey{}, known.operator)
	}
	return ctx
}
