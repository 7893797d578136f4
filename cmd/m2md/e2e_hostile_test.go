//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// healthyFiles has an ordinary policy; the hostile ones stand beside it.
const healthyFiles = `
service_account "backup" {
  groups = ["ci"]
}
service_account "hostile" {}
policy "healthy" {
  inputs = { names = ["backup", "restore"] }
  script = <<-JS
    return inputs.names.includes(request.user.username) && request.user.groups.some(g => g === "ci");
  JS
}
provider "healthy" {
  access "machines" {
    from     = [service_account.backup]
    policies = [policy.healthy]
  }
}
`

// TestE2EHostilePoliciesLeaveOthersServed asks for tokens while clients ask,
// without a pause, whatever has a policy of scripting's hostile corpus. The
// others must all get their tokens, and soon: what is compared is the same
// minute of the same machine.
func TestE2EHostilePoliciesLeaveOthersServed(t *testing.T) {
	s := newSite(t, healthyFiles)
	hostile := s.hostileProviders()
	daemon := s.serve()
	healthy := credentials("healthy", s.password("backup")).Encode()
	secret := s.password("hostile")

	alone := s.times(healthy, 2*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	var asked, letIn atomic.Int64
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for n := i; ctx.Err() == nil; n += 8 {
				status := s.post(credentials(hostile[n%len(hostile)], secret).Encode())
				asked.Add(1)
				if status == http.StatusOK || status == 0 {
					letIn.Add(1)
				}
			}
		})
	}
	beset := s.times(healthy, 5*time.Second)
	cancel()
	done.Wait()

	t.Logf("alone: %s; beset by %d requests: %s; the daemon had %d MiB at most", alone, asked.Load(), beset, s.peakMemory(daemon)>>20)
	if daemon.hasEnded() {
		t.Fatalf("the daemon ended: %v", daemon.err)
	}
	if n := letIn.Load(); n > 0 {
		t.Errorf("%d of %d hostile requests were let in, or not answered", n, asked.Load())
	}
	if asked.Load() < 50 || len(beset) < 50 {
		t.Fatalf("%d hostile and %d healthy requests prove little", asked.Load(), len(beset))
	}
	if slices.Contains(alone, 0) || slices.Contains(beset, 0) {
		t.Error("a healthy request was refused")
	}
	// Eight busy clients take their share of two processors, so that some times
	// the time is fair; the deadline of a policy is what nobody may wait for.
	if limit := 10*alone.at(50) + 50*time.Millisecond; beset.at(50) > limit {
		t.Errorf("half of the healthy requests took more than %v, alone %v", beset.at(50), alone.at(50))
	}
	if limit := policyDeadline + 2*alone.at(99); beset.at(99) > limit {
		t.Errorf("one in a hundred healthy requests took more than %v, alone %v", beset.at(99), alone.at(99))
	}
}

// hostileProviders writes a provider for each file of the corpus that compiles,
// and returns their names.
func (s *site) hostileProviders() (names []string) {
	s.t.Helper()
	files, err := filepath.Glob("../../scripting/testdata/hostile/*.js")
	if err != nil {
		s.t.Fatal(err)
	}
	var blocks strings.Builder
	for i, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.Contains(string(script), "// Ends: finding\n") {
			continue
		}
		name := fmt.Sprintf("hostile-%d", i)
		names = append(names, name)
		s.write(name+".js", string(script))
		fmt.Fprintf(&blocks, `
policy %[1]q {
  script_file = "%[1]s.js"
}
provider %[1]q {
  access "x" {
    from     = [service_account.hostile]
    policies = [policy.%[1]s]
  }
}
`, name)
	}
	if len(names) < 60 {
		s.t.Fatalf("%d hostile policies", len(names))
	}
	s.write("hostile.hcl", blocks.String())
	return names
}

// latencies are how long requests took, from the shortest to the longest; 0 is
// one that was refused.
type latencies []time.Duration

// at is what so many of a hundred took at most.
func (l latencies) at(percent int) time.Duration { return l[(len(l)-1)*percent/100] }

func (l latencies) String() string {
	return fmt.Sprintf("%d requests, half within %v, 99 %% within %v", len(l), l.at(50), l.at(99))
}

// times has two clients ask for tokens for a while.
func (s *site) times(form string, span time.Duration) latencies {
	var all latencies
	var mu sync.Mutex
	var done sync.WaitGroup
	until := time.Now().Add(span)
	for range 2 {
		done.Go(func() {
			for time.Now().Before(until) {
				began := time.Now()
				took := time.Duration(0)
				if s.post(form) == http.StatusOK {
					took = time.Since(began)
				}
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
			}
		})
	}
	done.Wait()
	slices.Sort(all)
	return all
}

// hostileClient keeps its connections, as there are few clients.
var hostileClient = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 32}}

// post asks the token endpoint; 0 where there is no answer.
func (s *site) post(form string) int {
	res, err := hostileClient.Post(s.url+"/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if !json.NewDecoder(res.Body).More() {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// peakMemory is what a process had resident at most, in bytes; 0 where the
// system does not tell.
func (s *site) peakMemory(p *process) (peak int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(line, &peak)
	return peak << 10
}
