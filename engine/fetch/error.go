package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// StatusError says that a server answered with another status than 200.
type StatusError struct{ Status int }

func (e *StatusError) Error() string {
	return fmt.Sprintf("it answers with status %d, not 200", e.Status)
}

// ConnectionError says that a server was not reached, or that the connection to
// it ended too early: what may be well a moment later. One that is too slow gives
// another error.
type ConnectionError struct{ text string }

func (e *ConnectionError) Error() string { return e.text }

// refusal is an error in our own words, which hold nothing of a stranger's.
type refusal string

func (r refusal) Error() string { return string(r) }

// What is wrong with a document.
const (
	errHTML   = refusal("it answers with an HTML page, not with JSON")
	errJWT    = refusal("it answers with a signed JWT, not with plain JSON")
	errNoJSON = refusal("what it answers is not JSON")
)

func (c *Client) tooLarge() error {
	return refusal(fmt.Sprintf("what it answers is larger than %d bytes", c.opts.MaxBytes))
}

// timeLimit is the cause of a context's end that Within makes.
type timeLimit time.Duration

func (t timeLimit) Error() string {
	return fmt.Sprintf("it took longer than %s", time.Duration(t))
}

// Within bounds the time of several requests, so that the error of the one in
// which it ends says so.
func Within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, timeLimit(limit))
}

// tellable makes of a request's error one that may be told: in our own words,
// or in those of a layer that has not read the answer. net/http quotes lines of
// the answer, and the URL with its query.
func tellable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if ours, ok := errors.AsType[refusal](err); ok {
		return ours
	}
	if layer := connection(err); layer != nil {
		return &ConnectionError{Printable(layer.Error(), MaxText)}
	}
	if layer := beneath(err); layer != nil {
		return refusal(Printable(layer.Error(), MaxText))
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	switch text := err.Error(); {
	case strings.HasPrefix(text, "tls: "):
		return refusal(Printable(text, MaxText))
	case strings.Contains(text, "response headers exceeded"):
		return refusal(fmt.Sprintf("its headers are longer than %d bytes", maxHeaders))
	}
	return refusal("its answer broke off or is not HTTP")
}

// connection finds the error of the network, or of a connection's end; nil where
// there is none.
func connection(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok && !e.Timeout() {
		return e
	}
	for _, known := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// beneath finds the error of TLS, or of a network that is too slow; nil where
// there is none.
func beneath(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return e
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return e
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return http.ErrSchemeMismatch
	}
	return nil
}
