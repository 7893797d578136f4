package jwks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/strictjson"
)

// maxRedirects bounds how many redirects one request follows.
const maxRedirects = 3

// ErrConfig is wrapped by the errors of Cache.Remote.
var ErrConfig = errors.New("unusable key source")

// Config says where a key set is published: exactly one of URL and WellKnownURL
// is set.
type Config struct {
	URL          string // of the JWK set itself
	WellKnownURL string // of the discovery document that names it (OpenID Connect Discovery 1.0 §4)
	Issuer       string // compared byte for byte with that document's issuer
	AnyIssuer    bool   // in the place of Issuer: the document's is not looked at
	AllowHTTP    bool   // http:// is allowed, for redirects too
	CAPEM        []byte // the only roots for TLS, certificates as PEM; empty for the system's
}

// identity is a config in a form that can be compared.
type identity struct {
	url, wellKnown, issuer string
	anyIssuer, allowHTTP   bool
	ca                     [sha256.Size]byte
}

func (c Config) identity() identity {
	return identity{c.URL, c.WellKnownURL, c.Issuer, c.AnyIssuer, c.AllowHTTP, sha256.Sum256(c.CAPEM)}
}

// fetcher gets the key set of one config.
type fetcher struct {
	cfg     Config
	client  *http.Client
	timeout time.Duration
	shown   string // the config's URL, for people
}

// response is what a good fetch brings.
type response struct {
	keys    []Key
	skipped []Skipped
	maxAge  time.Duration // negative: the issuer says nothing
}

func newFetcher(cfg Config, timeout time.Duration) (*fetcher, error) {
	given := cfg.URL + cfg.WellKnownURL
	if (cfg.URL == "") == (cfg.WellKnownURL == "") {
		return nil, fmt.Errorf("%w: it needs one of a JWKS URL and a discovery URL", ErrConfig)
	}
	if cfg.WellKnownURL != "" && (cfg.Issuer == "") == !cfg.AnyIssuer {
		return nil, fmt.Errorf("%w: a discovery URL needs one of an issuer to compare with and the leave to take any", ErrConfig)
	}
	u, err := parseURL(given, cfg.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	roots, err := parseRoots(cfg.CAPEM)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	f := &fetcher{cfg: cfg, timeout: timeout, shown: withoutQuery(u)}
	f.client = &http.Client{Transport: newTransport(roots), CheckRedirect: f.checkRedirect}
	return f, nil
}

// parseURL accepts an absolute https URL, and http where that is allowed.
func parseURL(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("its URL can not be parsed")
	case u.Scheme == "http" && !allowHTTP:
		return nil, errors.New("its URL is not https, and http is not allowed")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("its URL is not https")
	case u.Hostname() == "":
		return nil, errors.New("its URL has no host")
	case u.User != nil:
		return nil, errors.New("its URL holds a user name or password")
	case u.Fragment != "":
		return nil, errors.New("its URL has a fragment")
	}
	return u, nil
}

// withoutQuery gives a URL fit for logs: a query may hold a secret.
func withoutQuery(u *url.URL) string {
	return printable((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(), maxText)
}

// parseRoots reads certificates, and nothing else; nil stands for the system's roots.
func parseRoots(rest []byte) (*x509.CertPool, error) {
	if len(rest) == 0 {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for found := 0; ; found++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil && found > 0 && len(bytes.TrimSpace(rest)) == 0 {
			return pool, nil
		}
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("its CA is not a list of certificates as PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("its CA holds a certificate that can not be parsed")
		}
		pool.AddCert(certificate)
	}
}

// newTransport makes the transport of one remote. Fetches are minutes apart, so
// that no connection is kept between them.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives:      true,
		ForceAttemptHTTP2:      true,
	}
}

func (f *fetcher) checkRedirect(to *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	}
	if _, err := parseURL(to.URL.String(), f.cfg.AllowHTTP); err != nil {
		return fmt.Errorf("following its redirect: %w", err)
	}
	return nil
}

// fetch gets the key set, by way of the discovery document where the config
// says so. Its errors never hold a body.
func (f *fetcher) fetch(ctx context.Context) (response, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	from := f.cfg.URL
	if f.cfg.WellKnownURL != "" {
		discovered, err := f.discover(ctx)
		if err != nil {
			return response{}, fmt.Errorf("reading discovery document %s: %w", f.shown, err)
		}
		from = discovered
	}
	u, err := parseURL(from, f.cfg.AllowHTTP)
	if err != nil {
		return response{}, fmt.Errorf("following jwks_uri of %s: %w", f.shown, err)
	}
	body, header, err := f.get(ctx, from)
	if err != nil {
		return response{}, fmt.Errorf("fetching keys from %s: %w", withoutQuery(u), err)
	}
	keys, skipped, err := Decode(body)
	if err != nil {
		return response{}, fmt.Errorf("reading keys from %s: %w", withoutQuery(u), err)
	}
	return response{keys, skipped, maxAge(header)}, nil
}

// discover gets the address of the key set from the discovery document. Of the
// document's other members it asks nothing.
func (f *fetcher) discover(ctx context.Context) (string, error) {
	body, _, err := f.get(ctx, f.cfg.WellKnownURL)
	if err != nil {
		return "", err
	}
	members, err := strictjson.Object(body)
	if err != nil {
		return "", tellRepeated(err)
	}
	issuer, err := text(members, "issuer")
	if err != nil {
		return "", err
	}
	if !f.cfg.AnyIssuer && issuer != f.cfg.Issuer {
		return "", errors.New("its issuer is another than the configured one")
	}
	address, err := text(members, "jwks_uri")
	if err == nil && address == "" {
		err = errors.New("it names no jwks_uri")
	}
	return address, err
}

// get requests a JSON document of at most MaxBytes.
func (f *fetcher) get(ctx context.Context, address string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, errors.New("its URL can not be requested")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "m2md")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, nil, f.requestError(ctx, err)
	}
	defer resp.Body.Close()
	if err := checkResponse(resp); err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBytes+1))
	switch {
	case err != nil:
		return nil, nil, f.requestError(ctx, err)
	case len(body) > MaxBytes:
		return nil, nil, errTooLarge
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return nil, nil, errHTML
	case !json.Valid(body):
		return nil, nil, errors.New("what it answers is not JSON")
	}
	return body, resp.Header, nil
}

var (
	errTooLarge = fmt.Errorf("what it answers is larger than %d bytes", MaxBytes)
	errHTML     = errors.New("it answers with an HTML page, not with JSON")
)

// checkResponse refuses by what the header alone can tell.
func checkResponse(resp *http.Response) error {
	switch {
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers with status %d, not 200", resp.StatusCode)
	case resp.ContentLength > MaxBytes:
		return errTooLarge
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"):
		return errHTML
	}
	return nil
}

// requestError leaves out of a request's error the URL, whose query may hold a
// secret, and says plainly when time ran out.
func (f *fetcher) requestError(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it took longer than %s", f.timeout)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err
	}
	if strings.Contains(err.Error(), "malformed") { // and net/http would quote it
		return errors.New("what it answers is not HTTP")
	}
	return errors.New(safeText(err))
}

// maxAge is for how long the answer says it is fresh (RFC 9111 §5.2.2);
// negative where it does not say.
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return -1
}
