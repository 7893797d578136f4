//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
)

// jobs is a provider that lets in the jobs of an issuer over HTTP.
func jobs(i *enginetest.Issuer) string {
	return fmt.Sprintf(`
oauth_source "ci" {
  issuer        = %q
  oidc_jwks_url = "%s?token=sentinel-of-a-query"
  allow_http    = true
  audiences     = ["m2md"]
}
provider "files" {
  access "jobs" {
    from           = [oauth_source.ci]
    require_claims = { ref = "refs/heads/main" }
  }
}
`, i.URL, i.JWKSURL())
}

// exchange asks for a token with one of a job, and wants a certain status.
func (s *site) exchange(token string, want int) {
	s.t.Helper()
	answer, err := s.ask(s.t.Context(), credentials("files", token))
	if err != nil || answer.Status != want {
		s.t.Fatalf("exchanging a token: %v %+v, want status %d", err, answer, want)
	}
}

func TestE2EARestartAfterSIGKILLWorksWhileTheIssuerIsDown(t *testing.T) {
	known, stranger := enginetest.NewKey(t, "known", "RS256"), enginetest.NewKey(t, "stranger", "RS256")
	issuer := enginetest.NewIssuer(t, known)
	s := newSite(t, jobs(issuer)+"service_account \"backup\" {}\n")
	daemon := s.serve()
	s.exchange(known.Mint(jobClaims(issuer.URL)), http.StatusOK)
	eventually(t, "kept: the keys", func() bool {
		content, err := os.ReadFile(filepath.Join(s.state, databaseName))
		return err == nil && strings.Contains(string(content), `"jwks":"`)
	})
	s.password("backup") // which is written after them
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.ended
	issuer.Stop()

	daemon = s.serve()
	s.exchange(known.Mint(jobClaims(issuer.URL)), http.StatusOK)
	s.exchange(stranger.Mint(jobClaims(issuer.URL)), http.StatusBadRequest)
	eventually(t, "told: that the keys are stale", func() bool {
		out, _, _ := s.command("status")
		return strings.Contains(out, " by an earlier process, STALE since ") && strings.Contains(out, " and used until ") && strings.Contains(out, "last fetch failed")
	})
	status, err := askStatus(s.admin())
	if err != nil || len(status.KeySets) != 1 {
		t.Fatalf("status: %v, %+v", err, status)
	}
	if set := status.KeySets[0]; set.Keys != 1 || !set.Stale || !set.Restored || set.StaleSince.Before(status.Started) ||
		!set.FetchedAt.Before(status.Started) || set.UsedUntil.Sub(set.FetchedAt) < 24*time.Hour {
		t.Errorf("the status of the key set is %+v", set)
	}
	if said := daemon.stderr.String(); strings.Count(said, "fetching keys failed") != 1 || strings.Contains(said, "sentinel-of-a-query") {
		t.Errorf("the daemon's log is:\n%s", said)
	}
}

func TestE2ERotatingTheKeysLosesNoRequest(t *testing.T) {
	old, next := enginetest.NewKey(t, "old", "ES256"), enginetest.NewKey(t, "next", "RS256")
	issuer := enginetest.NewIssuer(t, old)
	s := newSite(t, jobs(issuer))
	s.serve()
	s.exchange(old.Mint(jobClaims(issuer.URL)), http.StatusOK)
	issuer.Publish(old, next)
	s.exchange(next.Mint(jobClaims(issuer.URL)), http.StatusOK) // its first token
	s.exchange(old.Mint(jobClaims(issuer.URL)), http.StatusOK)
	issuer.Publish(next)
	s.exchange(enginetest.NewKey(t, "unknown", "ES256").Mint(jobClaims(issuer.URL)), http.StatusBadRequest) // has the set fetched
	s.exchange(old.Mint(jobClaims(issuer.URL)), http.StatusBadRequest)
	s.exchange(next.Mint(jobClaims(issuer.URL)), http.StatusOK)
}
