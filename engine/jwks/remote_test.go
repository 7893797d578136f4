package jwks_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/elliptic"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

// issuer is a real issuer over TLS, whose answer can be changed, and which
// counts its requests.
type issuer struct {
	*httptest.Server
	answer   atomic.Value // http.HandlerFunc
	requests atomic.Int64
}

func newIssuer(t testing.TB, answer http.HandlerFunc) *issuer {
	i := &issuer{}
	i.answer.Store(answer)
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.requests.Add(1)
		i.answer.Load().(http.HandlerFunc)(w, r)
	}))
	i.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	i.StartTLS()
	t.Cleanup(func() { i.CloseClientConnections(); i.Close() })
	return i
}

func (i *issuer) change(answer http.HandlerFunc) { i.answer.Store(answer) }

func (i *issuer) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
}

// serve answers with a document.
func serve(document string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, document)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "the secret body", code) }
}

// patience is how long a test waits for what is to happen.
const patience = 20 * time.Second

// fetches collects the ends of fetches, so that a test can await them.
type fetches chan jwks.Event

func (f fetches) await(t testing.TB, fits func(jwks.Event) bool) {
	t.Helper()
	for limit := time.After(patience); ; {
		select {
		case e := <-f:
			if fits(e) {
				return
			}
		case <-limit:
			t.Fatalf("no such fetch within %s", patience)
		}
	}
}

func good(e jwks.Event) bool   { return e.Err == nil }
func failed(e jwks.Event) bool { return e.Err != nil }

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

func newCache(t testing.TB, opts jwks.Options) (*jwks.Cache, fetches) {
	events := make(fetches, 10_000)
	opts.FirstWait, opts.FetchTimeout = cmp.Or(opts.FirstWait, patience), cmp.Or(opts.FetchTimeout, patience)
	opts.Observe = func(e jwks.Event) { events <- e }
	c := jwks.NewCache(opts)
	t.Cleanup(c.Close)
	return c, events
}

func remote(t testing.TB, c *jwks.Cache, cfg jwks.Config) *jwks.Remote {
	t.Helper()
	r, err := c.Remote(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keysOf are the kids of a source, or its error.
func keysOf(t testing.TB, s jwks.Source, kid string) (string, error) {
	t.Helper()
	set, err := s.Set(t.Context(), kid)
	return kids(set.Keys()), err
}

func wantKeys(t testing.TB, s jwks.Source, kid, want string) {
	t.Helper()
	if got, err := keysOf(t, s, kid); err != nil || got != want {
		t.Errorf("keys for kid %q are %q, %v, want %q", kid, got, err, want)
	}
}

func TestKeysAreFetchedOverTLSAndKept(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()), `{"kty":"oct","kid":"b","k":"AAAA"}`, jwk("c", ecKey(elliptic.P256()), "x", `"?"`), jwk("d", rsaKey()))))
	c, _ := newCache(t, jwks.Options{})
	r := remote(t, c, jwks.Config{URL: i.URL + "/keys?appid=secret", CAPEM: i.ca()})
	if got := i.requests.Load(); got != 0 {
		t.Errorf("making a handle made %d requests", got)
	}
	for range 3 {
		wantKeys(t, r, "", "a d")
		wantKeys(t, r, "a", "a d")
	}
	if got := i.requests.Load(); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
	s := r.Status()
	if s.URL != i.URL+"/keys" || s.Keys != 2 || len(s.Skipped) != 2 || s.Skipped[0].ID != "b" || s.Skipped[1].Index != 2 ||
		s.LastError != "" || s.FetchedAt.IsZero() || !s.Next.After(s.FetchedAt) || !s.Expires.After(s.Next) {
		t.Errorf("Status = %+v", s)
	}
}

func TestAnAnswerThatIsNoKeySetGetsItsOwnClearError(t *testing.T) {
	plain := httptest.NewServer(serve(set(jwk("a", edKey()))))
	t.Cleanup(plain.Close)
	var i *issuer
	redirect := func(to func(n int) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to(int(i.requests.Load())), http.StatusFound)
		}
	}
	written := &atomic.Int64{}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"500", status(500), "status 500, not 200"},
		{"404", status(404), "status 404, not 200"},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, "status 204, not 200"},
		{"an HTML page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<!DOCTYPE html><title>the secret body</title>")
		}, "HTML page"},
		{"an HTML page that says it is JSON", serve("\n <html>the secret body</html>"), "HTML page"},
		{"text", serve("the secret body"), "not JSON"},
		{"nothing", serve(""), "not JSON"},
		{"JSON of another kind", serve(`{"the secret body":1}`), `it has no "keys"`},
		{"501 keys", serve(set(strings.Split(strings.Repeat("{} ", 501), " ")[:501]...)), "more than 500"},
		{"a redirect to http", redirect(func(int) string { return plain.URL }), "not https, and http is not allowed"},
		{"a redirect to a file", redirect(func(int) string { return "file:///etc/passwd" }), "not https"},
		{"a redirect loop", redirect(func(n int) string { return fmt.Sprint("/", n) }), "redirects more than 3 times"},
		{"50 MB, announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(50<<20))
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
		}, "larger than 1048576 bytes"},
		{"50 MB, not announced", func(w http.ResponseWriter, _ *http.Request) {
			for range 50 << 20 / (32 << 10) {
				n, err := w.Write(bytes.Repeat([]byte(" "), 32<<10))
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}, "larger than 1048576 bytes"},
		{"a hang before the header", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // or an empty answer may still get through
		}, "took longer than"},
		{"a drip", func(w http.ResponseWriter, r *http.Request) {
			for tick := time.Tick(10 * time.Millisecond); ; {
				select {
				case <-r.Context().Done():
					panic(http.ErrAbortHandler) // or the answer would end well
				case <-tick:
					io.WriteString(w, " ")
					w.(http.Flusher).Flush()
				}
			}
		}, "took longer than"},
		{"a hang-up in the middle", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"keys":[`)
			panic(http.ErrAbortHandler)
		}, "EOF"},
		{"another protocol", func(w http.ResponseWriter, _ *http.Request) {
			conn, out, _ := w.(http.Hijacker).Hijack()
			fmt.Fprint(out, "220 the secret body ESMTP\r\n")
			out.Flush()
			conn.Close()
		}, "not HTTP"},
	}
	i = newIssuer(t, status(500))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i.change(tt.answer)
			before := i.requests.Load()
			opts := jwks.Options{}
			if tt.want == "took longer than" {
				opts.FetchTimeout = 700 * time.Millisecond
			}
			c, _ := newCache(t, opts)
			_, err := keysOf(t, remote(t, c, jwks.Config{URL: i.URL + "/keys?secret", CAPEM: i.ca()}), "")
			if !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Set: %v, want ErrUnavailable with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the answer or the query: %v", err)
			}
			if n := i.requests.Load() - before; n < 1 || n > 4 {
				t.Errorf("%d requests, want at most 4", n)
			}
		})
	}
	if n := written.Load(); n == 0 || n > 10<<20 {
		t.Errorf("%d bytes of 50 MB were taken", n)
	}
}

func TestAServerThatIsNotTrustedOrNotThereIsAnError(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	gone := httptest.NewServer(nil)
	gone.Close()
	c, _ := newCache(t, jwks.Options{})
	for want, cfg := range map[string]jwks.Config{
		"certificate": {URL: i.URL}, // the system's roots do not know it
		"refused":     {URL: gone.URL, AllowHTTP: true},
		"lookup":      {URL: "https://issuer.invalid/keys"},
	} {
		if _, err := keysOf(t, remote(t, c, cfg), ""); !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("Set: %v, want ErrUnavailable with %q", err, want)
		}
	}
}

func TestPlainHTTPWorksOnlyWhereItIsAllowed(t *testing.T) {
	plain := httptest.NewServer(serve(set(jwk("a", edKey()))))
	t.Cleanup(plain.Close)
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) })
	c, _ := newCache(t, jwks.Options{})
	wantKeys(t, remote(t, c, jwks.Config{URL: plain.URL, AllowHTTP: true}), "", "a")
	wantKeys(t, remote(t, c, jwks.Config{URL: i.URL, AllowHTTP: true, CAPEM: i.ca()}), "", "a")
}

func TestAConfigThatCanNotWorkIsRefusedAtOnce(t *testing.T) {
	c, _ := newCache(t, jwks.Options{})
	const u = "https://issuer.example/keys"
	tests := []struct {
		name string
		cfg  jwks.Config
		want string
	}{
		{"neither URL", jwks.Config{}, "one of"},
		{"both URLs", jwks.Config{URL: u, WellKnownURL: u, Issuer: "x"}, "one of"},
		{"discovery without an issuer", jwks.Config{WellKnownURL: u}, "an issuer to compare with"},
		{"discovery with an issuer and any", jwks.Config{WellKnownURL: u, Issuer: "x", AnyIssuer: true}, "an issuer to compare with"},
		{"http", jwks.Config{URL: "http://issuer.example/keys"}, "http is not allowed"},
		{"another scheme", jwks.Config{URL: "file:///etc/passwd", AllowHTTP: true}, "not https"},
		{"no scheme", jwks.Config{URL: "issuer.example/keys"}, "not https"},
		{"no host", jwks.Config{URL: "https:///keys"}, "no host"},
		{"no URL at all", jwks.Config{URL: "https://[::1"}, "can not be parsed"},
		{"a password in it", jwks.Config{URL: "https://user:hunter2@issuer.example/"}, "user name or password"},
		{"a fragment", jwks.Config{URL: u + "#x"}, "fragment"},
		{"a CA that is none", jwks.Config{URL: u, CAPEM: []byte("hunter2")}, "not a list of certificates"},
		{"a blank CA", jwks.Config{URL: u, CAPEM: []byte("\n")}, "not a list of certificates"},
		{"a CA that is a key", jwks.Config{URL: u, CAPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})}, "not a list of certificates"},
		{"a broken CA", jwks.Config{URL: u, CAPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})}, "can not be parsed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Remote(tt.cfg)
			if !errors.Is(err, jwks.ErrConfig) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Remote: %v, want ErrConfig with %q", err, tt.want)
			}
		})
	}
}

func TestDiscoveryTakesTheKeysOfTheConfiguredIssuerAlone(t *testing.T) {
	var answer string
	discovery := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			serve(set(jwk("a", edKey())))(w, r)
			return
		}
		serve(answer)(w, r)
	}
	i := newIssuer(t, discovery)
	const iss = "https://issuer.example"
	tests := []struct {
		name, document string
		any            bool
		want           string // in the error; "" where it works
	}{
		{"minimal, without userinfo_endpoint", `{"issuer":"` + iss + `","jwks_uri":"` + i.URL + `/keys"}`, false, ""},
		{"with all the rest", `{"issuer":"` + iss + `","jwks_uri":"` + i.URL + `/keys","userinfo_endpoint":7,"more":[{}]}`, false, ""},
		{"another issuer", `{"issuer":"https://evil.example","jwks_uri":"` + i.URL + `/keys"}`, false, "its issuer is another"},
		{"a slash too many", `{"issuer":"` + iss + `/","jwks_uri":"` + i.URL + `/keys"}`, false, "its issuer is another"},
		{"no issuer", `{"jwks_uri":"` + i.URL + `/keys"}`, false, "its issuer is another"},
		{"issuer twice", `{"issuer":"x","issuer":"` + iss + `","jwks_uri":"` + i.URL + `/keys"}`, false, "stands twice"},
		{"Issuer in capitals", `{"Issuer":"` + iss + `","jwks_uri":"` + i.URL + `/keys"}`, false, "its issuer is another"},
		{"another issuer, where any will do", `{"issuer":"https://x.example/{tenantid}","jwks_uri":"` + i.URL + `/keys"}`, true, ""},
		{"no jwks_uri", `{"issuer":"` + iss + `"}`, false, "names no jwks_uri"},
		{"a jwks_uri that is no text", `{"issuer":"` + iss + `","jwks_uri":[]}`, false, "jwks_uri is not a string"},
		{"a jwks_uri without TLS", `{"issuer":"` + iss + `","jwks_uri":"` + strings.Replace(i.URL, "https", "http", 1) + `/keys"}`, false, "http is not allowed"},
		{"a jwks_uri to a server with another root", `{"issuer":"` + iss + `","jwks_uri":"https://issuer.invalid/"}`, false, "lookup"},
		{"no JSON object", `[]`, false, "not a JSON object"},
		{"HTML", `<html>`, false, "HTML page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer = tt.document
			c, _ := newCache(t, jwks.Options{})
			cfg := jwks.Config{WellKnownURL: i.URL + "/.well-known/openid-configuration", Issuer: iss, CAPEM: i.ca()}
			if tt.any {
				cfg.Issuer, cfg.AnyIssuer = "", true
			}
			got, err := keysOf(t, remote(t, c, cfg), "")
			if tt.want == "" {
				if err != nil || got != "a" {
					t.Errorf("Set = %q, %v", got, err)
				}
				return
			}
			if !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Set: %v, want ErrUnavailable with %q", err, tt.want)
			}
		})
	}
}

func TestARotatedKeyIsFetchedWhenATokenNamesIt(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("old", edKey()))))
	c, _ := newCache(t, jwks.Options{})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "old", "old")
	i.change(serve(set(jwk("old", edKey()), jwk("new", edKey()))))
	wantKeys(t, r, "old", "old") // known: nothing to ask
	wantKeys(t, r, "new", "old new")
	i.change(serve(set(jwk("new", edKey()))))
	wantKeys(t, r, "unknown", "new")
	if got := i.requests.Load(); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}

func TestAFloodOfUnknownKidsMakesAHandfulOfFetches(t *testing.T) {
	slow := set(jwk("a", edKey()))
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond) // so that most of the flood waits for a fetch
		serve(slow)(w, r)
	})
	clock := newClock()
	c, _ := newCache(t, jwks.Options{Now: clock.now})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	flood := func(round int) { // the race detector allows 8,128 goroutines
		var wg sync.WaitGroup
		start := make(chan struct{})
		for g := range 5_000 {
			wg.Go(func() {
				<-start
				for n := range 2 {
					wantKeys(t, r, fmt.Sprintf("unknown-%d-%d-%d", round, g, n), "a")
				}
			})
		}
		close(start)
		wg.Wait()
	}
	flood(0)
	first := i.requests.Load()
	if first > 4 {
		t.Errorf("10,000 unknown kids made %d fetches, want at most 4", first)
	}
	clock.pass(31 * time.Second)
	flood(1)
	if all := i.requests.Load(); all == first || all > 5 {
		t.Errorf("after 31 s and another flood, %d fetches were made, want more than %d and at most 5", all, first)
	}
}

func TestTheFirstFetchIsMadeOnceForAllWhoWait(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		serve(set(jwk("a", edKey())))(w, r)
	})
	c, _ := newCache(t, jwks.Options{})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() { wantKeys(t, r, fmt.Sprint("unknown", n), "a") })
	}
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Set(impatient, ""); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, jwks.ErrUnavailable) {
		t.Errorf("Set with a deadline: %v", err)
	}
	close(release)
	wg.Wait()
	if got := i.requests.Load(); got > 4 {
		t.Errorf("%d requests, want 1 and the burst of 3 at most", got)
	}
}

func TestNobodyWaitsLongForAnIssuerThatHangs(t *testing.T) {
	i := newIssuer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c, _ := newCache(t, jwks.Options{FirstWait: 20 * time.Millisecond})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	began := time.Now()
	for range 3 {
		if _, err := keysOf(t, r, ""); !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), "none ended within 20ms") {
			t.Errorf("Set: %v", err)
		}
	}
	if waited := time.Since(began); waited > 8*time.Second { // a fetch takes 10 s
		t.Errorf("three callers waited %s", waited)
	}
}

func TestAnIssuerThatIsDownIsNotAskedByEachToken(t *testing.T) {
	i := newIssuer(t, status(500))
	clock := newClock()
	c, _ := newCache(t, jwks.Options{Now: clock.now})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	for range 100 {
		if _, err := keysOf(t, r, "x"); !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), "status 500") {
			t.Fatalf("Set: %v", err)
		}
	}
	if got := i.requests.Load(); got != 1 {
		t.Errorf("100 tokens made %d requests, want 1", got)
	}
	clock.pass(2 * time.Second)
	i.change(serve(set(jwk("a", edKey()))))
	wantKeys(t, r, "", "a")
}

func TestKeysOutliveTheirIssuerForADay(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	clock := newClock()
	c, _ := newCache(t, jwks.Options{Now: clock.now})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "", "a")
	i.change(status(503))
	clock.pass(24 * time.Hour) // it should have been refreshed after 15 minutes
	wantKeys(t, r, "", "a")
	wantKeys(t, r, "unknown", "a")
	if got := r.Status(); !strings.Contains(got.LastError, "status 503") || got.Keys != 1 {
		t.Errorf("Status = %+v", got)
	}
	clock.pass(15*time.Minute + time.Second)
	if _, err := keysOf(t, r, "a"); !errors.Is(err, jwks.ErrUnavailable) || !strings.Contains(err.Error(), "status 503") {
		t.Errorf("Set after a day: %v, want ErrUnavailable", err)
	}
	clock.pass(10 * time.Minute)
	i.change(serve(set(jwk("b", edKey()))))
	wantKeys(t, r, "", "b")
}

func TestASetThatItsIssuerEmptiedIsEmpty(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	c, _ := newCache(t, jwks.Options{})
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "", "a")
	i.change(serve(`{"keys":[]}`)) // withdrawn, which is not the same as being down
	wantKeys(t, r, "x", "")
	wantKeys(t, r, "", "")
}

// quick makes all intervals so short that a test can await them.
var quick = jwks.Options{
	MinRefresh: 5 * time.Millisecond, DefaultRefresh: 10 * time.Millisecond, MaxRefresh: 20 * time.Millisecond,
	MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond,
}

func TestWhatIsInUseStaysFreshWithoutAnyToken(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	c, events := newCache(t, quick)
	r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	c.Use([]*jwks.Remote{r, r})
	events.await(t, good)
	i.change(serve(set(jwk("b", edKey()))))
	events.await(t, func(jwks.Event) bool { set, _ := r.Set(t.Context(), ""); return kids(set.Keys()) == "b" })
	i.change(status(500))
	events.await(t, failed)
	events.await(t, failed)
	wantKeys(t, r, "", "b")
	i.change(serve(set(jwk("c", edKey()))))
	events.await(t, good)
	wantKeys(t, r, "", "c")
	if s := r.Status(); s.LastError != "" {
		t.Errorf("Status = %+v", s)
	}
}

func TestASetSurvivesAReloadAndWhatIsNotUsedIsForgotten(t *testing.T) {
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	c, events := newCache(t, jwks.Options{})
	one, two := jwks.Config{URL: i.URL + "/1", CAPEM: i.ca()}, jwks.Config{URL: i.URL + "/2", CAPEM: i.ca()}
	r1, r2 := remote(t, c, one), remote(t, c, two)
	c.Use([]*jwks.Remote{r1, r2})
	events.await(t, good)
	events.await(t, good)

	if remote(t, c, one) != r1 {
		t.Error("an equal config got another handle")
	}
	c.Use([]*jwks.Remote{r1})
	if remote(t, c, one) != r1 {
		t.Error("the handle that stayed in use was lost")
	}
	if remote(t, c, two) == r2 {
		t.Error("the handle that was dropped is still there")
	}
	wantKeys(t, r1, "", "a")
	wantKeys(t, r2, "", "a") // a request in flight may hold it
	if got := i.requests.Load(); got != 2 {
		t.Errorf("%d requests, want one for each", got)
	}
}

func TestWhatIsDroppedIsFetchedNoMore(t *testing.T) {
	i, other := newIssuer(t, serve(set(jwk("a", edKey())))), newIssuer(t, serve(set(jwk("b", edKey()))))
	c, events := newCache(t, quick)
	dropped, kept := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()}), remote(t, c, jwks.Config{URL: other.URL, CAPEM: other.ca()})
	c.Use([]*jwks.Remote{dropped, kept})
	events.await(t, func(e jwks.Event) bool { return e.Remote == dropped && e.Err == nil })
	c.Use([]*jwks.Remote{kept})
	for range 3 { // a fetch may have been under way
		events.await(t, func(e jwks.Event) bool { return e.Remote == kept })
	}
	before := i.requests.Load()
	for range 10 {
		events.await(t, func(e jwks.Event) bool { return e.Remote == kept })
	}
	if got := i.requests.Load(); got != before {
		t.Errorf("%d requests after it was dropped", got-before)
	}
}

func TestConfigsThatDifferInAnythingHaveTheirOwnKeys(t *testing.T) {
	c, _ := newCache(t, jwks.Options{})
	i := newIssuer(t, status(500))
	const u = "https://issuer.example/"
	configs := []jwks.Config{
		{URL: u}, {URL: u + "?x"}, {URL: u, AllowHTTP: true}, {URL: u, CAPEM: i.ca()},
		{WellKnownURL: u, Issuer: "a"}, {WellKnownURL: u, Issuer: "b"}, {WellKnownURL: u, AnyIssuer: true},
	}
	seen := map[*jwks.Remote]bool{}
	for _, cfg := range configs {
		seen[remote(t, c, cfg)] = true
	}
	if len(seen) != len(configs) {
		t.Errorf("%d handles for %d configs", len(seen), len(configs))
	}
}

func TestHowLongAnAnswerIsFreshIsBounded(t *testing.T) {
	tests := []struct {
		header   string
		from, to time.Duration // a tenth of jitter
	}{
		{"", 13*time.Minute + 30*time.Second, 15 * time.Minute},
		{"public, max-age=3600", 54 * time.Minute, time.Hour},
		{"Public,MAX-AGE=\"3600\"", 54 * time.Minute, time.Hour},
		{"max-age=1", 4*time.Minute + 30*time.Second, 5 * time.Minute},
		{"no-store", 4*time.Minute + 30*time.Second, 5 * time.Minute},
		{"max-age=2000000000", 21*time.Hour + 36*time.Minute, 24 * time.Hour},
		{"max-age=99999999999999999999", 13*time.Minute + 30*time.Second, 15 * time.Minute}, // no number
		{"max-age=-5", 13*time.Minute + 30*time.Second, 15 * time.Minute},
		{"max-age", 13*time.Minute + 30*time.Second, 15 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", tt.header)
				serve(set(jwk("a", edKey())))(w, r)
			})
			c, _ := newCache(t, jwks.Options{})
			r := remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
			wantKeys(t, r, "", "a")
			s := r.Status()
			if next := s.Next.Sub(s.FetchedAt); next < tt.from || next > tt.to {
				t.Errorf("it is fetched again after %s, want between %s and %s", next, tt.from, tt.to)
			}
		})
	}
}

func TestALastingFailureIsLoggedOnceAndItsEndToo(t *testing.T) {
	i := newIssuer(t, status(500))
	var out lockedBuffer
	opts := quick
	opts.Log = slog.New(slog.NewTextHandler(&out, nil))
	c, events := newCache(t, opts)
	c.Use([]*jwks.Remote{remote(t, c, jwks.Config{URL: i.URL + "/keys?secret", CAPEM: i.ca()})})
	for range 5 {
		events.await(t, failed)
	}
	i.change(serve(set(jwk("a", edKey()))))
	events.await(t, good)
	events.await(t, good)
	c.Close()
	log := out.String()
	if strings.Count(log, "fetching keys failed") != 1 || strings.Count(log, "works again") != 1 || strings.Contains(log, "secret") {
		t.Errorf("the log is:\n%s", log)
	}
}

// lockedBuffer is written to by one goroutine and read by another.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestClosingEndsWhatIsUnderWayAndKeepsWhatIsThere(t *testing.T) {
	hanging := newIssuer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	i := newIssuer(t, serve(set(jwk("a", edKey()))))
	c, _ := newCache(t, jwks.Options{})
	h, r := remote(t, c, jwks.Config{URL: hanging.URL, CAPEM: hanging.ca()}), remote(t, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(t, r, "", "a")
	c.Use([]*jwks.Remote{h, r})
	began := time.Now()
	c.Close()
	c.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %s", took)
	}
	wantKeys(t, r, "unknown", "a")
	if _, err := keysOf(t, h, ""); !errors.Is(err, jwks.ErrUnavailable) {
		t.Errorf("Set after Close: %v", err)
	}
	c.Use([]*jwks.Remote{h})
}

func BenchmarkRemoteSet(b *testing.B) {
	i := newIssuer(b, serve(set(jwk("a", edKey()))))
	c, _ := newCache(b, jwks.Options{})
	r := remote(b, c, jwks.Config{URL: i.URL, CAPEM: i.ca()})
	wantKeys(b, r, "a", "a")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			set, err := r.Set(b.Context(), "a")
			if err != nil || len(set.Candidates("a", "EdDSA")) != 1 {
				b.Error("not found")
			}
		}
	})
}

// The keys of a source are found in as many steps, however many sources there
// are: each has its own index, and a token asks only its own source. What a
// thousand take more is the processor's, whose cache they do not fit.
func BenchmarkLookupAmongSources(b *testing.B) {
	var keys []string
	for _, kid := range kidsOf(10) {
		keys = append(keys, jwk(kid, rsaKey()))
	}
	i := newIssuer(b, serve(set(keys...)))
	plain := httptest.NewServer(i.Config.Handler)
	b.Cleanup(plain.Close)
	for _, n := range []int{1, 1_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c, _ := newCache(b, jwks.Options{})
			sources := make([]*jwks.Remote, n)
			for at := range sources {
				sources[at] = remote(b, c, jwks.Config{URL: fmt.Sprint(plain.URL, "/", at), AllowHTTP: true})
				wantKeys(b, sources[at], "", strings.Join(kidsOf(10), " "))
			}
			kid, at := kidsOf(10)[7], 0
			b.ReportAllocs()
			for b.Loop() {
				at = (at + 7) % n // not the one whose keys are in the processor's cache
				set, err := sources[at].Set(b.Context(), kid)
				if err != nil || len(set.Candidates(kid, "RS256")) != 1 {
					b.Fatal("not found")
				}
			}
		})
	}
}

func kidsOf(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("0f1e2d3c4b5a-", i)
	}
	return all
}
