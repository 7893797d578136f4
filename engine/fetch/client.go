package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of an answer in bytes.
const (
	maxHeaders  = 64 << 10
	maxUnwanted = 4 << 10 // read of a body that is refused
)

// Options set up a Client. MaxBytes and Timeout must be set.
type Options struct {
	AllowHTTP    bool          // http:// is allowed, for redirects too
	CAPEM        []byte        // the only roots for TLS, certificates as PEM; empty for the system's
	MaxBytes     int64         // of a document
	Timeout      time.Duration // of a request from start to end, redirects included
	MaxRedirects int           // that a request follows; 0: it fails at the first
	MaxIdle      int           // connections kept between requests; 0: none
}

// Client asks for JSON documents. It is safe for concurrent use.
type Client struct {
	opts Options
	http *http.Client
}

// New makes a client. It fails where CAPEM is anything but certificates.
func New(opts Options) (*Client, error) {
	if opts.MaxBytes <= 0 || opts.Timeout <= 0 {
		panic("fetch: Options without MaxBytes or Timeout")
	}
	roots, err := parseRoots(opts.CAPEM)
	if err != nil {
		return nil, err
	}
	c := &Client{opts: opts}
	c.http = &http.Client{Transport: opts.transport(roots), CheckRedirect: c.checkRedirect}
	return c, nil
}

func (o Options) transport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkProxy,
		DialContext:            (&net.Dialer{Timeout: o.Timeout}).DialContext, // which may outlive its request
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    o.Timeout,
		MaxResponseHeaderBytes: maxHeaders,
		DisableKeepAlives:      o.MaxIdle == 0,
		MaxIdleConns:           o.MaxIdle,
		MaxIdleConnsPerHost:    o.MaxIdle,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// checkProxy tells what a proxy answers to CONNECT without its own words.
func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return refusal(fmt.Sprintf("the proxy answers with status %d, not 200", answer.StatusCode))
	}
	return nil
}

func (c *Client) checkRedirect(to *http.Request, via []*http.Request) error {
	switch {
	case c.opts.MaxRedirects == 0:
		return refusal("it redirects, which is not followed here")
	case len(via) > c.opts.MaxRedirects:
		return refusal(fmt.Sprintf("it redirects more than %d times", c.opts.MaxRedirects))
	}
	if err := c.checkURL(to.URL); err != nil {
		return refusal("following its redirect: " + err.Error())
	}
	return nil
}

// Close closes the connections that are kept and not in use. The client can
// still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request asks for a document. It changes nothing at the server, and may be made
// again where a kept connection breaks.
type Request struct {
	Method string // "" for GET
	URL    URL
	Header http.Header // must not be changed any more
	Body   []byte      // nil for none

	// AnyStatus takes what comes with another status than 200 for a Response,
	// too: a refusal whose reason the caller can read.
	AnyStatus bool
}

// Response is what a server answered. With status 200, Body is valid JSON; with
// another one it is whatever came.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do asks for a document. Its errors never hold the document, a header, the
// request, or a URL's query: a server may send back what it was sent. Where the
// server answers with another status than 200, the error is a *StatusError;
// where ctx ended, its cause.
func (c *Client) Do(ctx context.Context, req Request) (Response, error) {
	ctx, cancel := Within(ctx, c.opts.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, req.Method, req.URL.u.String(), bytes.NewReader(req.Body))
	if err != nil {
		return Response{}, refusal("its URL can not be requested")
	}
	for name, values := range req.Header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "m2md")
	// Not sent. It lets net/http make a request again, a POST too, where the
	// server closed the kept connection that it was made on.
	r.Header["Idempotency-Key"] = nil
	resp, err := c.http.Do(r)
	if err != nil {
		return Response{}, tellable(ctx, err)
	}
	defer resp.Body.Close()
	refused := req.AnyStatus && resp.StatusCode != http.StatusOK
	if err := c.checkHeader(resp); err != nil && !refused {
		if c.opts.MaxIdle > 0 { // a connection is kept only where all was read
			io.CopyN(io.Discard, resp.Body, maxUnwanted)
		}
		return Response{}, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBytes+1))
	if err != nil || ctx.Err() != nil { // a server may end a document because we gave up
		return Response{}, tellable(ctx, err)
	}
	if err := c.checkBody(body, refused); err != nil {
		return Response{}, err
	}
	return Response{resp.StatusCode, resp.Header, body}, nil
}

// checkHeader refuses by what the header alone can tell.
func (c *Client) checkHeader(resp *http.Response) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return &StatusError{resp.StatusCode}
	case resp.ContentLength > c.opts.MaxBytes:
		return c.tooLarge()
	case media == "text/html":
		return errHTML
	case media == "application/jwt" || strings.HasSuffix(media, "+jwt"):
		return errJWT
	}
	return nil
}

// checkBody takes a refusal of any form, but not of any size.
func (c *Client) checkBody(body []byte, refusal bool) error {
	switch {
	case int64(len(body)) > c.opts.MaxBytes:
		return c.tooLarge()
	case refusal:
		return nil
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return errHTML
	case !json.Valid(body):
		return errNoJSON
	}
	return nil
}
