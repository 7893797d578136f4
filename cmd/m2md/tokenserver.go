package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
)

// maxTokenAnswer bounds what a server answers, in bytes.
const maxTokenAnswer = 64 << 10

// tokenPath is m2md's token endpoint, below its external_url.
const tokenPath = "/oauth2/token"

func tokenServerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "url", Usage: "the token endpoint; a `URL` without a path is m2md's external_url (default: $M2MD_URL)"},
		&cli.StringFlag{Name: "issuer", Usage: "in the place of --url: the issuer `URL` whose discovery document names the token endpoint (default: $M2MD_ISSUER)"},
		&cli.StringFlag{Name: "ca-file", Usage: "the only certificates that the server is trusted by, a PEM `FILE` (default: $M2MD_CA_FILE, else those of the system)"},
		&cli.BoolFlag{Name: "allow-http", Usage: "take http:// for other hosts than this one, too: whoever is on the way sees secrets and tokens"},
		&cli.DurationFlag{Name: "timeout", Value: 10 * time.Second, Usage: "how long a request may take"},
	}
}

// tokenServer is who issues tokens. One of url and issuer is set.
type tokenServer struct {
	url       string        // its token endpoint
	issuer    string        // whose discovery document names the token endpoint
	allowHTTP bool          // for other hosts than this one
	http      *fetch.Client // with the server's own roots
	others    *fetch.Client // with those of the system
}

// tokenEndpoint is where a token is asked for.
type tokenEndpoint struct {
	at   fetch.URL
	base string // how the server calls itself, as far as its URL tells
}

func readTokenServer(c *cli.Context) (*tokenServer, error) {
	s := &tokenServer{url: c.String("url"), issuer: c.String("issuer"), allowHTTP: c.Bool("allow-http")}
	if s.url == "" && s.issuer == "" {
		s.url, s.issuer = os.Getenv("M2MD_URL"), os.Getenv("M2MD_ISSUER")
	}
	if (s.url == "") == (s.issuer == "") {
		return nil, usagef("token: say where by one of --url, the token endpoint, and --issuer (or M2MD_URL and M2MD_ISSUER)")
	}
	if c.Duration("timeout") <= 0 {
		return nil, usagef("--timeout: the time must be positive")
	}
	if err := s.connect(flagOr(c, "ca-file", "M2MD_CA_FILE"), c.Duration("timeout")); err != nil {
		return nil, err
	}
	return s, s.check()
}

// connect makes the clients. They take http:// as such; parse says when.
func (s *tokenServer) connect(caFile string, timeout time.Duration) (err error) {
	opts := fetch.Options{AllowHTTP: true, MaxBytes: maxTokenAnswer, Timeout: timeout}
	if s.others, err = fetch.New(opts); err != nil {
		return err
	}
	if caFile != "" {
		if opts.CAPEM, err = os.ReadFile(caFile); err != nil {
			return fmt.Errorf("reading --ca-file: %w", err)
		}
	}
	if s.http, err = fetch.New(opts); err != nil {
		return fmt.Errorf("reading --ca-file %s: %w", caFile, err)
	}
	return nil
}

// check refuses URLs that can never be asked.
func (s *tokenServer) check() error {
	if s.url != "" {
		if _, err := s.endpointAt(s.url); err != nil {
			return usagef("--url: %w", err)
		}
		return nil
	}
	if _, _, err := s.parse(s.issuer); err != nil {
		return usagef("--issuer: %w", err)
	}
	if strings.ContainsAny(s.issuer, "?#") { // RFC 8414 §2
		return usagef("--issuer: an issuer has no query and no fragment")
	}
	return nil
}

// parse accepts https, and http where nobody can be on the way.
func (s *tokenServer) parse(raw string) (fetch.URL, *url.URL, error) {
	at, err := s.http.ParseURL(raw)
	if err != nil {
		return at, nil, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		panic(err) // it was parsed above
	}
	if u.Scheme == "http" && !s.allowHTTP && !isThisHost(u.Hostname()) {
		return at, nil, errors.New("its URL is not https, so whoever is on the way would see secrets and tokens; --allow-http if that is meant")
	}
	return at, u, nil
}

func isThisHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// endpoint finds out where to ask. Discovery is made each time: the one who
// keeps a file fresh for months is to follow a server that moves.
func (s *tokenServer) endpoint(ctx context.Context) (tokenEndpoint, error) {
	if s.url != "" {
		return s.endpointAt(s.url)
	}
	named, err := s.discover(ctx)
	if err != nil {
		return tokenEndpoint{}, fmt.Errorf("discovering the token endpoint of %s: %w", printable(s.issuer), err)
	}
	endpoint, err := s.endpointAt(named)
	if err != nil {
		return endpoint, fmt.Errorf("the token_endpoint that %s names: %w", printable(s.issuer), err)
	}
	return endpoint, nil
}

func (s *tokenServer) endpointAt(raw string) (tokenEndpoint, error) {
	_, u, err := s.parse(raw)
	if err != nil {
		return tokenEndpoint{}, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = tokenPath
	}
	at, err := s.http.ParseURL(u.String())
	return tokenEndpoint{at, baseOf(u)}, err
}

// baseOf is m2md's external_url, as its token endpoints tell, and the origin of
// any other.
func baseOf(u *url.URL) string {
	base := url.URL{Scheme: u.Scheme, Host: u.Host}
	for _, path := range []string{tokenPath, "/application/o/token/"} {
		if before, found := strings.CutSuffix(u.EscapedPath(), path); found {
			return base.String() + before
		}
	}
	return base.String()
}

// discover asks at both places of a discovery document.
func (s *tokenServer) discover(ctx context.Context) (string, error) {
	var failures []error
	for _, at := range wellKnown(s.issuer) {
		named, err := s.discoverAt(ctx, at)
		if _, unreached := errors.AsType[*fetch.ConnectionError](err); err == nil || unreached || ctx.Err() != nil {
			return named, err
		}
		failures = append(failures, fmt.Errorf("%s: %w", printable(at), err))
	}
	return "", fmt.Errorf("%w; %w", failures[0], failures[1])
}

// wellKnown is where an issuer's discovery document may be: behind its path
// (OpenID Connect Discovery 1.0 §4) and before it (RFC 8414 §3.1).
func wellKnown(issuer string) [2]string {
	issuer = strings.TrimSuffix(issuer, "/")
	scheme, rest, _ := strings.Cut(issuer, "://")
	host, path, _ := strings.Cut(rest, "/")
	if path != "" {
		path = "/" + path
	}
	return [2]string{issuer + discoveryPath, scheme + "://" + host + "/.well-known/oauth-authorization-server" + path}
}

func (s *tokenServer) discoverAt(ctx context.Context, address string) (string, error) {
	at, err := s.http.ParseURL(address)
	if err != nil {
		return "", err
	}
	answer, err := s.http.Do(ctx, fetch.Request{URL: at})
	if err != nil {
		return "", err
	}
	document, err := strictjson.Object(answer.Body)
	if err != nil {
		return "", err
	}
	// Byte for byte, or somebody could speak for another (RFC 8414 §3.3).
	if issuer, _ := document["issuer"].(string); issuer != s.issuer {
		return "", fmt.Errorf("its issuer is %q, which must be the same to the last slash", printable(issuer))
	}
	named, _ := document["token_endpoint"].(string)
	if named == "" {
		return "", errors.New("it names no token_endpoint")
	}
	return named, nil
}

// printable is a stranger's word as it may be told.
func printable(word string) string { return fetch.Printable(word, fetch.MaxText) }
