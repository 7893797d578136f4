package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/m2md/m2md/engine/fetch"
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
	client  *fetch.Client
	from    fetch.URL // the config's
	timeout time.Duration
	shown   string // the config's URL, for people
}

// response is what a good fetch brings.
type response struct {
	keys    []Key
	skipped []Skipped
	maxAge  time.Duration // negative: the issuer says nothing
	date    time.Time     // by the clock of whoever has answered; the zero value: it does not say
}

func newFetcher(cfg Config, timeout time.Duration) (*fetcher, error) {
	if (cfg.URL == "") == (cfg.WellKnownURL == "") {
		return nil, fmt.Errorf("%w: it needs one of a JWKS URL and a discovery URL", ErrConfig)
	}
	if cfg.WellKnownURL != "" && (cfg.Issuer == "") == !cfg.AnyIssuer {
		return nil, fmt.Errorf("%w: a discovery URL needs one of an issuer to compare with and the leave to take any", ErrConfig)
	}
	// Fetches are minutes apart, so that no connection is kept between them.
	client, err := fetch.New(fetch.Options{
		AllowHTTP: cfg.AllowHTTP, CAPEM: cfg.CAPEM,
		MaxBytes: MaxBytes, Timeout: timeout, MaxRedirects: maxRedirects,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	from, err := client.ParseURL(cfg.URL + cfg.WellKnownURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &fetcher{cfg: cfg, client: client, from: from, timeout: timeout, shown: from.String()}, nil
}

// fetch gets the key set, by way of the discovery document where the config
// says so. Its errors never hold a body.
func (f *fetcher) fetch(ctx context.Context) (response, error) {
	ctx, cancel := fetch.Within(ctx, f.timeout)
	defer cancel()
	from := f.from
	if f.cfg.WellKnownURL != "" {
		address, err := f.discover(ctx)
		if err != nil {
			return response{}, fmt.Errorf("reading discovery document %s: %w", f.shown, err)
		}
		if from, err = f.client.ParseURL(address); err != nil {
			return response{}, fmt.Errorf("following jwks_uri of %s: %w", f.shown, err)
		}
	}
	got, err := f.get(ctx, from)
	if err != nil {
		return response{}, fmt.Errorf("fetching keys from %s: %w", from, err)
	}
	keys, skipped, err := Decode(got.Body)
	if err != nil {
		return response{}, fmt.Errorf("reading keys from %s: %w", from, err)
	}
	return response{keys, skipped, maxAge(got.Header), dateOf(got.Header)}, nil
}

// discover gets the address of the key set from the discovery document. Of the
// document's other members it asks nothing.
func (f *fetcher) discover(ctx context.Context) (string, error) {
	members, issuer, err := f.document(ctx)
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

// document gets the discovery document, and what it calls the issuer.
func (f *fetcher) document(ctx context.Context) (members map[string]any, issuer string, err error) {
	got, err := f.get(ctx, f.from)
	if err != nil {
		return nil, "", err
	}
	if members, err = strictjson.Object(got.Body); err != nil {
		return nil, "", tellRepeated(err)
	}
	issuer, err = text(members, "issuer")
	return members, issuer, err
}

func (f *fetcher) get(ctx context.Context, from fetch.URL) (fetch.Response, error) {
	header := http.Header{"Accept": {"application/jwk-set+json, application/json"}}
	return f.client.Do(ctx, fetch.Request{URL: from, Header: header})
}

// dateOf is what time it was where the answer comes from: when it was made, and
// how long a cache has had it (RFC 9110 §6.6.1, RFC 9111 §5.1).
func dateOf(header http.Header) time.Time {
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	age, err := strconv.ParseUint(header.Get("Age"), 10, 31)
	if err != nil {
		age = 0
	}
	return at.Add(time.Duration(age) * time.Second)
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
