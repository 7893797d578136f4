package fetch_test

import (
	"bufio"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/fetch"
)

// options are those of most tests.
var options = fetch.Options{MaxBytes: 1000, Timeout: 5 * time.Minute} // the machine may be busy

func newClient(t testing.TB, opts fetch.Options) *fetch.Client {
	t.Helper()
	c, err := fetch.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// get asks for a document.
func get(t testing.TB, c *fetch.Client, address string) (fetch.Response, error) {
	t.Helper()
	u, err := c.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context(), fetch.Request{URL: u})
}

// newServer is a real server, over TLS.
func newServer(t testing.TB, answer http.HandlerFunc) (s *httptest.Server, ca []byte) {
	s = httptest.NewUnstartedServer(answer)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func TestADocumentComesWithItsHeader(t *testing.T) {
	s, ca := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Asked", fmt.Sprint(r.Method, " ", r.URL, " ", r.Header["X-Why"], " ", r.UserAgent(), " ", string(body)))
		io.WriteString(w, ` {"a":1} `)
	})
	opts := options
	opts.CAPEM = ca
	c := newClient(t, opts)
	u, err := c.ParseURL(s.URL + "/x?q=1")
	if err != nil {
		t.Fatal(err)
	}
	for want, req := range map[string]fetch.Request{
		"GET /x?q=1 [] m2md ":         {URL: u},
		"POST /x?q=1 [tests] m2md ab": {Method: "POST", URL: u, Header: http.Header{"X-Why": {"tests"}}, Body: []byte("ab")},
	} {
		got, err := c.Do(t.Context(), req)
		if err != nil || string(got.Body) != ` {"a":1} ` || got.Header.Get("X-Asked") != want {
			t.Errorf("Do = %s, %v, want one for %q", got.Body, err, want)
		}
	}
}

func TestURLsAreChecked(t *testing.T) {
	strict := newClient(t, options)
	opts := options
	opts.AllowHTTP = true
	lax := newClient(t, opts)
	tests := []struct {
		url  string
		c    *fetch.Client
		want string // in the error; "" where it is accepted
	}{
		{"https://issuer.example", strict, ""},
		{"https://[::1]:8443/a%2Fb?secret#", strict, ""},
		{"HTTPS://ISSUER.EXAMPLE", strict, ""},
		{"http://issuer.example", lax, ""},
		{"http://issuer.example", strict, "http is not allowed"},
		{"file:///etc/passwd", lax, "not https"},
		{"unix:///run/secret", lax, "not https"},
		{"//issuer.example/", strict, "not https"},
		{"", strict, "not https"},
		{"https:///secret", strict, "no host"},
		{"https://:443/", strict, "no host"},
		{"https:issuer.example", strict, "no host"},
		{"https://user:secret@issuer.example/", strict, "user name or password"},
		{"https://@issuer.example/", strict, "user name or password"},
		{"https://issuer.example/#secret", strict, "fragment"},
		{"https://issuer.example:secret/", strict, "can not be parsed"},
		{"https://issuer.example/\n", strict, "can not be parsed"},
		{"https://[::1", strict, "can not be parsed"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			u, err := tt.c.ParseURL(tt.url)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("ParseURL = %v, %v, want %q", u, err, tt.want)
			}
			if err == nil && strings.Contains(u.String(), "secret") {
				t.Errorf("the query is shown: %s", u)
			}
		})
	}
}

func TestAURLIsShownInOneShortLine(t *testing.T) {
	c := newClient(t, options)
	u, err := c.ParseURL("https://issuer\u202e.example/\u009b" + strings.Repeat("a", 5000) + "?secret")
	if err != nil {
		t.Fatal(err)
	}
	if got := u.String(); len(got) > 300 || strings.ContainsAny(got, "\u202e\u009b") || !strings.HasPrefix(got, "https://issuer") {
		t.Errorf("String = %q", got)
	}
}

// rawServer answers on each connection with bytes, whatever it is asked.
func rawServer(t *testing.T, answer string) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.Read(make([]byte, 4096))
				io.WriteString(conn, answer)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// Each server sends back the secret that it was sent, where net/http would quote it.
func TestNoErrorQuotesWhatAServerSays(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct{ name, answer, want string }{
		{"another protocol", "220 secret ESMTP\r\n", "not HTTP"},
		{"another version", "HTTP/secret 200 OK\r\n\r\n{}", "not HTTP"},
		{"a status of letters", "HTTP/1.1 secret\r\n\r\n", "not HTTP"},
		{"a status text", "HTTP/1.1 500 secret\r\n\r\nsecret", "status 500, not 200"},
		{"a header without a colon", ok + "secret\r\n\r\n{}", "not HTTP"},
		{"a length that is none", ok + "Content-Length: secret\r\n\r\n{}", "not HTTP"},
		{"two lengths", ok + "Content-Length: 1\r\nContent-Length: secret\r\n\r\n{}", "not HTTP"},
		{"an unknown encoding", ok + "Transfer-Encoding: secret\r\n\r\n{}", "not HTTP"},
		{"a broken chunk", ok + "Transfer-Encoding: chunked\r\n\r\nsecret\r\n", "not HTTP"},
		{"a bad trailer", ok + "Transfer-Encoding: chunked\r\nTrailer: Content-Length, secret\r\n\r\n0\r\n\r\n", "not HTTP"},
		{"no gzip", ok + "Content-Encoding: gzip\r\n\r\nsecretsecretsecret", "not HTTP"},
		{"a redirect to no URL", "HTTP/1.1 302 Found\r\nLocation: http://%secret\r\n\r\n", "not HTTP"},
		{"a redirect to nowhere", "HTTP/1.1 302 Found\r\n\r\nsecret", "status 302, not 200"},
		{"a redirect", "HTTP/1.1 302 Found\r\nLocation: /secret\r\n\r\n", "which is not followed"},
		{"a redirect that keeps the body", "HTTP/1.1 307 Found\r\nLocation: https://secret.example/\r\n\r\n", "which is not followed"},
		{"headers of a megabyte", ok + "X: secret" + strings.Repeat("x", 1<<20) + "\r\n\r\n{}", "headers are longer than 65536 bytes"},
		{"a hang-up", ok + "Content-Length: 100\r\n\r\n{\"secret\":", "unexpected EOF"},
		{"nothing", "", "EOF"},
		{"text", ok + "\r\nsecret", "not JSON"},
		{"JSON and more", ok + "\r\n{} secret", "not JSON"},
		{"HTML", ok + "\r\n \n<secret>", "HTML page"},
		{"HTML by its type", ok + "Content-Type: Text/HTML;charset=secret\r\n\r\n{}", "HTML page"},
		{"a JWT (RFC 9701)", ok + "Content-Type: application/token-introspection+jwt\r\n\r\nsecret", "a signed JWT"},
		{"a JWT (OIDC UserInfo)", ok + "Content-Type: application/jwt\r\n\r\nsecret", "a signed JWT"},
		{"too much", ok + "\r\n{\"secret\":1" + strings.Repeat(" ", 1000) + "}", "larger than 1000 bytes"},
		{"too much, announced", ok + "Content-Length: 1001\r\n\r\n{\"secret\"", "larger than 1000 bytes"},
	}
	opts := options
	opts.AllowHTTP = true
	c := newClient(t, opts)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := get(t, c, rawServer(t, tt.answer)+"/?secret")
			if err == nil || !strings.Contains(err.Error(), tt.want) || got.Body != nil || got.Header != nil {
				t.Fatalf("Do = %v, %v, want an error with %q", got, err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes a stranger: %v", err)
			}
		})
	}
}

func TestAStatusCanBeTold(t *testing.T) {
	_, err := get(t, newClient(t, fetch.Options{AllowHTTP: true, MaxBytes: 1, Timeout: time.Minute}), rawServer(t, "HTTP/1.1 401 No\r\n\r\n"))
	if status, ok := errors.AsType[*fetch.StatusError](err); !ok || status.Status != 401 {
		t.Errorf("Do: %v, want status 401", err)
	}
}

func TestTheReasonOfARefusalCanBeRead(t *testing.T) {
	opts := options
	opts.AllowHTTP = true
	c := newClient(t, opts)
	tests := []struct {
		name, answer string
		body, want   string // of the error; "" for none
	}{
		{"JSON", "HTTP/1.1 401 No\r\nX-Why: a\r\n\r\n{}", "{}", ""},
		{"HTML", "HTTP/1.1 502 No\r\nContent-Type: text/html\r\n\r\n<p>", "<p>", ""},
		{"nothing", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "", ""},
		{"too much", "HTTP/1.1 401 No\r\n\r\n" + strings.Repeat(" ", 1001), "", "larger than 1000 bytes"},
		{"a redirect", "HTTP/1.1 307 No\r\nLocation: /\r\n\r\n{}", "", "which is not followed"},
		{"success, and HTML", "HTTP/1.1 200 OK\r\n\r\n<p>", "", "HTML page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := c.ParseURL(rawServer(t, tt.answer))
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Do(t.Context(), fetch.Request{URL: u, AnyStatus: true})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || got.Body != nil {
					t.Errorf("Do = %s, %v, want an error with %q", got.Body, err, tt.want)
				}
				return
			}
			if err != nil || string(got.Body) != tt.body || !strings.Contains(tt.answer, fmt.Sprint(" ", got.Status, " ")) {
				t.Errorf("Do = %d %s, %v, want %q", got.Status, got.Body, err, tt.body)
			}
		})
	}
}

func TestAServerThatIsNotReachedCanBeTold(t *testing.T) {
	opts := options
	opts.AllowHTTP = true
	c := newClient(t, opts)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	for name, tt := range map[string]struct {
		address    string
		connection bool
	}{
		"nobody listens":   {"http://" + listener.Addr().String(), true},
		"no such host":     {"http://nowhere.invalid", true},
		"a hang-up":        {rawServer(t, ""), true},
		"half an answer":   {rawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), true},
		"no HTTP":          {rawServer(t, "220 ESMTP\r\n"), false},
		"another document": {rawServer(t, "HTTP/1.1 200 OK\r\n\r\n<p>"), false},
	} {
		_, err := get(t, c, tt.address)
		if _, connection := errors.AsType[*fetch.ConnectionError](err); err == nil || connection != tt.connection {
			t.Errorf("%s: %v is a connection's error: %t, want %t", name, err, connection, tt.connection)
		}
	}
}

func TestABodyOfJustTheLimitIsRead(t *testing.T) {
	body := "{" + strings.Repeat(" ", 998) + "}"
	opts := options
	opts.AllowHTTP = true
	got, err := get(t, newClient(t, opts), rawServer(t, "HTTP/1.1 200 OK\r\n\r\n"+body))
	if err != nil || string(got.Body) != body {
		t.Errorf("Do = %v, %v", got, err)
	}
}

func TestTimeEndsARequestAndSaysSo(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for tick := time.Tick(5 * time.Millisecond); ; {
			select {
			case <-r.Context().Done():
				return
			case <-tick:
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
			}
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, answer := range map[string]http.HandlerFunc{"a drip": drip, "a hang": hang} {
		t.Run(name, func(t *testing.T) {
			s, ca := newServer(t, answer)
			c := newClient(t, fetch.Options{CAPEM: ca, MaxBytes: 1 << 20, Timeout: 300 * time.Millisecond})
			if _, err := get(t, c, s.URL); err == nil || err.Error() != "it took longer than 300ms" {
				t.Errorf("Do: %v", err)
			}
			u, _ := c.ParseURL(s.URL)
			several, cancel := fetch.Within(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := c.Do(several, fetch.Request{URL: u}); err == nil || err.Error() != "it took longer than 50ms" {
				t.Errorf("Do within a limit of several: %v", err)
			}
			ended, end := context.WithCancel(t.Context())
			end()
			if _, err := c.Do(ended, fetch.Request{URL: u}); !errors.Is(err, context.Canceled) {
				t.Errorf("Do after the end: %v", err)
			}
		})
	}
}

func TestOnlyTheGivenRootsAreTrusted(t *testing.T) {
	s, ca := newServer(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") })
	opts := options
	opts.CAPEM = ca
	if _, err := get(t, newClient(t, opts), s.URL); err != nil {
		t.Errorf("by its root: %v", err)
	}
	if _, err := get(t, newClient(t, opts), strings.Replace(s.URL, "127.0.0.1", "localhost", 1)); err == nil || !strings.Contains(err.Error(), "certificate is valid for example.com") {
		t.Errorf("under another name: %v", err)
	}
	if _, err := get(t, newClient(t, options), s.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("by the system's roots: %v", err)
	}
	if _, err := get(t, newClient(t, opts), strings.Replace(rawServer(t, "HTTP/1.1 200 OK\r\n\r\n{}"), "http:", "https:", 1)); err == nil || !strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		t.Errorf("without TLS: %v", err)
	}
	for name, pem := range map[string]string{
		"text": "secret", "white space": "\n", "a key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"a broken certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "more behind it": string(ca) + "secret",
	} {
		opts.CAPEM = []byte(pem)
		if _, err := fetch.New(opts); err == nil || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "its CA") {
			t.Errorf("New with %s for a CA: %v", name, err)
		}
	}
}

func TestRedirectsAreFollowedAsFarAsAllowed(t *testing.T) {
	var requests atomic.Int64
	plain := rawServer(t, "HTTP/1.1 200 OK\r\n\r\n{}")
	s, ca := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/3", "/2", "/1":
			http.Redirect(w, r, fmt.Sprint("/", r.URL.Path[1]-'1'), http.StatusFound)
		case "/plain":
			http.Redirect(w, r, plain, http.StatusFound)
		case "/user":
			http.Redirect(w, r, "https://user:secret@"+r.Host+"/0", http.StatusFound)
		default:
			io.WriteString(w, "{}")
		}
	})
	tests := []struct {
		path     string
		max      int
		requests int64
		want     string // in the error; "" where it is followed
	}{
		{"/2", 2, 3, ""},
		{"/3", 2, 3, "redirects more than 2 times"},
		{"/1", 0, 1, "not followed"},
		{"/plain", 2, 1, "http is not allowed"},
		{"/user", 2, 1, "user name or password"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.path, " ", tt.max), func(t *testing.T) {
			requests.Store(0)
			opts := options
			opts.CAPEM, opts.MaxRedirects = ca, tt.max
			_, err := get(t, newClient(t, opts), s.URL+tt.path)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("Do: %v, want %q", err, tt.want)
			}
			if got := requests.Load(); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
		})
	}
}

func TestConnectionsAreKeptOnlyWhereThatIsWanted(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "{}")
	}
	plain := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(plain.Close)
	secure, ca := newServer(t, answer) // speaks HTTP/2
	opts := options
	opts.AllowHTTP, opts.CAPEM = true, ca
	for _, address := range []string{plain.URL, plain.URL + "/refused", secure.URL, secure.URL + "/refused"} {
		t.Run(address, func(t *testing.T) {
			opts.MaxIdle = 0
			forgetful := newClient(t, opts)
			opts.MaxIdle = 1
			keeping := newClient(t, opts)
			got := []bool{reuses(t, forgetful, address), reuses(t, forgetful, address), reuses(t, keeping, address), reuses(t, keeping, address)}
			keeping.Close()
			got = append(got, reuses(t, keeping, address))
			if want := []bool{false, false, false, true, false}; !slices.Equal(got, want) {
				t.Errorf("connections were used again: %v, want %v", got, want)
			}
		})
	}
}

// reuses says whether a request goes over a connection that an earlier one used.
func reuses(t *testing.T, c *fetch.Client, address string) (again bool) {
	t.Helper()
	u, err := c.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { again = i.Reused }})
	_, err = c.Do(ctx, fetch.Request{URL: u})
	if _, refused := errors.AsType[*fetch.StatusError](err); err != nil && !refused {
		t.Fatal(err)
	}
	return again
}

func TestAClientWithoutBoundsIsABug(t *testing.T) {
	for _, opts := range []fetch.Options{{}, {MaxBytes: 1}, {Timeout: 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New(%+v) made a client", opts)
				}
			}()
			fetch.New(opts)
		}()
	}
}

// The environment is read once in a process: each case is one.
func TestTheProxyOfTheEnvironmentIsAsked(t *testing.T) {
	if address := os.Getenv("FETCH_TEST_ADDRESS"); address != "" {
		opts := options
		opts.AllowHTTP = true
		got, err := get(t, newClient(t, opts), address)
		fmt.Printf("answer: %s, %v\n", got.Body, err)
		return
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			http.Error(w, "secret", http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"proxied":%q}`, r.URL)
	}))
	t.Cleanup(proxy.Close)
	tests := []struct{ address, variable, want string }{
		{"http://issuer.invalid/x", "HTTP_PROXY=" + proxy.URL, `answer: {"proxied":"http://issuer.invalid/x"}, <nil>`},
		{"https://issuer.invalid/x", "HTTPS_PROXY=" + proxy.URL, "answer: , the proxy answers with status 403, not 200"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheProxyOfTheEnvironmentIsAsked$")
			cmd.Env = []string{"FETCH_TEST_ADDRESS=" + tt.address, tt.variable}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want+"\n") || strings.Contains(string(out), "secret") {
				t.Errorf("with a proxy: %v\n%s, want %s", err, out, tt.want)
			}
		})
	}
}

// A server may close a kept connection while a request is on its way.
func TestARequestIsMadeAgainWhereItsKeptConnectionBreaks(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	asked := make(chan string, 10) // more than are expected
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			for n := range 2 { // it answers the first request of each connection
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					break
				}
				body, _ := io.ReadAll(r.Body)
				asked <- r.Method + " " + string(body)
				if n == 0 {
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
				}
			}
			conn.Close()
		}
	}()
	opts := options
	opts.AllowHTTP, opts.MaxIdle = true, 1
	c := newClient(t, opts)
	u, err := c.ParseURL("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Do(t.Context(), fetch.Request{Method: http.MethodPost, URL: u, Body: []byte("a=b")}); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		if got := <-asked; got != "POST a=b" {
			t.Errorf("it was asked %q", got)
		}
	}
}
