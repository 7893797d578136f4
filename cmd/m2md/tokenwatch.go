package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

func tokenWatchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "watch", Usage: "keep --file fresh until SIGTERM; SIGHUP gets a new token at once, and so does a change of the proof's file"},
		&cli.DurationFlag{Name: "fail-after", DefaultText: "never", Usage: "with --watch: end with 1 when there was no token to be had for so long"},
	}
}

func checkTokenWatch(c *cli.Context) error {
	switch {
	case c.Bool("watch") && c.String("file") == "":
		return usagef("--watch: name the --file that is to be kept fresh")
	case c.IsSet("fail-after") && !c.Bool("watch"):
		return usagef("--fail-after has no place without --watch")
	case c.IsSet("fail-after") && c.Duration("fail-after") <= 0:
		return usagef("--fail-after: the time must be positive")
	}
	return nil
}

// watchToken keeps the file fresh until somebody ends it.
func watchToken(c *cli.Context, asker *tokenAsker, out *tokenOutput) error {
	for _, path := range asker.files() {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return usagef("--watch: %s is no regular file, and cannot be read again and again", path)
		}
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // who reads stderr may go away
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	w := &tokenWatch{
		get: asker.once, put: out.put, file: out.file, proofs: asker.files(), hangup: hangup,
		failAfter: c.Duration("fail-after"), look: 2 * time.Second,
		log: slog.New(slog.NewTextHandler(c.App.ErrWriter, nil)), notify: notifySystemd,
	}
	defer w.notify("STOPPING=1")
	return w.run(ctx)
}

// tokenWatch keeps a file fresh.
type tokenWatch struct {
	get       func(context.Context) (*accessToken, error)
	put       func(*accessToken) error
	file      string   // that put writes
	proofs    []string // files that get reads
	hangup    <-chan os.Signal
	failAfter time.Duration // 0: never
	look      time.Duration // how often to look at proofs and the clock
	log       *slog.Logger
	notify    func(state string) // tells systemd

	expires time.Time // of the token in the file; zero: there is none yet
	failing time.Time // since when there is no token to be had; zero: there is
	tries   int       // since then
}

// Bounds of the time between attempts.
const (
	shortestWait   = time.Second
	longestFailure = time.Minute     // where the server was not reached
	longestRefusal = 5 * time.Minute // where it refused, and may count that
	longestAsked   = 10 * time.Minute
)

// run gets tokens until ctx ends, which is well, or until failAfter.
func (w *tokenWatch) run(ctx context.Context) error {
	for {
		seen := w.contents()
		wait, err := w.renew(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && w.failAfter > 0 {
			left := w.failAfter - time.Since(w.failing)
			if left <= 0 {
				return fmt.Errorf("no token for %s: %w", time.Since(w.failing).Round(time.Second), err)
			}
			wait = min(wait, left)
		}
		if !w.await(ctx, wait, seen) {
			return nil
		}
	}
}

// renew gets a token and writes it, tells what came of it, and says how long to
// wait for the next attempt.
func (w *tokenWatch) renew(ctx context.Context) (time.Duration, error) {
	token, err := w.get(ctx)
	if err == nil && token.lifetime == 0 {
		err = errors.New("the server does not say how long its tokens are valid (expires_in), so nobody knows when to get another")
	}
	if err == nil {
		err = w.put(token)
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if err != nil {
		return w.failed(err), err
	}
	if w.expires.IsZero() {
		w.notify("READY=1")
	}
	w.expires, w.failing, w.tries = token.asked.Add(token.lifetime).Round(0), time.Time{}, 0
	wait := max(shortestWait, time.Until(token.asked.Add(freshFor(token.lifetime))))
	w.log.Info("token written", "file", w.file, "valid_until", when(w.expires), "next_in", wait.Round(time.Second))
	return wait, nil
}

// freshFor is how long a token is left in its file: about two thirds of its
// lifetime, and not the same for all that were started together.
func freshFor(lifetime time.Duration) time.Duration {
	return time.Duration(float64(lifetime) * (0.60 + 0.13*rand.Float64()))
}

// failed tells of a failure, and says how long to wait: twice as long each
// time, and longer where the server was reached and refused.
func (w *tokenWatch) failed(err error) time.Duration {
	if w.failing.IsZero() {
		w.failing = time.Now()
	}
	first, longest, asked := shortestWait, longestFailure, time.Duration(0)
	if refused, is := errors.AsType[*tokenRefusal](err); is {
		asked = min(refused.retryAfter, longestAsked)
		if refused.status < 500 {
			first, longest = 15*time.Second, longestRefusal
		}
	}
	wait := min(first<<min(w.tries, 10), longest)
	wait = max(asked, time.Duration(float64(wait)*(0.8+0.4*rand.Float64())))
	w.tries++
	in := "none"
	switch {
	case w.expires.IsZero():
	case time.Now().Before(w.expires):
		in = "valid until " + when(w.expires)
	default:
		in = "expired since " + when(w.expires)
	}
	w.log.Warn("no new token", "file", w.file, "token_in_file", in, "next_in", wait.Round(time.Second), "err", err)
	return wait
}

// await waits for as long as said, for a signal, or for another proof. It says
// whether to go on. The wall clock counts, too: a machine that slept has none
// but that.
func (w *tokenWatch) await(ctx context.Context, wait time.Duration, seen [][sha256.Size]byte) bool {
	begun := time.Now()
	end := begun.Add(wait)
	look := time.NewTicker(w.look)
	defer look.Stop()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-w.hangup:
			w.log.Info("told by SIGHUP to get a new token")
			return true
		case <-timer.C:
			return true
		case <-look.C:
			if time.Now().Round(0).After(end.Round(0)) {
				return true
			}
			if !slices.Equal(w.contents(), seen) {
				w.log.Info("the proof has changed", "files", w.proofs)
				return true
			}
		}
	}
}

// contents are digests of the proofs' files: what is compared, as names, times
// and links tell less. What cannot be read is like an empty file.
func (w *tokenWatch) contents() [][sha256.Size]byte {
	all := make([][sha256.Size]byte, len(w.proofs))
	for i, path := range w.proofs {
		digest := sha256.New()
		if f, err := os.Open(path); err == nil {
			io.Copy(digest, io.LimitReader(f, maxProof)) //nolint:errcheck // then it is compared as far as it was read
			f.Close()
		}
		digest.Sum(all[i][:0])
	}
	return all
}
