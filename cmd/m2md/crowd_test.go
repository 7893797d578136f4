package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

// crowded serves /wait, which answers once released, and / on a listener with
// room for so many connections.
func crowded(t *testing.T, files, most int, trusted string) (c *crowd, addr string, release chan struct{}) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "m2md.hcl")
	writeFile(t, config, fmt.Sprintf("server {\n  external_url    = \"http://127.0.0.1:9440\"\n  max_connections = %d\n  trusted_proxies = [%s]\n}\n", most, trusted))
	keys := jwks.NewCache(jwks.Options{})
	t.Cleanup(keys.Close)
	read := assess(t.Context(), hcl.Options{Path: config}, 1, rehearsalDeps(keys))
	if read.Engine == nil {
		t.Fatal(read.Findings)
	}
	var live engine.Live
	live.Swap(read.Engine)
	c = newCrowd(&live, files)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = make(chan struct{})
	server := &http.Server{ConnState: c.state, ConnContext: c.remember, Handler: c.patient(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			<-release
		case "/read":
			io.Copy(io.Discard, r.Body)
		}
	}))}
	go server.Serve(crowdListener{l, c})
	t.Cleanup(func() { server.Close() })
	return c, l.Addr().String(), release
}

// ask sends a request over a connection, and reads the answer where there is one.
func ask(conn net.Conn, path string) error {
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	return err
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestConnectionsThatWaitMakeRoomForOthers(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 400, "") // one address has 100
	defer close(release)
	for range 300 {
		if err := ask(dial(t, addr), "/"); err != nil {
			t.Fatalf("a client was not answered although others only wait: %v", err)
		}
		if n := c.size(); n > 100 {
			t.Fatalf("%d connections of one address are open, of 100", n)
		}
	}
	if c.closed.Load() < 200 || c.refused.Load() != 0 {
		t.Errorf("closed %d and refused %d; 200 or more had to make room, and none had to stay outside", c.closed.Load(), c.refused.Load())
	}
}

func TestConnectionsThatNeverSayAnythingMakeRoomForOthers(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 64, "")
	defer close(release)
	for range 200 {
		dial(t, addr)
	}
	if err := ask(dial(t, addr), "/"); err != nil {
		t.Errorf("a client was not answered although others say nothing: %v", err)
	}
	if n := c.size(); n > 16 {
		t.Errorf("%d connections of one address are open, of 16", n)
	}
}

func TestRequestsInFlightAreNotCutToMakeRoom(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 64, "") // one address has 16
	answers := make(chan error, 16)
	for range 16 {
		conn := dial(t, addr)
		go func() { answers <- ask(conn, "/wait") }()
	}
	eventually(t, "counted", func() bool { return c.busy() == 16 })
	if err := ask(dial(t, addr), "/"); err == nil {
		t.Error("a seventeenth connection of one address was served")
	}
	if c.refused.Load() == 0 {
		t.Error("nothing says that a connection was refused")
	}
	close(release)
	for range 16 {
		if err := <-answers; err != nil {
			t.Errorf("a request in flight was cut: %v", err)
		}
	}
	if err := ask(dial(t, addr), "/"); err != nil {
		t.Errorf("there is room again, and a client is not answered: %v", err)
	}
}

// A body that never comes holds a connection as well as silence does, whether
// it is read or not.
func TestBodiesThatDoNotComeMakeRoomForOthers(t *testing.T) {
	for _, path := range []string{"/read", "/unread"} {
		t.Run(path, func(t *testing.T) {
			c, addr, release := crowded(t, 1<<20, 64, "") // one address has 16
			defer close(release)
			for range 16 {
				fmt.Fprintf(dial(t, addr), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na", path)
			}
			for range 64 {
				eventually(t, "nobody is answered but waits", func() bool { return c.busy() == 0 })
				conn := dial(t, addr)
				if err := ask(conn, "/"); err != nil {
					t.Fatalf("a client was not answered although others send nothing: %v", err)
				}
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na", path)
			}
		})
	}
}

// A body that comes in parts is waited for where there is room, and the answer
// to it is one in flight.
func TestABodyThatComesSlowlyIsAnswered(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 64, "")
	defer close(release)
	conn := dial(t, addr)
	fmt.Fprint(conn, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
	eventually(t, "waited for", func() bool { return c.busy() == 0 && c.size() == 1 })
	fmt.Fprint(conn, "bc")
	if answer, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	if err := ask(conn, "/"); err != nil {
		t.Error(err)
	}
}

func TestATrustedProxyMayHaveAllConnections(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 64, `"127.0.0.0/8"`)
	answers := make(chan error, 64)
	for range 64 {
		conn := dial(t, addr)
		go func() { answers <- ask(conn, "/wait") }()
	}
	eventually(t, "counted", func() bool { return c.busy() == 64 })
	close(release)
	for range 64 {
		if err := <-answers; err != nil {
			t.Errorf("the proxy was refused: %v", err)
		}
	}
}

func TestFilesOfTheProcessBoundConnections(t *testing.T) {
	c, _, release := crowded(t, 1024, 10_000, "")
	defer close(release)
	if all, each := c.most(); all != 1024-spareFiles || each != all/4 {
		t.Errorf("%d connections may be open, and %d of one address, with 1024 files", all, each)
	}
}

func TestConnectionsThatEndAreNotCounted(t *testing.T) {
	c, addr, release := crowded(t, 1<<20, 64, "")
	defer close(release)
	for range 50 {
		conn := dial(t, addr)
		if err := ask(conn, "/"); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	eventually(t, "counted", func() bool { return c.size() == 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.of) != 0 {
		t.Errorf("addresses without connections are remembered: %v", c.of)
	}
}

// busy is how many connections have a request that is being answered.
func (c *crowd) busy() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for g := range c.guests {
		if g.idle.Load() == inUse {
			n++
		}
	}
	return n
}
