//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A daemon is killed again and again right after a reload was acknowledged, on
// files that are broken the moment after: what was acknowledged starts.
func TestE2EWhatWasAcknowledgedStartsAfterSIGKILL(t *testing.T) {
	s := newSite(t, guardedFiles)
	daemon := s.serve()
	password := s.password("backup")
	for i := range 5 {
		s.write("changing.hcl", fmt.Sprintf("service_account \"change%d\" {\n}\n", i))
		if result, err := s.admin().Reload(t.Context()); err != nil || !result.OK {
			t.Fatalf("%+v, %v", result, err)
		}
		status, err := s.admin().Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		daemon.Process.Kill() //nolint:errcheck // SIGKILL; it cannot have ended before
		<-daemon.ended
		s.write("changing.hcl", broken[i%len(broken)])

		refused := start(t, builtBinary(t), "serve", "--config", s.config, "--state-dir", s.state)
		eventually(t, "ended: a daemon on broken files", refused.hasEnded)
		if said := refused.stderr.String(); refused.err == nil || !strings.Contains(said, "`m2md serve --last-good` starts from what served last") {
			t.Fatalf("it ended with %v\n%s", refused.err, said)
		}

		daemon = start(t, builtBinary(t), "serve", "--last-good", "--config", s.config, "--state-dir", s.state)
		daemon.awaitStart(t, func() bool { return statusOfURL(s.url+"/-/ready") == http.StatusOK })
		now, err := s.admin().Status(t.Context())
		if err != nil || now.Hash != status.Hash || now.LastGood == nil || now.Reload.OK {
			t.Fatalf("it serves %+v (%v), want hash %s", now, err, status.Hash)
		}
		if !strings.Contains(daemon.stderr.String(), "THE FILES DO NOT SERVE") {
			t.Errorf("its log says\n%s", daemon.stderr.String())
		}
		if s.knock("files", basic("backup", password)) != http.StatusOK {
			t.Fatal("who was let in is not")
		}
	}
	s.write("changing.hcl", changing(0))
	eventually(t, "taken up: the mended files", func() bool {
		status, err := s.admin().Status(t.Context())
		return err == nil && status.Reload.OK && status.LastGood == nil
	})
}
