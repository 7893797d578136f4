package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// The end-to-end tests run the built daemon with real parts around it. What
// stands here starts, watches and ends those parts.

// patience is how long a condition is awaited before the test gives up: ample,
// because two processors may be shared by all of `go test ./...`.
const patience = 30 * time.Second

// built builds the daemon once for all tests, into bin, which Git ignores.
var built = sync.OnceValues(func() (string, error) {
	return buildDaemon("m2md-e2e"+strings.Join(raceFlags, ""), os.Environ(), raceFlags...)
})

func buildDaemon(name string, env []string, flags ...string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, ".")...)
	build.Env = env
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the daemon: %w\n%s", err, out)
	}
	return path, nil
}

func builtBinary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// needs finds a program. Without it the test is skipped by name, unless the
// programs are said to be there.
func needs(t testing.TB, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("M2MD_REQUIRE_SERVERS") != "" {
		t.Fatalf("%s is not installed, and M2MD_REQUIRE_SERVERS says that it is", program)
	}
	t.Skipf("left out: %s is not installed", program)
	return ""
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("after %s: not yet %s", patience, what)
}

// freeAddress is an address that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func accepts(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// writeFile writes a file and the folders above it.
func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// transcript is what a process wrote.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *transcript) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a program that a test started and that ends with it.
type process struct {
	*exec.Cmd
	name   string
	stdout transcript
	stderr transcript
	ended  chan struct{} // closed once it has ended; then err is set
	err    error
}

// start starts a program that ends with the test.
func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), name: filepath.Base(name), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	p.WaitDelay = patience
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.Wait()
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// stop ends the process in good order, and by force where that takes too long.
func (p *process) stop(t testing.TB) {
	t.Helper()
	p.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.Process.Kill() //nolint:errcheck // as above
		<-p.ended
		t.Errorf("%s did not end after SIGTERM", p.name)
	}
	if strings.Contains(p.stderr.String(), "DATA RACE") {
		t.Errorf("%s had a data race:\n%s", p.name, p.stderr.String())
	}
	if t.Failed() {
		said := p.stderr.String()
		t.Logf("%s wrote in the end:\n%s", p.name, said[max(0, len(said)-4000):])
	}
}

// awaitStart waits until the process is up, and fails at once where it ends instead.
func (p *process) awaitStart(t testing.TB, isUp func() bool) {
	t.Helper()
	eventually(t, "up: "+p.name, func() bool {
		if p.hasEnded() {
			t.Fatalf("%s ended instead of starting: %v\n%s", p.name, p.err, p.stderr.String())
		}
		return isUp()
	})
}

// site is the files of a daemon, and where it listens and keeps state.
type site struct {
	t       testing.TB
	dir     string
	config  string
	state   string
	address string // HOST:PORT
	metrics string // HOST:PORT
	url     string
}

// newSite writes a configuration around the blocks given: the daemon listens
// on free ports, and trusts proxies on this machine.
func newSite(t testing.TB, blocks string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, config: filepath.Join(dir, "m2md.d"), state: filepath.Join(dir, "state"), address: freeAddress(t), metrics: freeAddress(t)}
	s.url = "http://" + s.address
	s.write("server.hcl", fmt.Sprintf(`
server {
  listen          = %q
  external_url    = %q
  trusted_proxies = ["127.0.0.1/32"]
}
metrics {
  listen = %q
}
`, s.address, s.url, s.metrics))
	s.write("site.hcl", blocks)
	return s
}

// write writes a file of the configuration.
func (s *site) write(name, content string) {
	s.t.Helper()
	writeFile(s.t, filepath.Join(s.config, name), content)
}

// serve starts the daemon and waits until it is ready.
func (s *site) serve() *process {
	s.t.Helper()
	p := start(s.t, builtBinary(s.t), "serve", "--config", s.config, "--state-dir", s.state)
	p.awaitStart(s.t, func() bool { return statusOfURL(s.url+"/-/ready") == http.StatusOK })
	return p
}

// statusOfURL asks once, on a connection of its own; 0 where there is no answer.
func statusOfURL(address string) int {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(address)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// command runs m2md against the site and returns its output and exit code.
func (s *site) command(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := exec.Command(builtBinary(s.t), args...)
	cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+s.state, "GORACE=atexit_sleep_ms=0") // or each takes a second longer
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// password makes an app password.
func (s *site) password(account string) string {
	s.t.Helper()
	out, errs, code := s.command("app-password", "create", account)
	if code != 0 {
		s.t.Fatalf("app-password create %s exits with %d: %s", account, code, errs)
	}
	return strings.TrimSpace(out)
}

func (s *site) admin() *serve.AdminClient {
	return serve.NewAdminClient(filepath.Join(s.state, socketName))
}

// tokenAnswer is what the token endpoint says (RFC 6749 §5.1, §5.2).
type tokenAnswer struct {
	Status      int    `json:"-"`
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Error       string `json:"error"`
	RequestID   string `json:"request_id"`
}

// ask asks the token endpoint.
func (s *site) ask(ctx context.Context, form url.Values) (answer tokenAnswer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	answer.Status = res.StatusCode
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(body, &answer)
}

// credentials is a client_credentials request with a client_secret.
func credentials(clientID, secret string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}}
}

// token gets an access token.
func (s *site) token(clientID, secret string) string {
	s.t.Helper()
	answer, err := s.ask(s.t.Context(), credentials(clientID, secret))
	if err != nil || answer.Status != http.StatusOK {
		s.t.Fatalf("asking for a token of %s: %v %+v", clientID, err, answer)
	}
	return answer.AccessToken
}
