package opaque_test

import (
	"cmp"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/opaque"
)

// issuer is a real issuer over TLS, whose answer can be changed, and which
// counts its requests and connections.
type issuer struct {
	*httptest.Server
	answer      atomic.Value // http.HandlerFunc
	requests    atomic.Int64
	inFlight    atomic.Int64
	most        atomic.Int64 // of inFlight, ever
	connections sync.Map     // net.Conn that are open
}

func newIssuer(t testing.TB, answer http.HandlerFunc) *issuer {
	i := newUnstarted(answer)
	i.StartTLS()
	t.Cleanup(func() { i.CloseClientConnections(); i.Close() })
	return i
}

func newUnstarted(answer http.HandlerFunc) *issuer {
	i := &issuer{}
	i.change(answer)
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.requests.Add(1)
		now := i.inFlight.Add(1)
		defer i.inFlight.Add(-1)
		for most := i.most.Load(); now > most && !i.most.CompareAndSwap(most, now); most = i.most.Load() {
		}
		i.answer.Load().(http.HandlerFunc)(w, r)
	}))
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	i.Config.ConnState = i.track
	return i
}

func (i *issuer) change(answer http.HandlerFunc) { i.answer.Store(answer) }

func (i *issuer) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
}

// introspection is the config by which the issuer is introspected.
func (i *issuer) introspection() opaque.Config {
	return opaque.Config{IntrospectionURL: i.URL + "/introspect?q=hunter2", ClientID: "m2md", ClientSecret: "hunter2", CAPEM: i.ca()}
}

// profile is the config by which it is asked for the bearer's profile.
func (i *issuer) profile() opaque.Config {
	return opaque.Config{ProfileURL: i.URL + "/userinfo?q=hunter2", CAPEM: i.ca()}
}

// serve answers with a document.
func serve(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, document)
	}
}

// status refuses, and sends back all that it was sent.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, r.Header.Get("Authorization")+string(body), code)
	}
}

const active = `{"active":true,"sub":"ci","scope":"read"}`

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// newCache makes a cache that waits long where the test does not say for how
// long, as the machine may be busy.
func newCache(t testing.TB, opts opaque.Options) *opaque.Cache {
	opts.Timeout, opts.MaxWait = cmp.Or(opts.Timeout, 10*time.Minute), cmp.Or(opts.MaxWait, 10*time.Minute)
	c := opaque.NewCache(opts)
	t.Cleanup(c.Close)
	return c
}

func remote(t testing.TB, c *opaque.Cache, cfg opaque.Config) *opaque.Remote {
	t.Helper()
	r, err := c.Remote(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantActive wants an answer of that sub.
func wantActive(t testing.TB, r *opaque.Remote, token, sub string) {
	t.Helper()
	if got, err := r.Claims(t.Context(), token); err != nil || got.Claims["sub"] != sub {
		t.Errorf("Claims = %v, %v, want the sub %q", got, err, sub)
	}
}

// wantError wants an error of a kind that says something, and no secret.
func wantError(t testing.TB, r *opaque.Remote, token string, kind error, text string) {
	t.Helper()
	got, err := r.Claims(t.Context(), token)
	if !errors.Is(err, kind) || errors.Is(err, opaque.ErrInactive) == errors.Is(err, opaque.ErrUnavailable) || !strings.Contains(err.Error(), text) || got.Claims != nil {
		t.Errorf("Claims = %v, %v, want %v with %q", got, err, kind, text)
		return
	}
	if strings.Contains(err.Error(), "hunter2") || token != "" && strings.Contains(err.Error(), token) {
		t.Errorf("the error tells a secret: %v", err)
	}
}

// wantRequests wants that so many requests were made in all.
func (i *issuer) wantRequests(t testing.TB, want int64) {
	t.Helper()
	if got := i.requests.Load(); got != want {
		t.Errorf("%d requests, want %d", got, want)
	}
}

// eventually awaits a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(5 * time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within 5 min: %s", what)
		}
	}
}

// track knows which connections are open.
func (i *issuer) track(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		i.connections.Store(conn, true)
	case http.StateClosed, http.StateHijacked:
		i.connections.Delete(conn)
	}
}

// open is how many connections are open.
func (i *issuer) open() (n int) {
	i.connections.Range(func(any, any) bool { n++; return true })
	return n
}
