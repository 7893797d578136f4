package opaque_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/opaque"
)

func TestATokenIsIntrospectedAsRFC7662Says(t *testing.T) {
	tests := []struct {
		name, id, secret, basic string
	}{
		{"plain", "m2md", "s3cr-e_t.~", "m2md:s3cr-e_t.~"},
		{"with characters of form-encoding", "a:b", "p:%+ &=\"\\", "a%3Ab:p%3A%25%2B+%26%3D%22%5C"},
		{"RFC 6749's own example", " %&+£€", "x", "+%25%26%2B%C2%A3%E2%82%AC:x"}, // appendix B
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
				user, password, _ := r.BasicAuth()
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				got := fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Accept"), " ", r.Header.Get("Content-Type"), " ", r.PostForm, " ", user, ":", password)
				want := "POST /introspect?x=1 application/json application/x-www-form-urlencoded map[token:[a+/b&c=] token_type_hint:[access_token]] " + tt.basic
				if got != want || len(r.Header["Idempotency-Key"]) > 0 {
					t.Errorf("the request is %s, want %s", got, want)
				}
				serve(active)(w, r)
			})
			cfg := opaque.Config{IntrospectionURL: i.URL + "/introspect?x=1", ClientID: tt.id, ClientSecret: tt.secret, CAPEM: i.ca()}
			wantActive(t, remote(t, newCache(t, opaque.Options{}), cfg), "a+/b&c=", "ci")
			i.wantRequests(t, 1)
		})
	}
}

func TestAProfileIsAskedForByTheTokenItself(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Accept"), " ", r.Header["Authorization"], " ", string(body))
		if want := "GET /userinfo application/json [Bearer a+/b==] "; got != want {
			t.Errorf("the request is %s, want %s", got, want)
		}
		serve(`{"sub":"ci","groups":["a"]}`)(w, r)
	})
	cfg := opaque.Config{ProfileURL: i.URL + "/userinfo", ClientID: "without", ClientSecret: "effect", CAPEM: i.ca()}
	wantActive(t, remote(t, newCache(t, opaque.Options{}), cfg), "a+/b==", "ci")
	i.wantRequests(t, 1)
}

func TestTheAnswerBecomesClaimsOfEachCallersOwn(t *testing.T) {
	i := newIssuer(t, serve(` {"active":true,"sub":"ci","n":9007199254740993,"o":{"a":[1,null]}} `))
	r := remote(t, newCache(t, opaque.Options{}), i.introspection())
	want := map[string]any{"active": true, "sub": "ci", "n": json.Number("9007199254740993"), "o": map[string]any{"a": []any{json.Number("1"), nil}}}
	for range 3 {
		got, err := r.Claims(t.Context(), "t0ken")
		if err != nil || !reflect.DeepEqual(got.Claims, want) {
			t.Fatalf("Claims = %#v, %v, want %#v", got, err, want)
		}
		got.Claims["sub"] = "root"
		got.Claims["o"].(map[string]any)["a"] = "root"
	}
	i.wantRequests(t, 1)
}

// What an issuer answers to introspection, and what is made of it.
func TestOnlyTheBooleanTrueIsActive(t *testing.T) {
	inactive, unavailable := opaque.ErrInactive, opaque.ErrUnavailable
	tests := []struct {
		name   string
		answer http.HandlerFunc
		kind   error
		text   string
	}{
		{"not active", serve(`{"active":false,"sub":"ci"}`), inactive, "does not say that it is"},
		{"active in a text", serve(`{"active":"true"}`), inactive, ""},
		{"active in a number", serve(`{"active":1}`), inactive, ""},
		{"active in a list", serve(`{"active":[true]}`), inactive, ""},
		{"active in null", serve(`{"active":null}`), inactive, ""},
		{"active in capitals", serve(`{"Active":true}`), inactive, ""},
		{"nothing of it", serve(`{"sub":"ci"}`), inactive, ""},
		{"active twice", serve(`{"active":false,"active":true}`), unavailable, "names a member twice"},
		{"sub twice far inside", serve(`{"active":true,"o":[{"hunter2":1,"hunter2":2}]}`), unavailable, "names a member twice"},
		{"a list", serve(`[{"active":true}]`), unavailable, "not a JSON object"},
		{"true", serve(`true`), unavailable, "not a JSON object"},
		{"two objects", serve(`{"active":true}{"active":true}`), unavailable, "not JSON"},
		{"cut off", serve(`{"active":true`), unavailable, "not JSON"},
		{"nothing at all", serve(``), unavailable, "not JSON"},
		{"Latin-1", serve("{\"active\":true,\"sub\":\"\xfc\"}"), unavailable, "not well-formed JSON"},
		{"deep", serve(`{"active":true,"o":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`), unavailable, "nested too deep"},
		{"without a type", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, active)
		}, unavailable, "not application/json"},
		{"as text", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, active) }, unavailable, "not application/json"},
		{"as a JWT (RFC 9701)", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/token-introspection+jwt")
			io.WriteString(w, active)
		}, unavailable, "a signed JWT, not with plain JSON"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<h1>hunter2</h1>")
		}, unavailable, "HTML page"},
		{"HTML that says it is JSON", serve("\n<html>hunter2</html>"), unavailable, "HTML page"},
		{"400", status(400), unavailable, "status 400, not 200"},
		{"401", status(401), unavailable, "the issuer refuses consumer_key/consumer_secret: status 401"},
		{"403", status(403), unavailable, "the issuer refuses consumer_key/consumer_secret: status 403"},
		{"500", status(500), unavailable, "status 500, not 200"},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, unavailable, "status 204, not 200"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/2?hunter2", http.StatusFound) }, unavailable, "redirects, which is not followed"},
		{"a redirect with the body", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/2?hunter2", http.StatusTemporaryRedirect)
		}, unavailable, "redirects, which is not followed"},
		{"10 MB", serve(`{"active":true,"sub":"` + strings.Repeat("a", 10<<20) + `"}`), unavailable, "larger than 65536 bytes"},
		{"a hang", func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() }, unavailable, "took longer than 2s"},
		{"a drip", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			for tick := time.Tick(20 * time.Millisecond); ; {
				select {
				case <-r.Context().Done():
					return
				case <-tick:
					io.WriteString(w, " ")
					w.(http.Flusher).Flush()
				}
			}
		}, unavailable, "took longer than 2s"},
		{"a hang-up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, unavailable, "EOF"},
		{"its request, in a length", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			conn, out, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: hunter2%s%s\r\n\r\n", r.Header.Get("Authorization"), body)
			out.Flush()
			conn.Close()
		}, unavailable, "not HTTP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // some wait
			i := newIssuer(t, tt.answer)
			r := remote(t, newCache(t, opaque.Options{Timeout: patient(tt.text)}), i.introspection())
			wantError(t, r, "the-token", tt.kind, tt.text)
			wantError(t, r, "the-token", tt.kind, tt.text) // remembered, or not asked again so soon
			i.wantRequests(t, 1)
		})
	}
}

// patient is a time limit that a test does not reach unless it wants to.
func patient(want string) time.Duration {
	if strings.Contains(want, "2s") {
		return 2 * time.Second
	}
	return 0 // the default of newCache
}

func TestAProfileIsToldToBearersOfActiveTokensAlone(t *testing.T) {
	tests := []struct {
		name   string
		answer http.HandlerFunc
		kind   error
		text   string
	}{
		{"401", status(401), opaque.ErrInactive, "the issuer refuses it with status 401"},
		{"403", status(403), opaque.ErrInactive, "the issuer refuses it with status 403"},
		{"400", status(400), opaque.ErrUnavailable, "status 400, not 200"},
		{"404", status(404), opaque.ErrUnavailable, "status 404, not 200"},
		{"500", status(500), opaque.ErrUnavailable, "status 500, not 200"},
		{"a list", serve(`[]`), opaque.ErrUnavailable, "not a JSON object"},
		{"sub twice", serve(`{"sub":"a","sub":"b"}`), opaque.ErrUnavailable, "names a member twice"},
		{"a signed profile", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jwt")
			io.WriteString(w, "a.b.c")
		}, opaque.ErrUnavailable, "a signed JWT, not with plain JSON"},
		{"a redirect to a login", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, opaque.ErrUnavailable, "redirects"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t, tt.answer)
			wantError(t, remote(t, newCache(t, opaque.Options{}), i.profile()), "the-token", tt.kind, tt.text)
			i.wantRequests(t, 1)
		})
	}
}

func TestAnAnswerMayBeOfAnyKindOfJSON(t *testing.T) {
	for _, media := range []string{"application/json", "Application/JSON; charset=UTF-8", "application/vnd.issuer.v2+json"} {
		i := newIssuer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			io.WriteString(w, active)
		})
		wantActive(t, remote(t, newCache(t, opaque.Options{}), i.introspection()), "t0ken", "ci")
	}
}

func TestWhatCanBeNoTokenIsNotSent(t *testing.T) {
	i := newIssuer(t, serve(active))
	c := newCache(t, opaque.Options{})
	both := []*opaque.Remote{remote(t, c, i.introspection()), remote(t, c, i.profile())}
	long := strings.Repeat("a", opaque.MaxToken)
	for _, token := range []string{"", long + "a", "a b", "a\nb", "a\r\nX: y", "a\x00", "a\x7f", "ü", "a\xff", "\ta"} {
		for _, r := range both {
			wantError(t, r, token, opaque.ErrInactive, "can not be one")
		}
	}
	for _, token := range []string{"=", "a=b", "a,b", `a"b`, "a:b", "a%20b"} { // but may be introspected
		wantError(t, both[1], token, opaque.ErrInactive, "can not be one")
	}
	i.wantRequests(t, 0)
	for _, r := range both {
		wantActive(t, r, long, "ci")
		wantActive(t, r, "AZaz09-._~+/==", "ci")
	}
	wantActive(t, both[0], "!\"#$%&'()*,:;<=>?@[]^`{|}", "ci")
}

func TestAnAnswerIsRememberedForAMinuteAndNeverPastItsExp(t *testing.T) {
	start := time.Now()
	at := func(offset float64) string { return fmt.Sprintf("%f", float64(start.UnixMilli())/1000+offset) }
	tests := []struct {
		name, answer string
		keep         time.Duration
	}{
		{"active", active, 60 * time.Second},
		{"with an exp far away", `{"active":true,"sub":"ci","exp":` + at(3600) + `}`, 60 * time.Second},
		{"with an exp beyond all years", `{"active":true,"sub":"ci","exp":1e300}`, 60 * time.Second},
		{"with an exp in 20 s", `{"active":true,"sub":"ci","exp":` + at(20) + `}`, 20 * time.Second},
		{"with an exp now", `{"active":true,"sub":"ci","exp":` + at(0) + `}`, 0},
		{"with an exp long ago", `{"active":true,"sub":"ci","exp":1}`, 0},
		{"with an exp before time", `{"active":true,"sub":"ci","exp":-1e300}`, 0},
		{"with an exp beyond numbers", `{"active":true,"sub":"ci","exp":1e400}`, 0},
		{"with an exp in a text", `{"active":true,"sub":"ci","exp":"4102444800"}`, 0},
		{"with an exp that is null", `{"active":true,"sub":"ci","exp":null}`, 0},
		{"not active", `{"active":false}`, 10 * time.Second},
		{"not active, with an exp", `{"active":false,"exp":` + at(1) + `}`, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i, clock := newIssuer(t, serve(tt.answer)), &clock{t: start}
			r := remote(t, newCache(t, opaque.Options{Now: clock.now}), i.introspection())
			asked := int64(0)
			ask := func(wantNew bool) {
				t.Helper()
				if wantNew {
					asked++
				}
				if _, err := r.Claims(t.Context(), "t0ken"); errors.Is(err, opaque.ErrUnavailable) {
					t.Fatal(err)
				}
				i.wantRequests(t, asked)
			}
			ask(true)
			if tt.keep > 0 {
				ask(false)
				clock.pass(tt.keep - 20*time.Millisecond)
				ask(false)
				clock.pass(20 * time.Millisecond)
			}
			ask(true)
			clock.pass(-time.Hour) // a clock that is put back keeps nothing longer
			ask(true)
		})
	}
}

func TestARevokedTokenEndsWithinAMinuteAndAGrantedOneBegins(t *testing.T) {
	clock := newClock()
	i := newIssuer(t, serve(active))
	r := remote(t, newCache(t, opaque.Options{Now: clock.now}), i.introspection())
	wantActive(t, r, "t0ken", "ci")
	i.change(serve(`{"active":false}`))
	wantActive(t, r, "t0ken", "ci")
	clock.pass(opaque.KeepActive)
	wantError(t, r, "t0ken", opaque.ErrInactive, "")
	i.change(serve(active))
	wantError(t, r, "t0ken", opaque.ErrInactive, "")
	clock.pass(opaque.KeepInactive)
	wantActive(t, r, "t0ken", "ci")
}

func TestAnIssuerThatIsDownIsAskedLessAndLess(t *testing.T) {
	clock := newClock()
	i := newIssuer(t, status(500))
	var out lockedBuffer
	c := newCache(t, opaque.Options{Now: clock.now, Log: slog.New(slog.NewTextHandler(&out, nil))})
	r := remote(t, c, i.introspection())
	requests := int64(0)
	for _, wait := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		wait *= time.Second
		var wg sync.WaitGroup
		for n := range 100 { // who come at a time fail together
			wg.Go(func() { wantError(t, r, fmt.Sprint("t0ken", n), opaque.ErrUnavailable, "status 500, not 200") })
		}
		wg.Wait()
		if made := i.requests.Load() - requests; made < 1 || made > opaque.MaxInFlight {
			t.Errorf("100 tokens made %d requests", made)
		}
		requests = i.requests.Load()
		clock.pass(wait - time.Millisecond)
		wantError(t, r, "t0ken", opaque.ErrUnavailable, "asked again in 1ms")
		i.wantRequests(t, requests)
		clock.pass(time.Millisecond)
	}
	i.change(serve(active))
	wantActive(t, r, "t0ken", "ci")
	i.change(status(500))
	wantActive(t, r, "t0ken", "ci") // remembered
	wantError(t, r, "other", opaque.ErrUnavailable, "status 500")
	wantActive(t, r, "t0ken", "ci")
	clock.pass(time.Second) // it begins anew
	i.change(serve(active))
	wantActive(t, r, "other", "ci")
	c.Close() // which waits for what is still to be logged
	if log := out.String(); strings.Count(log, "tokens failed") != 2 || strings.Count(log, "works again") != 2 || strings.Contains(log, "hunter2") || strings.Contains(log, "token0") {
		t.Errorf("the log is:\n%s", log)
	}
}

func TestAClockThatIsPutBackLengthensNoOutage(t *testing.T) {
	clock := newClock()
	i := newIssuer(t, status(500))
	r := remote(t, newCache(t, opaque.Options{Now: clock.now}), i.introspection())
	wantError(t, r, "t0ken", opaque.ErrUnavailable, "status 500")
	i.change(serve(active))
	clock.pass(-time.Hour)
	wantActive(t, r, "t0ken", "ci")
}

func TestATokenThatFailsAloneStopsNoOther(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") == "odd" {
			<-release
			status(500)(w, r)
			return
		}
		serve(active)(w, r)
	})
	r := remote(t, newCache(t, opaque.Options{}), i.introspection())
	var wg sync.WaitGroup
	wg.Go(func() { wantError(t, r, "odd", opaque.ErrUnavailable, "status 500") })
	eventually(t, "it is asked about", func() bool { return i.inFlight.Load() == 1 })
	wantActive(t, r, "good", "ci")
	close(release)
	wg.Wait()
	wantActive(t, r, "another", "ci")
}

func TestAThousandOfOneTokenMakeOneRequest(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		serve(active)(w, r)
	})
	r := remote(t, newCache(t, opaque.Options{}), i.introspection())
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { wantActive(t, r, "t0ken", "ci") })
	}
	eventually(t, "it is asked", func() bool { return i.inFlight.Load() == 1 })
	close(release)
	wg.Wait()
	i.wantRequests(t, 1)
}

func TestAFloodOfTokensMakesSixteenRequestsAtATime(t *testing.T) {
	i := newUnstarted(func(w http.ResponseWriter, r *http.Request) {
		serve(fmt.Sprintf(`{"active":true,"sub":%q}`, r.FormValue("token")))(w, r)
	})
	i.Start() // without TLS, which would be most of the work
	t.Cleanup(i.Close)
	cfg := opaque.Config{IntrospectionURL: i.URL, ClientID: "m2md", ClientSecret: "hunter2", AllowHTTP: true}
	r := remote(t, newCache(t, opaque.Options{Now: newClock().now}), cfg)
	var wg sync.WaitGroup
	for n := range 10_000 {
		token := fmt.Sprint("token-", n)
		wg.Go(func() { wantActive(t, r, token, token) })
	}
	wg.Wait()
	i.wantRequests(t, 10_000)
	if most := i.most.Load(); most > opaque.MaxInFlight || most < 2 {
		t.Errorf("%d requests at a time, want at most %d", most, opaque.MaxInFlight)
	}
	wantActive(t, r, "token-9999", "token-9999")
	if n := i.open(); n > opaque.MaxInFlight {
		t.Errorf("%d connections are open", n)
	}
}

func TestNobodyWaitsLongForATurn(t *testing.T) {
	i := newIssuer(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	r := remote(t, newCache(t, opaque.Options{MaxWait: 20 * time.Millisecond}), i.introspection())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for n := range opaque.MaxInFlight {
		wg.Go(func() { r.Claims(ctx, fmt.Sprint("t0ken", n)) })
	}
	eventually(t, "all are asked", func() bool { return i.inFlight.Load() == opaque.MaxInFlight })
	began := time.Now()
	wantError(t, r, "one more", opaque.ErrInactive, "can not be one")
	wantError(t, r, "one-more", opaque.ErrUnavailable, "busy with 16 other tokens for 20ms")
	impatient, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := r.Claims(impatient, "one-more"); !errors.Is(err, opaque.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Claims with a deadline: %v", err)
	}
	if waited := time.Since(began); waited > 5*time.Minute {
		t.Errorf("they waited %s", waited)
	}
	i.wantRequests(t, opaque.MaxInFlight)
}

func TestWhoLeavesLeavesTheRequestToTheOthers(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		serve(active)(w, r)
	})
	r := remote(t, newCache(t, opaque.Options{}), i.introspection())
	ctx, leave := context.WithCancel(t.Context())
	var left, others sync.WaitGroup
	gone := func(token string) {
		left.Go(func() {
			if _, err := r.Claims(ctx, token); !errors.Is(err, context.Canceled) || !errors.Is(err, opaque.ErrUnavailable) {
				t.Errorf("who leaves gets %v", err)
			}
		})
	}
	gone("asked") // a request is under way for it
	eventually(t, "it is asked about", func() bool { return i.inFlight.Load() == 1 })
	others.Go(func() { wantActive(t, r, "asked", "ci") })
	for n := range opaque.MaxInFlight - 1 {
		others.Go(func() { wantActive(t, r, fmt.Sprint("busy", n), "ci") })
	}
	eventually(t, "all are asked about", func() bool { return i.inFlight.Load() == opaque.MaxInFlight })
	for range 10 { // some of them wait for the first of them, which waits for its turn
		gone("waiting")
		others.Go(func() { wantActive(t, r, "waiting", "ci") })
	}
	gone("forgotten") // nobody else waits for it
	leave()
	left.Wait()
	close(release)
	others.Wait()
	i.wantRequests(t, opaque.MaxInFlight+1)
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

func BenchmarkClaimsRemembered(b *testing.B) {
	i := newIssuer(b, serve(`{"active":true,"sub":"service-account-ci","scope":"read write","client_id":"ci","username":"ci","token_type":"Bearer","iss":"https://issuer.example","aud":["api","m2md"],"iat":1717674400,"exp":4102444800,"realm_access":{"roles":["a","b"]}}`))
	r := remote(b, newCache(b, opaque.Options{Now: newClock().now}), i.introspection())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Claims(b.Context(), "2YotnFZFEjr1zCsicMWpAA"); err != nil {
			b.Fatal(err)
		}
	}
}
