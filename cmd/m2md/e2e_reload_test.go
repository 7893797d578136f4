//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// reloads is how often the files change under load. Half of them are broken.
const reloads = 200

// broken are contents of a file that each spoil the configuration in another way.
var broken = []string{
	`service_account "half {`,
	`service_account "backup" {}`, // a second one
	"provider \"again\" {\n  access \"x\" {\n    from = [service_account.nobody]\n  }\n}\n",
	`policy "p" { script = "return (" }`,
	`provider "files2" { audiense = ["x"] }`,
	strings.Repeat("(", 100_000),
}

func TestE2ENoRequestIsLostOverManyReloads(t *testing.T) {
	s := newSite(t, guardedFiles)
	s.write("changing.hcl", changing(0))
	daemon := s.serve()
	load := s.startLoad(s.password("backup"), s.password("stranger"))
	turncoat := s.password("turncoat")

	generation := uint64(1)
	for i := 1; i <= reloads; i++ {
		sound := i%2 == 0
		content := broken[i/2%len(broken)]
		if sound {
			content = changing(i)
			generation++
		}
		s.replace(content, i%3 == 0)
		s.awaitOutcome(i, sound, generation)
		// The rules of the last sound files: turncoat is let in by every second one.
		want := http.StatusForbidden
		if i/2%2 == 0 {
			want = http.StatusOK
		}
		if status := s.knock("turncoat", basic("turncoat", turncoat)); status != want {
			t.Fatalf("after change %d (sound: %t) turncoat gets %d, want %d", i, sound, status, want)
		}
	}
	asked, wrong := load.stop()
	t.Logf("%d requests over %d reloads", asked, reloads)
	if len(wrong) > 0 {
		t.Errorf("%d answers were wrong, the first: %s", len(wrong), wrong[0])
	}
	if asked < reloads {
		t.Errorf("only %d requests were made, which proves little", asked)
	}
	if daemon.hasEnded() {
		t.Fatalf("the daemon ended: %v", daemon.err)
	}
}

// changing is a sound file that differs for each even i; every second one lets
// turncoat in.
func changing(i int) string {
	from := "service_account.backup"
	if i/2%2 == 0 {
		from = "service_account.turncoat"
	}
	return fmt.Sprintf(`
service_account "turncoat" {
  display_name = "change %d"
}
provider "turncoat" {
  access "main" {
    from = [%s]
  }
  forward_auth {
    external_host = "turncoat.localhost"
  }
}
`, i, from)
}

// replace puts other content into the changing file, as a whole or in place.
// In place, the rest of the old content is cut off last: an empty file would be
// sound, and this test could not tell a daemon that read it from one that lost
// the rules.
func (s *site) replace(content string, inPlace bool) {
	s.t.Helper()
	path := filepath.Join(s.config, "changing.hcl")
	if inPlace {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = file.WriteString(content)
			err = errors.Join(err, file.Truncate(int64(len(content))), file.Close())
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return
	}
	aside := filepath.Join(s.config, ".changing")
	writeFile(s.t, aside, content)
	if err := os.Rename(aside, path); err != nil {
		s.t.Fatal(err)
	}
}

// awaitOutcome waits until the daemon has judged the files as they are: most
// often it is told to, every fifth time it finds out by itself.
func (s *site) awaitOutcome(i int, sound bool, generation uint64) {
	s.t.Helper()
	if i%5 > 0 {
		result, err := s.admin().Reload(s.t.Context())
		if err != nil || result.OK != sound || result.Generation < generation {
			s.t.Fatalf("change %d: %v, %+v; want ok %t at generation %d", i, err, result, sound, generation)
		}
		if !sound && !strings.Contains(result.Report, "changing.hcl") {
			s.t.Fatalf("change %d: the report names no file: %s", i, result.Report)
		}
		return
	}
	eventually(s.t, fmt.Sprintf("noticed: change %d", i), func() bool {
		status, err := s.admin().Status(s.t.Context())
		return err == nil && status.Reload.OK == sound && status.Generation >= generation
	})
}

// knock asks forward-auth for a provider and returns the status; 0 where there
// is no answer.
func (s *site) knock(provider, credential string) int {
	req, err := http.NewRequest(http.MethodGet, s.url+"/auth/nginx/provider/"+provider, nil)
	if err != nil {
		return 0
	}
	if name, value, given := strings.Cut(credential, ": "); given {
		req.Header.Set(name, value)
	}
	req.Header.Set("X-Original-URL", "http://"+provider+".localhost/reports")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// traffic is requests without a pause, each with the one answer that it must have.
type traffic struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	asked  atomic.Int64

	mu    sync.Mutex
	wrong []string
}

// startLoad asks for tokens and at the door, with proofs that are let in and
// proofs that are not.
func (s *site) startLoad(backup, stranger string) *traffic {
	s.t.Helper()
	token := s.token("files", backup)
	tokenStatus := func(secret string) func(context.Context) int {
		return func(ctx context.Context) int {
			answer, err := s.ask(ctx, credentials("files", secret))
			if err != nil {
				return 0
			}
			return answer.Status
		}
	}
	door := func(credential string) func(context.Context) int {
		return func(context.Context) int { return s.knock("files", credential) }
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &traffic{cancel: cancel}
	for _, one := range []struct {
		name string
		want int
		ask  func(context.Context) int
	}{
		{"a token for an app password", http.StatusOK, tokenStatus(backup)},
		{"a token for a mistyped app password", http.StatusBadRequest, tokenStatus(backup + "x")},
		{"the door with a token", http.StatusOK, door(bearer(token))},
		{"the door with an app password", http.StatusOK, door(basic("backup", backup))},
		{"the door with nothing", http.StatusUnauthorized, door("")},
		{"the door with a stranger", http.StatusForbidden, door(basic("stranger", stranger))},
	} {
		l.done.Go(func() {
			for ctx.Err() == nil {
				status := one.ask(context.WithoutCancel(ctx))
				l.asked.Add(1)
				if status != one.want {
					l.mu.Lock()
					l.wrong = append(l.wrong, fmt.Sprintf("%s: status %d, want %d", one.name, status, one.want))
					l.mu.Unlock()
				}
			}
		})
	}
	s.t.Cleanup(func() { l.stop() })
	return l
}

// stop ends the load and tells how much was asked, and what was answered
// wrongly.
func (l *traffic) stop() (asked int64, wrong []string) {
	l.cancel()
	l.done.Wait()
	return l.asked.Load(), l.wrong
}
