package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
)

// auditKeys are all keys of an audit record, which are always there.
var auditKeys = []string{
	"actor", "client_ip", "config_hash", "cut", "door", "duration_us", "generation", "grant", "input", "messages", "msg", "outcome",
	"policies", "proof", "provider", "reason", "request_id", "rule", "source", "subject", "time", "token_id", "via",
}

func TestEveryDecisionIsOneLine(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := r.password("ci")
	token := func(change func(*http.Request)) *http.Request {
		req, err := http.NewRequest(http.MethodPost, "http://"+r.address()+"/oauth2/token", strings.NewReader(loginForm(password).Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(req)
		}
		return req
	}
	guard := func(user, password string) *http.Request {
		req, err := http.NewRequest(http.MethodGet, "http://"+r.address()+"/auth/nginx/provider/loki", nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			req.SetBasicAuth(user, password)
		}
		return req
	}
	body := func(text string) func(*http.Request) {
		return func(req *http.Request) {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		}
	}
	wrong := password[:len(password)-1] + "_"
	tests := []struct {
		name string
		req  *http.Request
		door string
		want string // the outcome
	}{
		{"a token", token(nil), "token", "allow"},
		{"a wrong password", token(body(loginForm(wrong).Encode())), "token", "deny"},
		{"an unknown client with a line break", token(body("grant_type=client_credentials&client_id=a%0A%7B%22b%22%7D&client_secret=" + password)), "token", "deny"},
		{"no form", token(body("%zz")), "token", "deny"},
		{"a repeated parameter", token(body("grant_type=a&grant_type=b")), "token", "deny"},
		{"another method", token(func(req *http.Request) { req.Method = http.MethodGet }), "token", "deny"},
		{"let in at the door", guard("ci", password), "forward_auth", "allow"},
		{"a wrong password at the door", guard("ci", wrong), "forward_auth", "deny"},
		{"nothing at the door", guard("", ""), "forward_auth", "deny"},
	}
	for i, tt := range tests {
		res, err := http.DefaultTransport.RoundTrip(tt.req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		eventually(t, "a decision for "+tt.name, func() bool { return len(r.decisions()) > i })
		all := r.decisions()
		if len(all) != i+1 {
			t.Fatalf("%s: %d decisions, want %d", tt.name, len(all), i+1)
		}
		checkDecision(t, tt.name, all[i], res)
		if all[i]["door"] != tt.door || all[i]["outcome"] != tt.want || (tt.want == "allow") != (res.StatusCode == http.StatusOK) {
			t.Errorf("%s: answered %s, decided %v", tt.name, res.Status, all[i])
		}
	}
	secret := strings.Split(password, "_")[2]
	if strings.Contains(r.audit.String(), secret) || strings.Contains(r.log.String(), secret) {
		t.Error("a secret is logged")
	}
}

// checkDecision checks what holds of every decision.
func checkDecision(t *testing.T, name string, d map[string]any, res *http.Response) {
	t.Helper()
	var keys []string
	for key := range d {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if !slices.Equal(keys, auditKeys) {
		t.Errorf("%s: the keys are %v, want %v", name, keys, auditKeys)
	}
	if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(d["time"])); err != nil || time.Since(at).Abs() > time.Hour {
		t.Errorf("%s: time %v, %v", name, d["time"], err)
	}
	if d["request_id"] == "" || d["generation"] != 1.0 || d["client_ip"] != "127.0.0.1" || d["msg"] != "decision" {
		t.Errorf("%s: %v", name, d)
	}
	if (d["reason"] == "") != (d["outcome"] == "allow") {
		t.Errorf("%s: outcome %v, reason %q", name, d["outcome"], d["reason"])
	}
	// What forward-auth lets pass goes on to a service, and tells no id.
	if id := res.Header.Get("X-Request-Id"); id != d["request_id"] && (id != "" || d["door"] == "token" || d["outcome"] != "allow") {
		t.Errorf("%s: X-Request-Id = %q, the decision's is %v", name, id, d["request_id"])
	}
}

// Whatever stands in a decision, its line is JSON that gives it back.
func TestADecisionIsWrittenAsItIs(t *testing.T) {
	for _, text := range []string{
		"", "plain", `quo"te`, `back\slash`, "line\nbreak", "tab\t", "\x00\x1f", "del\x7f", "é, 世界, 🦀", "<script>&", "\u2028", "a\xffb",
	} {
		d := engine.Decision{
			Time: time.Date(2026, 11, 21, 1, 2, 3, 4000, time.FixedZone("", 3600)), Duration: 1500 * time.Microsecond,
			RequestID: text, Generation: 1 << 60, Door: text, Provider: text, Grant: text, Proof: text, Subject: text, Source: text,
			Rule: text, TokenID: text, ClientIP: netip.MustParseAddr("fe80::1%eth0"), Outcome: engine.Outcome(text), Reason: text,
		}
		line := decisionlog.Append(nil, &d, decisionlog.Options{})
		if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
			t.Errorf("%q is not one line", line)
		}
		var got struct {
			Time       time.Time
			RequestID  string `json:"request_id"`
			Door       string
			Provider   string
			Grant      string
			Proof      string
			Subject    string
			Source     string
			Rule       string
			Outcome    string
			Reason     string
			Generation uint64
			TokenID    string `json:"token_id"`
			ClientIP   string `json:"client_ip"`
			Duration   int64  `json:"duration_us"`
		}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		want := strings.ToValidUTF8(text, "\ufffd")
		for _, member := range []string{got.RequestID, got.Door, got.Provider, got.Grant, got.Proof, got.Subject, got.Source, got.Rule, got.Outcome, got.Reason, got.TokenID} {
			if member != want {
				t.Errorf("%q came back as %q", text, member)
			}
		}
		if !got.Time.Equal(d.Time) || got.Generation != d.Generation || got.ClientIP != "fe80::1" || got.Duration != 1500 {
			t.Errorf("got %+v", got)
		}
	}
}

// numbered is a decision that can be told from others.
func numbered(n int) *engine.Decision {
	return &engine.Decision{RequestID: fmt.Sprint(n), Reason: strings.Repeat("x", 1000)}
}

func TestAReaderThatStopsLosesNoDecision(t *testing.T) {
	reader, writer := io.Pipe() // nobody reads yet
	log := newAuditLog(&unclosed{writer}, &recordForm{share: 1}, func(err error) { t.Error(err) })
	const recorders, each = 8, 2000 // more than maxPending
	var recorded atomic.Int64
	var all sync.WaitGroup
	for i := range recorders {
		all.Go(func() {
			for n := range each {
				log.Record(numbered(i*each + n))
				recorded.Add(1)
			}
		})
	}
	eventually(t, "waiting for the reader", func() bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		return len(log.pending) > maxPending
	})
	if n := recorded.Load(); n == recorders*each {
		t.Fatal("no recorder waits")
	}
	lines := make(chan string)
	go func() {
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Error(err)
		}
		lines <- string(text)
	}()
	all.Wait()
	log.Close()
	writer.Close()
	seen := map[string]bool{}
	for line := range strings.Lines(<-lines) {
		var one struct {
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		seen[one.RequestID] = true
	}
	if len(seen) != recorders*each {
		t.Errorf("%d decisions arrived of %d", len(seen), recorders*each)
	}
}

func TestClosingTheDecisionLogWritesWhatIsPending(t *testing.T) {
	reader, writer := io.Pipe()
	log := newAuditLog(&unclosed{writer}, &recordForm{share: 1}, func(err error) { t.Error(err) })
	for n := range 100 {
		log.Record(numbered(n))
	}
	closed := make(chan struct{})
	go func() {
		log.Close()
		writer.Close()
		close(closed)
	}()
	text, err := io.ReadAll(reader)
	<-closed
	if err != nil || bytes.Count(text, []byte("\n")) != 100 {
		t.Errorf("%d lines, %v, want 100", bytes.Count(text, []byte("\n")), err)
	}
}

// failing fails as a full disk does, until it is mended.
type failing struct {
	transcript
	mended atomic.Bool
}

func (f *failing) Write(p []byte) (int, error) {
	if !f.mended.Load() {
		return 0, errors.New("no space left on device")
	}
	return f.transcript.Write(p)
}

// A disk that is full is told; the daemon goes on.
func TestAFailedWriteOfTheDecisionLogIsCountedAndLogged(t *testing.T) {
	r := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
	full := &failing{}
	r.sink = full
	d, findings, err := r.open()
	if err != nil {
		t.Fatal(err, findings)
	}
	r.run(d)
	password := r.password("ci")
	if res := r.login(password); res.StatusCode != http.StatusOK {
		t.Errorf("login answered %s", res.Status)
	}
	eventually(t, "counting the failure", func() bool { return r.metric("m2md_audit_write_errors_total") == "1" })
	if r.logged("writing the decision log failed") == 0 {
		t.Errorf("it was not logged:\n%s", r.log)
	}
	full.mended.Store(true)
	r.login(password)
	// What could not be written is written once it can be.
	eventually(t, "writing again", func() bool { return strings.Count(full.String(), "\n") == 2 })
}
