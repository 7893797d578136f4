//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestE2EAcknowledgedPasswordSurvivesSIGKILL(t *testing.T) {
	s := newSite(t, guardedFiles)
	daemon := s.serve()
	password := s.password("backup")
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.ended
	s.serve() // in the place of the dead one's socket and lock
	s.token("files", password)
}

func TestE2ETokensOutliveARestart(t *testing.T) {
	s := newSite(t, guardedFiles)
	nginx := startNginx(t, s, "files", echo(t))
	first := s.serve()
	token := s.token("files", s.password("backup"))
	first.stop(t)
	s.serve()
	if got := get(t, nginx, "/reports", bearer(token)); got.status != 200 {
		t.Errorf("status %d after the restart, want 200", got.status)
	}
}

func TestE2ESecondDaemonSaysWhoHoldsTheState(t *testing.T) {
	s := newSite(t, guardedFiles)
	first := s.serve()
	other := newSite(t, guardedFiles)
	second := start(t, builtBinary(t), "serve", "--config", other.config, "--state-dir", s.state)
	eventually(t, "ended: the second daemon", second.hasEnded)
	said := second.stderr.String()
	if second.ProcessState.ExitCode() != exitFault || !strings.Contains(said, strconv.Itoa(first.Process.Pid)) || !strings.Contains(said, databaseName) {
		t.Errorf("the second daemon exits with %d and says %q; it should name %s and process %d", second.ProcessState.ExitCode(), said, databaseName, first.Process.Pid)
	}
	s.token("files", s.password("backup")) // the first is none the worse
}

func TestE2ESigtermLetsTheRequestInFlightFinish(t *testing.T) {
	s := newSite(t, guardedFiles)
	daemon := s.serve()
	body := credentials("files", s.password("backup")).Encode()

	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // of a connection that is open
	fmt.Fprintf(conn, "POST /oauth2/token HTTP/1.1\r\nHost: m2md\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	reader := bufio.NewReader(conn)
	line, err := reader.ReadString('\n') // the daemon reads the body now, so the request is in flight
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("before the body: %q, %v", line, err)
	}
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, body[:len(body)/2])

	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready any more", func() bool {
		return statusOfURL("http://"+s.metrics+"/-/ready") == http.StatusServiceUnavailable
	})
	if status := statusOfURL("http://" + s.metrics + "/-/healthy"); status != http.StatusOK {
		t.Errorf("a draining daemon's /-/healthy has status %d", status)
	}
	eventually(t, "closed: the listener", func() bool { return !accepts(s.address) })
	if daemon.hasEnded() {
		t.Fatal("the daemon ended with a request in flight")
	}

	fmt.Fprint(conn, body[len(body)/2:])
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the request in flight: %v, %+v", err, res)
	}
	res.Body.Close()
	eventually(t, "ended: the daemon", daemon.hasEnded)
	if daemon.err != nil {
		t.Errorf("the daemon ends with %s", daemon.err)
	}
	if !strings.Contains(daemon.stdout.String(), `"outcome":"allow"`) {
		t.Error("the decision of the request in flight is not in the log")
	}
}

// TestE2EIdleMemory tells how much memory an idle daemon has. The bound is
// `make bench`'s to check.
func TestE2EIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: only Linux tells the resident memory in /proc")
	}
	static, err := buildDaemon("m2md-e2e-static", append(os.Environ(), "CGO_ENABLED=0"), "-trimpath", "-ldflags=-s -w")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, guardedFiles)
	p := start(t, static, "serve", "--config", s.config, "--state-dir", s.state)
	p.awaitStart(t, func() bool { return statusOfURL(s.url+"/-/ready") == http.StatusOK })
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "VmRSS:") {
			t.Log("idle: " + strings.Join(strings.Fields(line), " "))
			return
		}
	}
	t.Fatalf("/proc tells no VmRSS:\n%s", raw)
}
