//go:build unix

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/serve"
)

// passwords are what `m2md app-password list` tells.
func (s *site) passwords(args ...string) map[string]serve.AppPassword {
	s.t.Helper()
	out, errs, code := s.command(append([]string{"app-password", "list", "--format", "json"}, args...)...)
	if code != 0 {
		s.t.Fatalf("app-password list: %s", errs)
	}
	var listed []serve.AppPassword
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		s.t.Fatalf("app-password list: %v in %s", err, out)
	}
	byLabel := map[string]serve.AppPassword{}
	for _, one := range listed {
		byLabel[one.Label] = one
	}
	return byLabel
}

func TestE2EReportsOfUseAndExpiryAreRightAfterSIGKILL(t *testing.T) {
	s := newSite(t, guardedFiles)
	daemon := s.serve()
	made := map[string]string{}
	for label, life := range map[string]string{"used": "3650d", "idle": "3650d", "ending": "5d"} {
		out, errs, code := s.command("app-password", "create", "--label", label, "--expires-in", life, "backup")
		if code != 0 {
			t.Fatal(errs)
		}
		made[label] = strings.TrimSpace(out)
	}
	before := time.Now().Truncate(time.Second)
	s.token("files", made["used"])
	s.token("files", made["ending"])

	// Uses are written in batches; what stands in one that was written is kept.
	eventually(t, "written: the uses", func() bool {
		return strings.Contains(bodyOf(t, "http://"+s.metrics+"/metrics"), "\nm2md_app_password_uses_pending 0\n")
	})
	written := time.Now()
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-daemon.ended
	s.serve()

	all := s.passwords()
	for _, label := range []string{"used", "ending"} {
		last := all[label]
		if last.LastUsedAt.Before(before) || last.LastUsedAt.After(written) || last.LastUsedFrom.String() != "127.0.0.1" || last.LastUsedFor != "files" {
			t.Errorf("%s was used between %s and %s from 127.0.0.1 at files; the list says %s from %s at %s", label, before, written, last.LastUsedAt, last.LastUsedFrom, last.LastUsedFor)
		}
	}
	if last := all["idle"]; !last.LastUsedAt.IsZero() {
		t.Errorf("one that was never used is said to have been at %s", last.LastUsedAt)
	}
	if got := s.passwords("--expiring", "14d"); len(got) != 1 || got["ending"].ID == "" {
		t.Errorf("--expiring 14d lists %v, and only one ends so soon", got)
	}
	if got := s.passwords("--unused", "1s"); got["idle"].ID == "" {
		t.Errorf("--unused lists %v without the one that was never used", got)
	}
	if got := s.passwords("--unused", "1h"); len(got) != 0 {
		t.Errorf("--unused 1h lists %v, which were all made or used since", got)
	}
	status, _, _ := s.command("status")
	if !strings.Contains(status, all["ending"].ID) || strings.Contains(status, all["idle"].ID) {
		t.Errorf("the status does not warn of %s, which ends in five days and is used, alone:\n%s", all["ending"].ID, status)
	}
}

// bodyOf is what a URL answers.
func bodyOf(t testing.TB, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
