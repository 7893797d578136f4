package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// watchRig is a watch whose server, clock and signals are the test's. It must be
// made and used in a bubble of synctest.
type watchRig struct {
	*tokenWatch
	log    transcript
	hangup chan os.Signal

	mu      sync.Mutex
	answer  func() (*accessToken, error)
	begun   time.Time
	asked   []time.Duration // since then
	written []string
	states  []string
}

func newWatchRig(answer func() (*accessToken, error)) *watchRig {
	r := &watchRig{answer: answer, begun: time.Now(), hangup: make(chan os.Signal)}
	r.tokenWatch = &tokenWatch{
		get:    r.ask,
		put:    func(token *accessToken) error { r.written = append(r.written, token.text); return nil },
		file:   "/run/token",
		hangup: r.hangup,
		look:   2 * time.Second,
		log:    slog.New(slog.NewTextHandler(&r.log, nil)),
		notify: func(state string) { r.states = append(r.states, state) },
	}
	return r
}

func (r *watchRig) ask(context.Context) (*accessToken, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, time.Since(r.begun))
	return r.answer()
}

// answers has the server answer otherwise from now on.
func (r *watchRig) answers(answer func() (*accessToken, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// times is when the server was asked so far, since the rig was made.
func (r *watchRig) times() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// runFor runs the watch for a time, and ends it as SIGTERM does.
func (r *watchRig) runFor(t *testing.T, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return r.run(ctx)
}

// valid issues tokens with a lifetime.
func valid(lifetime time.Duration) func() (*accessToken, error) {
	n := 0
	return func() (*accessToken, error) {
		n++
		return &accessToken{text: fmt.Sprint("token-", n), asked: time.Now(), lifetime: lifetime}, nil
	}
}

func down() (*accessToken, error) { return nil, errors.New("the server is down") }

func refuses() (*accessToken, error) {
	return nil, fmt.Errorf("asking: %w", &tokenRefusal{status: 400, code: "invalid_client"})
}

// within says whether times are at distances from each other that lie in ranges.
func within(t *testing.T, times []time.Duration, ranges ...[2]time.Duration) {
	t.Helper()
	if len(times) <= len(ranges) {
		t.Fatalf("it asked %d times, want more than %d", len(times), len(ranges))
	}
	for i, r := range ranges {
		if gap := times[i+1] - times[i]; gap < r[0] || gap > r[1] {
			t.Errorf("attempt %d came after %s, want %s to %s", i+2, gap, r[0], r[1])
		}
	}
}

func TestATokenIsRenewedAtAboutTwoThirdsOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(15 * time.Minute))
		if err := r.runFor(t, 24*time.Hour); err != nil {
			t.Fatalf("it ends with %v", err)
		}
		gaps := map[time.Duration]bool{}
		times := r.times()
		for i := range times[1:] {
			gap := times[i+1] - times[i]
			gaps[gap] = true
			if gap < 9*time.Minute || gap > 11*time.Minute {
				t.Errorf("a token is renewed after %s", gap)
			}
		}
		if len(times) < 130 || len(gaps) < 100 {
			t.Errorf("it asked %d times, at %d distances: there should be many, or all who start together ask together", len(times), len(gaps))
		}
		if len(r.written) != len(times) || !slices.Equal(r.states, []string{"READY=1"}) {
			t.Errorf("it wrote %d tokens of %d and told systemd %q", len(r.written), len(times), r.states)
		}
		if log := r.log.String(); strings.Contains(log, "token-") || !strings.Contains(log, `msg="token written" file=/run/token valid_until=`) {
			t.Errorf("it logs\n%s", log[:300])
		}
	})
}

func TestAFailureIsTriedAgainAndTheOldTokenStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(10 * time.Minute))
		go func() {
			time.Sleep(time.Minute)
			r.answers(down)
			time.Sleep(30 * time.Minute)
			r.answers(valid(10 * time.Minute))
		}()
		if err := r.runFor(t, 40*time.Minute); err != nil {
			t.Fatalf("it ends with %v", err)
		}
		const s = time.Second
		within(t, r.times(), [2]time.Duration{6 * time.Minute, 7*time.Minute + 18*s},
			[2]time.Duration{800 * time.Millisecond, 1200 * time.Millisecond}, [2]time.Duration{1600 * time.Millisecond, 2400 * time.Millisecond},
			[2]time.Duration{3200 * time.Millisecond, 4800 * time.Millisecond}, [2]time.Duration{6400 * time.Millisecond, 9600 * time.Millisecond},
			[2]time.Duration{12800 * time.Millisecond, 19200 * time.Millisecond}, [2]time.Duration{25600 * time.Millisecond, 38400 * time.Millisecond},
			[2]time.Duration{48 * s, 72 * s}, [2]time.Duration{48 * s, 72 * s})
		log := r.log.String()
		for _, want := range []string{`msg="no new token" file=/run/token token_in_file="valid until `, `token_in_file="expired since `, `err="the server is down"`} {
			if !strings.Contains(log, want) {
				t.Errorf("it does not log %s", want)
			}
		}
		if !slices.Equal(r.written, []string{"token-1", "token-1", "token-2"}) && !slices.Equal(r.written, []string{"token-1", "token-1"}) {
			t.Errorf("it wrote %q", r.written)
		}
		if r.tries != 0 || !r.failing.IsZero() {
			t.Error("a success does not end the failure")
		}
	})
}

// Servers count refused credentials.
func TestARefusedProofIsShownSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(refuses)
		if err := r.runFor(t, time.Hour); err != nil {
			t.Fatalf("it ends with %v", err)
		}
		within(t, r.times(), [2]time.Duration{12 * time.Second, 18 * time.Second}, [2]time.Duration{24 * time.Second, 36 * time.Second})
		if n := len(r.times()); n > 20 {
			t.Errorf("it asked %d times in an hour", n)
		}
		if len(r.written) > 0 || len(r.states) > 0 || !strings.Contains(r.log.String(), "token_in_file=none") {
			t.Errorf("it wrote %q, told systemd %q and logs %s", r.written, r.states, r.log.String())
		}
	})
}

func TestAServerThatSaysWhenIsAskedThen(t *testing.T) {
	for name, tt := range map[string]struct{ asked, from, to time.Duration }{
		"in a while":  {3 * time.Minute, 3 * time.Minute, 3 * time.Minute},
		"in a second": {time.Second, time.Second, 1200 * time.Millisecond},
		"next year":   {365 * 24 * time.Hour, 10 * time.Minute, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newWatchRig(func() (*accessToken, error) { return nil, &tokenRefusal{status: 503, retryAfter: tt.asked} })
				if err := r.runFor(t, time.Hour); err != nil {
					t.Fatalf("it ends with %v", err)
				}
				within(t, r.times(), [2]time.Duration{tt.from, tt.to})
			})
		})
	}
}

func TestItEndsWhereThereWasNoTokenForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(10 * time.Minute))
		r.failAfter = 20 * time.Minute
		go func() {
			time.Sleep(time.Hour)
			r.answers(down)
		}()
		err := r.runFor(t, 24*time.Hour)
		if err == nil || err.Error() != "no token for 20m0s: the server is down" {
			t.Errorf("it ends with %v", err)
		}
		if took := time.Since(r.begun); took < 80*time.Minute || took > 88*time.Minute {
			t.Errorf("it ends after %s", took)
		}
	})
}

func TestAFileThatCannotBeWrittenIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(time.Hour))
		r.failAfter = time.Minute
		r.put = func(*accessToken) error { return errors.New("the disk is full") }
		if err := r.runFor(t, time.Hour); err == nil || err.Error() != "no token for 1m0s: the disk is full" {
			t.Errorf("it ends with %v", err)
		}
		if len(r.states) > 0 {
			t.Errorf("systemd was told %q", r.states)
		}
	})
}

func TestATokenWithoutALifetimeCannotBeKeptFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(0))
		r.failAfter = time.Second
		if err := r.runFor(t, time.Hour); err == nil || !strings.Contains(err.Error(), "does not say how long its tokens are valid") || len(r.written) > 0 {
			t.Errorf("it ends with %v, and wrote %q", err, r.written)
		}
	})
}

func TestATokenOfASecondDoesNotMakeAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(time.Second))
		if err := r.runFor(t, time.Minute); err != nil || len(r.times()) > 61 {
			t.Errorf("it asked %d times in a minute, and ends with %v", len(r.times()), err)
		}
	})
}

func TestSIGHUPGetsANewToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(time.Hour))
		go func() {
			time.Sleep(10 * time.Second)
			r.hangup <- nil
		}()
		if err := r.runFor(t, 20*time.Second); err != nil || !slices.Equal(r.written, []string{"token-1", "token-2"}) {
			t.Errorf("it wrote %q, and ends with %v", r.written, err)
		}
	})
}

// As Kubernetes does: the name of a link leads to another folder.
func TestAnotherProofGetsANewToken(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "..1", "token"), "first")
	writeFile(t, filepath.Join(dir, "..2", "token"), "second")
	writeFile(t, filepath.Join(dir, "..3", "token"), "second")
	lead := func(to string) {
		if err := os.Symlink(to, filepath.Join(dir, "..new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	lead("..1")
	if err := os.Symlink("..data/token", filepath.Join(dir, "token")); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(valid(time.Hour))
		r.proofs = []string{filepath.Join(dir, "token")}
		go func() {
			time.Sleep(10 * time.Second)
			lead("..2")
			time.Sleep(10 * time.Second)
			lead("..3") // another file, the same token
		}()
		if err := r.runFor(t, time.Minute); err != nil {
			t.Fatal(err)
		}
		if times := r.times(); len(times) != 2 || times[1] < 10*time.Second || times[1] > 12*time.Second {
			t.Errorf("it asked at %v, want at the start and when there was another token", times)
		}
	})
}

// A refused proof is not waited with where there is another.
func TestAnotherProofIsShownAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(refuses)
		r.proofs = []string{path} // not there yet
		go func() {
			time.Sleep(10 * time.Minute)
			r.answers(valid(time.Hour))
			writeFile(t, path, "new")
		}()
		if err := r.runFor(t, 10*time.Minute+3*time.Second); err != nil || !slices.Equal(r.written, []string{"token-1"}) {
			t.Errorf("it wrote %q, and ends with %v", r.written, err)
		}
	})
}

func TestTheEndIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newWatchRig(nil)
		r.get = func(ctx context.Context) (*accessToken, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if err := r.runFor(t, time.Second); err != nil || r.log.String() != "" {
			t.Errorf("it ends with %v, and logs %s", err, r.log.String())
		}
	})
}
