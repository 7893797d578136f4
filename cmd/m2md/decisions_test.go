package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/serve"
)

// letsGitHubIn is a source with a key, and a provider that requires a claim.
func letsGitHubIn(key *enginetest.Key, require string) map[string]string {
	return map[string]string{
		"main.hcl":    listeners,
		"github.json": string(enginetest.JWKS(key)),
		"loki.hcl": `
oauth_source "github" {
  issuer         = "https://token.actions.githubusercontent.com"
  oidc_jwks_file = "github.json"
  audiences      = ["http://auth.test"]
}

provider "loki" {
  access "ci" {
    from           = [oauth_source.github]
    require_claims = { ` + require + ` }
  }
}
`}
}

// showJWT asks provider loki for a token, and returns the status and the request id.
func (r *rig) showJWT(token string) (status int, requestID string) {
	r.t.Helper()
	res, err := http.PostForm("http://"+r.address()+"/oauth2/token", map[string][]string{
		"grant_type": {"client_credentials"}, "client_id": {"loki"}, "client_secret": {token},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		RequestID string `json:"request_id"`
	}
	json.NewDecoder(res.Body).Decode(&answer) //nolint:errcheck // a success has none
	return res.StatusCode, answer.RequestID
}

// remedyForm is a remedy that a machine can follow, too.
var remedyForm = regexp.MustCompile(`to let it in: write (\w+) = (.+) at (.+):(\d+),(\d+)\n\z`)

// A newcomer, given a denied GitHub token, finds the reason with one command and
// fixes it: what the last line says is done here to the letter.
func TestANewcomerFindsWhyATokenIsDeniedWithOneCommandAndMendsIt(t *testing.T) {
	for _, tt := range []struct {
		name, require string
		claims        map[string]any
	}{
		{"the case of a letter", `repository = "acme/api"`, map[string]any{"repository": "acme/Api"}},
		{"a number for a text", `repository = "acme/api", repository_owner_id = 1234`, nil},
		{"the form of a ref", `ref = "main", repository_owner_id = "1234"`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := enginetest.NewKey(t, "k", "ES256")
			r := served(t, letsGitHubIn(key, tt.require))
			token := key.Mint(enginetest.With(enginetest.GitHubClaims(time.Now(), "http://auth.test"), tt.claims))
			status, requestID := r.showJWT(token)
			if status == http.StatusOK || requestID == "" {
				t.Fatalf("status %d, request %q", status, requestID)
			}
			r.decision(requestID)
			var out, stderr bytes.Buffer
			if code := run([]string{"m2md", "explain", "--socket", filepath.Join(r.state, socketName), requestID}, &out, &stderr); code != exitFault {
				t.Fatalf("exit code %d\n%s%s", code, &out, &stderr)
			}
			if strings.Contains(out.String(), strings.Split(token, ".")[2]) {
				t.Error("the signature is told")
			}
			said := remedyForm.FindStringSubmatch(out.String())
			if said == nil {
				t.Fatalf("no remedy in\n%s", &out)
			}
			r.writeAt(said[3], said[4], said[5], said[2])
			if result := r.daemon.Reload(t.Context()); !result.OK {
				t.Fatal(result.Report)
			}
			if status, _ := r.showJWT(token); status != http.StatusOK {
				t.Errorf("status %d after\n%s", status, &out)
			}
		})
	}
}

// writeAt puts another value in the place of the one at a place of a file.
func (r *rig) writeAt(file, line, column, value string) {
	r.t.Helper()
	path := filepath.Join(filepath.Dir(r.config), file)
	if _, err := os.Stat(path); err != nil {
		path = filepath.Join(r.config, filepath.Base(file))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	n, errLine := strconv.Atoi(line)
	at, errColumn := strconv.Atoi(column)
	if errLine != nil || errColumn != nil || n > len(lines) {
		r.t.Fatalf("no place %s,%s", line, column)
	}
	before, old := lines[n-1][:at-1], lines[n-1][at-1:]
	was := regexp.MustCompile(`\A("[^"]*"|\w+)`).FindString(old)
	lines[n-1] = before + value + strings.TrimPrefix(old, was)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func TestADecisionIsExplainedByTheLogToo(t *testing.T) {
	key := enginetest.NewKey(t, "k", "ES256")
	log := filepath.Join(t.TempDir(), "decisions.jsonl")
	files := letsGitHubIn(key, `repository = "acme/api"`)
	files["log.hcl"] = fmt.Sprintf("decision_log {\n  output = \"file\"\n  path = %q\n}\n", log)
	r := served(t, files)
	_, requestID := r.showJWT(key.Mint(enginetest.With(enginetest.GitHubClaims(time.Now(), "http://auth.test"), map[string]any{"repository": "x/y"})))
	eventually(t, "recorded", func() bool { text, _ := os.ReadFile(log); return strings.Contains(string(text), requestID) })
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	r.stop()
	var out, stderr bytes.Buffer
	code := run([]string{"m2md", "explain", "--offline", "--config", r.config, "--state-dir", r.state, "--log", log, requestID}, &out, &stderr)
	if code != exitFault || !strings.Contains(out.String(), `the claim repository is "x/y"; required is "acme/api"`) {
		t.Errorf("exit code %d\n%s%s", code, &out, &stderr)
	}
}

func TestDecisionsAreFollowedFromTheDaemon(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := r.password("ci")
	r.login(password + "x")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	followed := &transcript{}
	ended := make(chan error, 1)
	go func() {
		ended <- newApp(followed, io.Discard).RunContext(ctx, []string{"m2md", "decisions", "--follow", "--deny", "--socket", filepath.Join(r.state, socketName)})
	}()
	denials := func() int { return strings.Count(followed.String(), " deny ") }
	eventually(t, "told what was before", func() bool { return denials() == 1 })
	for range 5 {
		r.login(password)
		r.login(password + "y")
	}
	eventually(t, "told what came", func() bool { return denials() == 6 })
	if strings.Contains(followed.String(), " allow ") {
		t.Error(followed.String())
	}
	r.stop() // it does not wait for who follows
	r.log = &transcript{}
	d, findings, err := r.open()
	if err != nil {
		t.Fatal(err, findings)
	}
	r.run(d)
	r.login(password + "z")
	eventually(t, "told by the daemon's successor", func() bool { return denials() == 7 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAChangedDecisionLogLosesNoRecord(t *testing.T) {
	dir := t.TempDir()
	block := func(name, more string) string {
		return fmt.Sprintf("decision_log {\n  output = \"file\"\n  path = %q\n%s}\n", filepath.Join(dir, name), more)
	}
	r := served(t, map[string]string{"a.hcl": listeners + letsIn, "log.hcl": block("0.jsonl", "")})
	password := r.password("ci")
	stop := make(chan struct{})
	var asked atomic.Int64
	var asking sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				r.login(password)
				asked.Add(1)
			}
		}
	})
	for i := 1; i < 8; i++ {
		eventually(t, "asked a few times", func() bool { return asked.Load() >= int64(3*i) })
		r.write("log.hcl", block(fmt.Sprintf("%d.jsonl", i%4), ""))
		if result := r.daemon.Reload(t.Context()); !result.OK {
			t.Error(result.Report)
		}
	}
	r.write("log.hcl", "decision_log {\n  output = \"stdout\"\n}\n")
	r.daemon.Reload(t.Context())
	close(stop)
	asking.Wait()
	r.stop()
	all := len(r.decisions())
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, err := decisionlog.Parse([]byte(line)); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			all++
		}
	}
	if int64(all) != asked.Load() {
		t.Errorf("%d records of %d requests", all, asked.Load())
	}
}

func TestALogThatCannotBeOpenedRefusesTheReload(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	r.write("log.hcl", "decision_log {\n  output = \"file\"\n  path = \"/nowhere/at/all.jsonl\"\n}\n")
	result := r.daemon.Reload(t.Context())
	if result.OK || !strings.Contains(result.Report, "log.hcl:3") || !strings.Contains(result.Report, "decisions cannot be recorded there") {
		t.Errorf("%+v", result)
	}
	r.login(r.password("ci"))
	eventually(t, "recorded where it was", func() bool { return len(r.decisions()) == 1 })
}

func TestSamplingIsOfWhatLetsInOnlyAndMetricsCountAll(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn + "decision_log {\n  sample_allow = 0\n  record_input = false\n}\n"})
	password := r.password("ci")
	for range 5 {
		r.login(password)
		r.login(password + "x")
	}
	eventually(t, "recorded", func() bool { return len(r.decisions()) == 5 })
	for _, one := range r.decisions() {
		if one["outcome"] != "deny" || one["input"] != nil {
			t.Errorf("%v", one)
		}
	}
	r.checkMetrics(map[string]string{`m2md_requests_total{door="token",outcome="allow",provider="loki"}`: "5"})
}

// aLine is one record.
func aLine(n int) []byte {
	return decisionlog.Append(nil, &engine.Decision{RequestID: strconv.Itoa(n)}, decisionlog.Options{OmitInput: true})
}

// linesOf are the request ids of all files of a log, in order.
func linesOf(t *testing.T, path string) (ids []string) {
	t.Helper()
	err := logFiles{paths: withRotated(path)}.each(t.Context(), func(line []byte) error {
		ids = append(ids, requestIDOf(line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestAFileOfDecisionsIsRotatedBySizeNumberAndAge(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "d.jsonl"), time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	line := aLine(0)
	file, err := openDecisionFile(decisionFile{path: path, most: int64(3 * len(line)), keep: 3, keepFor: time.Hour, now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int) {
		t.Helper()
		if _, err := file.Write(aLine(n)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
	}
	for n := range 9 {
		write(n)
	}
	if got := fmt.Sprint(linesOf(t, path)); got != "[0 1 2 3 4 5 6 7 8]" {
		t.Errorf("the log holds %s", got)
	}
	if err := os.WriteFile(path+"-mine", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 9 {
		write(n)
	}
	if got := fmt.Sprint(linesOf(t, path)); got != "[6 7 8 0 1 2 3 4 5 6 7 8]" {
		t.Errorf("of four files, the log holds %s", got)
	}
	now = now.Add(2 * time.Hour)
	write(9)
	if got := fmt.Sprint(linesOf(t, path)); got != "[6 7 8 9]" {
		t.Errorf("once the others are too old, the log holds %s", got)
	}
	if _, err := os.Stat(path + "-mine"); err != nil {
		t.Error("a file of somebody else was deleted")
	}
}

func TestAFileThatIsMovedAwayIsBegunAnewAndATornLineSpoilsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	if err := os.WriteFile(path, append(aLine(1), `{"time":"2026-`...), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := openDecisionFile(decisionFile{path: path, most: 1 << 20, now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for n := 2; n < 4; n++ {
		if _, err := file.Write(aLine(n)); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(linesOf(t, path)); got != "[1  2 3]" {
		t.Errorf("the log holds %s", got)
	}
	for _, away := range []func() error{
		func() error { return os.Rename(path, path+".1") },
		func() error { return os.Remove(path) },
		func() error { return os.Truncate(path, 0) },
	} {
		if err := away(); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(aLine(7)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(linesOf(t, path)); got != "[7]" {
			t.Errorf("the log holds %s", got)
		}
	}
}

func TestAFileIsFollowedOverItsRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.jsonl")
	file, err := openDecisionFile(decisionFile{path: path, most: 500, keep: 100, now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var got []string
	ended := make(chan error, 1)
	go func() {
		ended <- logFiles{paths: []string{path}, follow: true}.each(ctx, func(line []byte) error {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, requestIDOf(line))
			return nil
		})
	}()
	const all = 8
	for n := range all { // each in a file of its own, almost
		if _, err := file.Write(aLine(n)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "followed", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == n+1 })
	}
	cancel()
	<-ended
	if fmt.Sprint(got) != "[0 1 2 3 4 5 6 7]" {
		t.Errorf("got %v", got)
	}
}

// stingy writes a few bytes, and then fails until it is fed again.
type stingy struct {
	transcript
	mu    sync.Mutex
	bytes int
}

func (s *stingy) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(p), s.bytes)
	s.bytes -= n
	s.transcript.Write(p[:n]) //nolint:errcheck // it never fails
	if n < len(p) {
		s.bytes = 97 // for the next
		return n, fmt.Errorf("no space left on device")
	}
	return n, nil
}

func TestADiskThatIsFullNowAndThenTearsNoLine(t *testing.T) {
	sink := &stingy{bytes: 10}
	log := newAuditLog(&unclosed{sink}, &recordForm{share: 1}, func(error) {})
	for n := range 5 {
		log.Record(&engine.Decision{RequestID: strconv.Itoa(n)})
	}
	eventually(t, "written", func() bool { return strings.Count(sink.String(), "\n") == 5 })
	log.Close()
	for line := range strings.Lines(sink.String()) {
		if _, err := decisionlog.Parse([]byte(line)); err != nil {
			t.Errorf("%v in %q", err, line)
		}
	}
}

func TestSyslogGetsEachRecordAsOneMessage(t *testing.T) {
	lines := append(aLine(1), aLine(2)...)
	t.Run("the machine's own", func(t *testing.T) {
		path := filepath.Join(shortFolder(t), "log")
		receiver, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Skip(err) // no such sockets here
		}
		defer receiver.Close()
		sink, err := openSyslog("unix://" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		if n, err := sink.Write(lines); err != nil || n != len(lines) {
			t.Fatal(n, err)
		}
		for want := 1; want < 3; want++ {
			buffer := make([]byte, 64<<10)
			n, err := receiver.Read(buffer)
			head, record, _ := strings.Cut(string(buffer[:n]), ": ")
			if err != nil || !regexp.MustCompile(`\A<86>[A-Z][a-z]{2} [ 0-9][0-9] \d\d:\d\d:\d\d m2md\[\d+\]\z`).MatchString(head) || requestIDOf([]byte(record)) != strconv.Itoa(want) {
				t.Errorf("%v: %q", err, buffer[:n])
			}
		}
	})
	t.Run("another by TCP, over a new connection where one ends", func(t *testing.T) {
		receiver, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer receiver.Close()
		got := make(chan string, 10)
		go func() {
			for {
				conn, err := receiver.Accept()
				if err != nil {
					return
				}
				reader := bufio.NewReader(conn)
				count, _ := reader.ReadString(' ')
				size, _ := strconv.Atoi(strings.TrimSpace(count))
				message := make([]byte, size)
				io.ReadFull(reader, message) //nolint:errcheck // what is missing is seen
				got <- string(message)
				conn.Close() // after each message
			}
		}()
		sink, err := openSyslog("tcp://" + receiver.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		for n := range 3 {
			if _, err := sink.Write(aLine(n)); err != nil {
				t.Fatal(err)
			}
			message := <-got
			head, record, _ := strings.Cut(message, " - {")
			if !regexp.MustCompile(`\A<86>1 \S+Z \S+ m2md \d+ decision\z`).MatchString(head) || requestIDOf([]byte("{"+record)) != strconv.Itoa(n) {
				t.Errorf("%q", message)
			}
			eventually(t, "hung up", sink.hungUp)
		}
	})
}

func TestAReaderOfTheDaemonThatIsTooSlowIsToldWhatItMissed(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	for n := range 20_000 { // more than are remembered
		r.daemon.audit.recent.Add(aLine(n))
	}
	var skipped uint64
	var read int
	reader := serve.DecisionReader{Skipped: func(n uint64) { skipped += n }, Each: func([]byte) error { read++; return nil }}
	if err := reader.Read(t.Context(), r.admin(), false); err != nil {
		t.Fatal(err)
	}
	first := read
	for n := range 20_000 {
		r.daemon.audit.recent.Add(aLine(n))
	}
	if err := reader.Read(t.Context(), r.admin(), false); err != nil {
		t.Fatal(err)
	}
	if skipped == 0 || int(skipped)+read-first != 20_000 {
		t.Errorf("read %d and then %d, skipped %d", first, read-first, skipped)
	}
}
