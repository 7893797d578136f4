//go:build unix

package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// revoke revokes a token of provider files for whoever has the app password. It
// says whether that was acknowledged.
func (s *site) revoke(token, password string) bool {
	form := url.Values{"token": {token}, "client_id": {"files"}, "client_secret": {password}}
	res, err := http.Post(s.url+"/oauth2/revoke", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Clients revoke their tokens, and the daemon is killed in the midst of it: of
// what it acknowledged, nothing is valid again.
func TestE2EAcknowledgedRevocationsSurviveSIGKILL(t *testing.T) {
	s := newSite(t, guardedFiles)
	daemon := s.serve()
	password := s.password("backup")
	const clients, each, enough = 4, 30, 20
	tokens := make([]string, clients*each)
	for i := range tokens {
		tokens[i] = s.token("files", password)
	}
	lasting := s.token("files", password)
	var mu sync.Mutex
	var acknowledged []string
	var working sync.WaitGroup
	for i := range clients {
		working.Go(func() {
			for _, token := range tokens[i*each : (i+1)*each] {
				if !s.revoke(token, password) {
					return // it is dead
				}
				mu.Lock()
				acknowledged = append(acknowledged, token)
				if len(acknowledged) == enough {
					daemon.Process.Kill() //nolint:errcheck // SIGKILL; it cannot have ended before
				}
				mu.Unlock()
			}
		})
	}
	working.Wait()
	<-daemon.ended
	s.serve()
	if len(acknowledged) < enough {
		t.Fatalf("%d revocations were acknowledged, want %d", len(acknowledged), enough)
	}
	for _, token := range acknowledged {
		if status := s.knock("files", "Authorization: Bearer "+token); status != http.StatusUnauthorized {
			t.Errorf("a revoked token has status %d after the restart", status)
		}
	}
	if status := s.knock("files", "Authorization: Bearer "+lasting); status != http.StatusOK {
		t.Errorf("another token has status %d", status)
	}
}

// The command ends what nginx guards at its very next request, and a kill
// brings nothing back.
func TestE2ERevokedTokensAreOutBehindNginxAtOnce(t *testing.T) {
	s := newSite(t, guardedFiles)
	nginx := startNginx(t, s, "files", echo(t))
	daemon := s.serve()
	password := s.password("backup")
	token := s.token("files", password)
	for range 2 {
		if got := get(t, nginx, "/reports", bearer(token)); got.status != 200 {
			t.Fatalf("status %d before", got.status)
		}
	}
	if out, errs, code := s.command("revoke", "--account", "backup"); code != 0 || !strings.Contains(out, "service_account.backup") {
		t.Fatalf("revoke exits with %d: %s%s", code, out, errs)
	}
	if got := get(t, nginx, "/reports", bearer(token)); got.status != 401 {
		t.Errorf("status %d at once, want 401", got.status)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.ended
	s.serve()
	if got := get(t, nginx, "/reports", bearer(token)); got.status != 401 {
		t.Errorf("status %d after a kill, want 401", got.status)
	}
	s.token("files", password) // its app password goes on
}
