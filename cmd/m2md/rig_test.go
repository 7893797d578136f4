package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// listeners are blocks whose ports are free, and the same for every generation.
const listeners = `
server {
  listen       = "127.0.0.1:0"
  external_url = "http://auth.test"
  trusted_proxies = ["192.0.2.1/32"] # of nobody here
}

metrics {
  listen = "127.0.0.1:0"
}
`

// letsIn are an account and a provider that lets it in.
const letsIn = `
service_account "ci" {
}

provider "loki" {
  access "machines" {
    from = [service_account.ci]
  }
  forward_auth {
    external_host = "loki.test"
  }
}
`

// rig is a daemon in this process, with its files.
type rig struct {
	t      *testing.T
	config string // the folder
	state  string
	daemon *Daemon
	audit  *transcript
	sink   io.Writer // of decisions: audit, unless a test says otherwise
	log    *transcript
	hangup chan os.Signal
	cancel context.CancelFunc
	ended  chan error
}

// newRig writes the files, by name, and starts no daemon yet.
func newRig(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, config: filepath.Join(t.TempDir(), "conf"), state: shortFolder(t), audit: &transcript{}, log: &transcript{}, hangup: make(chan os.Signal)}
	r.sink = r.audit
	if err := os.Mkdir(r.config, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		r.write(name, content)
	}
	return r
}

// served starts a daemon on the files, which ends with the test.
func served(t *testing.T, files map[string]string) *rig {
	t.Helper()
	r := newRig(t, files)
	d, findings, err := r.open()
	if err != nil {
		t.Fatalf("starting: %v\n%s", err, findings)
	}
	r.run(d)
	return r
}

// open makes a daemon that does not run yet.
func (r *rig) open() (d *Daemon, findings string, err error) {
	r.t.Helper()
	var told bytes.Buffer
	d, err = NewDaemon(r.t.Context(), Options{
		Config: r.config, StateDir: r.state, Audit: r.sink,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}, &told)
	return d, told.String(), err
}

func (r *rig) run(d *Daemon) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r.daemon, r.cancel, r.ended = d, cancel, make(chan error, 1)
	go func() { r.ended <- d.Run(ctx, r.hangup) }()
	r.t.Cleanup(func() { r.stop() })
	eventually(r.t, "serving", func() bool { return strings.Contains(r.log.String(), "msg=serving") })
}

// stop ends the daemon, once.
func (r *rig) stop() {
	r.t.Helper()
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run ended with %v", err)
	}
	r.daemon.Close()
}

func (r *rig) path(name string) string { return filepath.Join(r.config, name) }

func (r *rig) write(name, content string) {
	r.t.Helper()
	writeFile(r.t, r.path(name), content)
}

// reload has the daemon read its files, and wants a certain end of it.
func (r *rig) reload(ok bool) serve.ReloadResult {
	r.t.Helper()
	result := r.daemon.Reload(r.t.Context())
	if result.OK != ok {
		r.t.Fatalf("Reload = %+v, want ok = %t", result, ok)
	}
	return result
}

// generation is that which serves.
func (r *rig) generation() uint64 { return r.daemon.live.Load().Generation() }

func (r *rig) awaitGeneration(n uint64) {
	r.t.Helper()
	eventually(r.t, "the next generation", func() bool { return r.generation() >= n })
}

// address is where the daemon listens for clients.
func (r *rig) address() string { return r.daemon.main.listener.Addr().String() }

// password makes an app password over the admin socket.
func (r *rig) password(account string) string {
	r.t.Helper()
	made, err := r.admin().CreateAppPassword(r.t.Context(), serve.NewAppPassword{Account: account})
	if err != nil {
		r.t.Fatal(err)
	}
	return made.Secret
}

func (r *rig) admin() *serve.AdminClient {
	return serve.NewAdminClient(filepath.Join(r.state, socketName))
}

// login asks provider loki for a token with the password of ci. The answer's
// body has been read.
func (r *rig) login(password string) *http.Response {
	r.t.Helper()
	res, err := http.PostForm("http://"+r.address()+"/oauth2/token", loginForm(password))
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		r.t.Fatal(err)
	}
	return res
}

func loginForm(password string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {"loki"}, "username": {"ci"}, "password": {password}}
}

// observed is the answer of the metrics listener.
func (r *rig) observed(path string) (status int, body string) {
	r.t.Helper()
	res, err := http.Get("http://" + r.daemon.observe.listener.Addr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// metric is a sample's value as text; "" where there is none.
func (r *rig) metric(series string) string {
	r.t.Helper()
	_, body := r.observed("/metrics")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return m[1]
}

// checkMetrics wants samples to have values.
func (r *rig) checkMetrics(want map[string]string) {
	r.t.Helper()
	for series, value := range want {
		if got := r.metric(series); got != value {
			r.t.Errorf("%s = %q, want %q", series, got, value)
		}
	}
}

// logged counts the lines of the daemon's own log that hold a text.
func (r *rig) logged(text string) int {
	n := 0
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// decisions are the audit records so far. Every line must be one.
func (r *rig) decisions() []map[string]any {
	r.t.Helper()
	var all []map[string]any
	for line := range strings.Lines(r.audit.String()) {
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			r.t.Fatalf("%v in %q", err, line)
		}
		all = append(all, one)
	}
	return all
}

// decision waits for the audit record of a request.
func (r *rig) decision(requestID string) map[string]any {
	r.t.Helper()
	var found map[string]any
	eventually(r.t, "a decision for request "+requestID, func() bool {
		for _, one := range r.decisions() {
			if one["request_id"] == requestID {
				found = one
			}
		}
		return found != nil
	})
	return found
}

// halfRequest is a login whose body is not there yet. The daemon has begun to
// answer it.
type halfRequest struct {
	t    *testing.T
	conn net.Conn
	body string
}

// begin sends the head of a login, and waits until its handler asks for the body.
func (r *rig) begin(password string) *halfRequest {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	h := &halfRequest{r.t, conn, loginForm(password).Encode()}
	head := "POST /oauth2/token HTTP/1.1\r\nHost: m2md\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
	if _, err := io.WriteString(conn, head+strconv.Itoa(len(h.body))+"\r\n\r\n"); err != nil {
		r.t.Fatal(err)
	}
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(goOn))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != goOn {
		r.t.Fatalf("got %q, %v", answer, err)
	}
	return h
}

// finish sends the body, and returns the answer.
func (h *halfRequest) finish() *http.Response {
	h.t.Helper()
	if _, err := io.WriteString(h.conn, h.body); err != nil {
		h.t.Fatal(err)
	}
	return readAnswer(h.t, h.conn)
}

// readAnswer reads one HTTP answer from a connection.
func readAnswer(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func dialUnix(t *testing.T, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func contextWithin(t *testing.T, limit time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), limit)
}
