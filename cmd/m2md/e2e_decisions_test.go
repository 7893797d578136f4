//go:build unix

package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/decisionlog"
)

// The built daemon writes decisions to a file, is killed in the midst of them,
// and goes on; its refusals are followed and explained.
func TestE2EDecisionsAreRotatedSurviveSIGKILLAndAreExplained(t *testing.T) {
	logs := t.TempDir()
	path := filepath.Join(logs, "decisions.jsonl")
	s := newSite(t, guardedFiles+fmt.Sprintf("decision_log {\n  output = \"file\"\n  path = %q\n  max_size = 1\n}\n", path))
	daemon := s.serve()
	password, stranger := s.password("backup"), s.password("stranger")
	refused := func() string {
		t.Helper()
		answer, err := s.ask(t.Context(), credentials("files", stranger))
		if err == nil && answer.AccessToken != "" {
			t.Fatal("the stranger got in")
		}
		return answer.RequestID
	}
	follower := start(t, builtBinary(t), "decisions", "--follow", "--deny", "--socket", filepath.Join(s.state, socketName))
	first := refused()
	eventually(t, "followed", func() bool { return strings.Contains(follower.stdout.String(), first) })
	padding := strings.Repeat("x", 4000)
	var acknowledged []string
	for range 400 { // more than a mebibyte
		form := credentials("files", password)
		form.Set("scope", padding)
		if _, err := s.ask(t.Context(), form); err != nil {
			t.Fatal(err)
		}
	}
	acknowledged = append(acknowledged, first)
	eventually(t, "rotated, and all written", func() bool { return len(withRotated(path)) > 1 && len(linesOf(t, path)) > 400 })
	go func() { // some are under way when it dies
		for range 50 {
			s.ask(t.Context(), url.Values{"grant_type": {"client_credentials"}, "client_id": {"files"}, "client_secret": {"x"}}) //nolint:errcheck // it dies
		}
	}()
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.ended
	s.serve()
	last := refused()
	acknowledged = append(acknowledged, last)
	eventually(t, "followed over the restart", func() bool { return strings.Contains(follower.stdout.String(), last) })
	eventually(t, "recorded", func() bool { text, _ := os.ReadFile(path); return strings.Contains(string(text), last) })
	seen, torn := map[string]bool{}, 0
	err := logFiles{paths: withRotated(path)}.each(t.Context(), func(line []byte) error {
		if record, err := decisionlog.Parse(line); err == nil {
			seen[record.RequestID] = true
		} else {
			torn++
		}
		return nil
	})
	if err != nil || torn > 1 || len(seen) < 402 {
		t.Errorf("%v; %d records, %d torn", err, len(seen), torn)
	}
	for _, id := range acknowledged {
		if !seen[id] {
			t.Errorf("the decision of %s is lost", id)
		}
	}
	if strings.Contains(follower.stdout.String(), " allow ") {
		t.Error("what lets in is followed, too")
	}
	stdout, stderr, code := s.command("explain", "--socket", filepath.Join(s.state, socketName), last)
	if code != exitFault || !strings.Contains(stdout, "to let it in: add service_account.stranger to from of access \"backup\" at ") || strings.Contains(stdout, strings.Split(stranger, "_")[2]) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	stdout, stderr, code = s.command("explain", "--socket", filepath.Join(s.state, socketName), "--log", path, first)
	if code != exitFault || !strings.Contains(stdout, "service_account.stranger") {
		t.Errorf("of the killed daemon's: exit code %d\n%s%s", code, stdout, stderr)
	}
}
