package opaque_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/m2md/m2md/engine/opaque"
)

func TestAConfigThatCanNotWorkIsRefusedAtOnce(t *testing.T) {
	const u = "https://issuer.example/introspect"
	tests := []struct {
		name string
		cfg  opaque.Config
		want string
	}{
		{"neither URL", opaque.Config{ClientID: "a", ClientSecret: "b"}, "one of"},
		{"both URLs", opaque.Config{IntrospectionURL: u, ProfileURL: u, ClientID: "a", ClientSecret: "b"}, "one of"},
		{"introspection without a secret", opaque.Config{IntrospectionURL: u, ClientID: "hunter2"}, "needs consumer_key and consumer_secret"},
		{"introspection without an ID", opaque.Config{IntrospectionURL: u, ClientSecret: "hunter2"}, "needs consumer_key and consumer_secret"},
		{"a secret with a line break", opaque.Config{IntrospectionURL: u, ClientID: "a", ClientSecret: "hunter2\n"}, "control character"},
		{"an ID with a line break", opaque.Config{IntrospectionURL: u, ClientID: "hunter2\r\n", ClientSecret: "b"}, "control character"},
		{"http", opaque.Config{ProfileURL: "http://issuer.example/hunter2"}, "http is not allowed"},
		{"another scheme", opaque.Config{ProfileURL: "file:///etc/passwd", AllowHTTP: true}, "not https"},
		{"a password in it", opaque.Config{ProfileURL: "https://user:hunter2@issuer.example/"}, "user name or password"},
		{"a CA that is none", opaque.Config{ProfileURL: u, CAPEM: []byte("hunter2")}, "not a list of certificates"},
	}
	c := newCache(t, opaque.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Remote(tt.cfg)
			if !errors.Is(err, opaque.ErrConfig) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Remote: %v, want ErrConfig with %q", err, tt.want)
			}
		})
	}
}

func TestNoWayOfPrintingAConfigShowsItsSecret(t *testing.T) {
	cfg := opaque.Config{IntrospectionURL: "https://issuer.example", ClientID: "m2md", ClientSecret: "hunter2"}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "cfg", cfg, "list", []opaque.Config{cfg})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "cfg", cfg)
	fmt.Fprintf(&out, "%v %+v %#v %s %q %d %x %v", cfg, cfg, cfg, cfg, cfg, cfg, cfg, &cfg)
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("printed is:\n%s", &out)
	}
}

func TestConfigsThatDifferInAnythingAreAskedApart(t *testing.T) {
	i := newIssuer(t, status(500))
	const u, a, b = "https://issuer.example/1", "a", "b"
	configs := []opaque.Config{
		{IntrospectionURL: u, ClientID: a, ClientSecret: a}, {IntrospectionURL: u, ClientID: a, ClientSecret: b}, {IntrospectionURL: u, ClientID: b, ClientSecret: a},
		{IntrospectionURL: u + "?x", ClientID: a, ClientSecret: a}, {IntrospectionURL: u, ClientID: a, ClientSecret: a, AllowHTTP: true},
		{IntrospectionURL: u, ClientID: a, ClientSecret: a, CAPEM: i.ca()}, {ProfileURL: u},
	}
	c := newCache(t, opaque.Options{})
	seen := map[*opaque.Remote]bool{}
	for _, cfg := range configs {
		r := remote(t, c, cfg)
		if remote(t, c, cfg) != r {
			t.Error("an equal config got another handle")
		}
		seen[r] = true
	}
	if len(seen) != len(configs) {
		t.Errorf("%d handles for %d configs", len(seen), len(configs))
	}
}

func TestWhatIsRememberedSurvivesAReload(t *testing.T) {
	i := newIssuer(t, serve(active))
	c := newCache(t, opaque.Options{})
	kept, dropped := remote(t, c, i.introspection()), remote(t, c, i.profile())
	c.Use([]*opaque.Remote{kept, dropped})
	wantActive(t, kept, "t0ken", "ci")
	wantActive(t, dropped, "t0ken", "ci")
	if remote(t, c, i.introspection()) != kept {
		t.Error("an equal config got another handle")
	}
	c.Use([]*opaque.Remote{kept, kept})
	if remote(t, c, i.introspection()) != kept || remote(t, c, i.profile()) == dropped {
		t.Error("the wrong one was forgotten")
	}
	wantActive(t, kept, "t0ken", "ci")
	wantActive(t, dropped, "t0ken", "ci") // a request in flight may hold it
	i.wantRequests(t, 2)
}

func TestWhatIsDroppedKeepsNoConnection(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") == "slow" {
			<-release
		}
		serve(active)(w, r)
	})
	c := newCache(t, opaque.Options{})
	r := remote(t, c, i.introspection())
	c.Use([]*opaque.Remote{r})
	wantActive(t, r, "a", "ci")
	wantActive(t, r, "b", "ci")
	if n := i.open(); n != 1 {
		t.Errorf("%d connections for one request after the other, want 1", n)
	}
	var wg sync.WaitGroup
	wg.Go(func() { wantActive(t, r, "slow", "ci") })
	eventually(t, "it is asked about", func() bool { return i.inFlight.Load() == 1 })
	c.Use(nil)
	close(release)
	wg.Wait()
	eventually(t, "no connection is open", func() bool { return i.open() == 0 })
	wantActive(t, r, "c", "ci")
	eventually(t, "no connection is open", func() bool { return i.open() == 0 })
	c.Use([]*opaque.Remote{r}) // a reload back to it
	wantActive(t, r, "d", "ci")
	wantActive(t, r, "e", "ci")
	if n := i.open(); n != 1 {
		t.Errorf("%d connections after it is used again, want 1", n)
	}
}

func TestClosingEndsWhatIsUnderWayAndTellsWhatIsRemembered(t *testing.T) {
	before := runtime.NumGoroutine()
	i := newIssuer(t, serve(active))
	var out lockedBuffer
	c := newCache(t, opaque.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	r := remote(t, c, i.introspection())
	wantActive(t, r, "t0ken", "ci")
	i.change(func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	var wg sync.WaitGroup
	for n := range 2 * opaque.MaxInFlight {
		wg.Go(func() { wantError(t, r, fmt.Sprint("t0ken", n), opaque.ErrUnavailable, "") })
	}
	eventually(t, "it is asked about", func() bool { return i.inFlight.Load() == opaque.MaxInFlight })
	c.Close()
	c.Close()
	wg.Wait()
	wantActive(t, r, "t0ken", "ci")
	wantError(t, r, "another", opaque.ErrUnavailable, "shutting down")
	if out.String() != "" {
		t.Errorf("it is logged: %s", out.String())
	}
	i.CloseClientConnections()
	i.Close()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

func TestEachRequestIsObserved(t *testing.T) {
	i := newIssuer(t, serve(active))
	events := make(chan opaque.Event, 10) // more than are expected
	r := remote(t, newCache(t, opaque.Options{Observe: func(e opaque.Event) { events <- e }}), i.introspection())
	observed := func(want error) {
		t.Helper()
		if e := <-events; e.Remote != r || e.Duration <= 0 || !errors.Is(e.Err, want) {
			t.Errorf("the event is %+v, want %v", e, want)
		}
	}
	wantActive(t, r, "t0ken", "ci")
	observed(nil)
	wantActive(t, r, "t0ken", "ci")
	i.change(serve(`{"active":false}`))
	wantError(t, r, "other", opaque.ErrInactive, "")
	observed(opaque.ErrInactive)
	i.change(status(500))
	wantError(t, r, "third", opaque.ErrUnavailable, "")
	observed(opaque.ErrUnavailable)
	wantError(t, r, "fourth", opaque.ErrUnavailable, "")
	if len(events) > 0 {
		t.Errorf("there is another event: %+v", <-events)
	}
	if r.URL() != i.URL+"/introspect" {
		t.Errorf("URL = %q", r.URL())
	}
}
