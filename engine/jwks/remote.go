package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// ErrUnavailable is wrapped by every error of Remote.Set: there are no keys now,
// which says nothing of the token.
var ErrUnavailable = errors.New("keys unavailable")

// ErrOffline is wrapped, beside ErrUnavailable, where Options.Offline keeps keys
// from being fetched.
var ErrOffline = errors.New("nothing is fetched here")

// Remote is a published key set, fetched and kept by a Cache. Its methods are
// safe for concurrent use.
type Remote struct {
	cache   *Cache
	cfg     Config
	id      [sha256.Size]byte // under which the store has its sets
	fetcher *fetcher
	unknown *rate.Limiter // of fetches for unknown kids
	changed chan struct{} // of size 1: wakes keepFresh, as next was set

	current atomic.Pointer[fetched]

	mu         sync.Mutex
	asked      bool      // the store was asked, or there is none
	flight     *flight   // the fetch under way; nil: none
	next       time.Time // when to fetch again
	failures   int       // since the last good fetch
	lastErr    error     // of the last fetch; nil where it was good
	staleSince time.Time // the zero value: the last fetch was good, or none has ended
	toldOld    bool      // the log was told that the set is too old
}

// fetched is what a good fetch brought. It never changes.
type fetched struct {
	set      *Set
	skipped  []Skipped
	at       time.Time
	until    time.Time // from then on it is too old to be used, by either reading of the clock
	restored bool      // an earlier process fetched it
}

// flight is one fetch that any number of callers wait for. done is closed
// after err and the remote's state were written.
type flight struct {
	restored chan struct{} // closed where a kept set is served meanwhile; nil: the store is not asked
	done     chan struct{}
	err      error
}

func newRemote(c *Cache, cfg Config) (*Remote, error) {
	f, err := newFetcher(cfg, c.opts.FetchTimeout)
	if err != nil {
		return nil, err
	}
	return &Remote{
		cache: c, cfg: cfg, id: cfg.storeID(), fetcher: f,
		unknown: rate.NewLimiter(rate.Every(c.opts.RefetchEvery), c.opts.RefetchBurst),
		changed: make(chan struct{}, 1),
		asked:   c.opts.Store == nil,
	}, nil
}

// Set returns the current keys. Where there are none, because none were ever
// fetched or they are older than MaxStale allows, it waits for a fetch, no
// longer than ctx and FirstWait; after a failed fetch it fails at once until
// the next one is due. Where the keys lack kid, it waits for one more fetch
// likewise, and then returns what there is; such fetches are limited to
// RefetchBurst and one every RefetchEvery, however many tokens ask. All who
// wait share one fetch. Errors wrap ErrUnavailable.
func (r *Remote) Set(ctx context.Context, kid string) (*Set, error) {
	if current := r.usable(); current.has(kid) {
		return current.set, nil
	}
	awaited, err := r.join(kid)
	if awaited != nil {
		err = r.await(ctx, awaited, kid)
	}
	if current := r.usable(); current != nil {
		return current.set, nil
	}
	r.tellOld()
	if err == nil { // they were there a moment ago
		err = errors.New("they have become too old")
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// usable returns what was fetched last, or nil where that is nothing or too old.
func (r *Remote) usable() *fetched {
	current := r.current.Load()
	if current == nil || r.past(current.until) {
		return nil
	}
	return current
}

// has says whether there are keys, and one of that kid, if one is asked for.
func (f *fetched) has(kid string) bool { return f != nil && (kid == "" || f.set.Has(kid)) }

// past says whether a time has come by either reading of the clock: that of the
// wall, which goes on while a machine sleeps, and the monotonic one, which is
// never set back.
func (r *Remote) past(t time.Time) bool {
	now := r.cache.opts.Now()
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// now is the cache's clock, without the monotonic reading, which stands still
// while a machine sleeps and keys age.
func (r *Remote) now() time.Time { return r.cache.opts.Now().Round(0) }

// errRefetchLimit never reaches a caller of Set: where it stands, there is a set.
var errRefetchLimit = errors.New("too many fetches for unknown keys")

// join returns the fetch to wait for, starting one where that is allowed, or
// why there is none to wait for. Both are nil where a fetch has just brought
// the key.
func (r *Remote) join(kid string) (*flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flight != nil {
		return r.flight, nil
	}
	current := r.usable()
	switch {
	case current == nil && r.lastErr != nil && r.now().Before(r.next):
		return nil, r.lastErr
	case current == nil:
		return r.launch(Due)
	case current.has(kid):
		return nil, nil
	case !r.unknown.AllowN(r.now(), 1):
		return nil, errRefetchLimit
	default:
		return r.launch(UnknownKid)
	}
}

// await waits for a fetch, or until a kept set serves meanwhile that has kid.
func (r *Remote) await(ctx context.Context, f *flight, kid string) error {
	patience := time.NewTimer(r.cache.opts.FirstWait)
	defer patience.Stop()
	restored := f.restored
	for {
		select {
		case <-restored:
			if r.usable().has(kid) {
				return nil
			}
			restored = nil
		case <-f.done:
			return f.err
		case <-ctx.Done():
			return fmt.Errorf("waiting for a fetch: %w", context.Cause(ctx))
		case <-patience.C:
			return fmt.Errorf("waiting for a fetch: none ended within %s", r.cache.opts.FirstWait)
		}
	}
}

// launch starts a fetch; with the first one, the store is asked for what it has
// kept.
// r.mu is held, and no fetch is under way.
func (r *Remote) launch(why Reason) (*flight, error) {
	f := &flight{done: make(chan struct{})}
	if !r.asked {
		f.restored = make(chan struct{})
	}
	if !r.cache.start(func() { r.fly(f, why) }) {
		return nil, errors.New("the daemon is shutting down")
	}
	r.flight, r.asked = f, true
	return f, nil
}

// fly makes a fetch, records how it went, and has a good one kept.
func (r *Remote) fly(f *flight, why Reason) {
	var answered chan struct{}
	if f.restored != nil {
		answered = r.restore(f)
	}
	began := time.Now()
	got, err := r.fetch()
	event := Event{Remote: r, Reason: why, Duration: time.Since(began), Err: err}
	switch {
	case err == nil:
		event.Keys, event.Skipped = len(got.keys), len(got.skipped)
	case answered != nil: // nobody is to be told of a failed fetch while kept keys may come
		r.awaitStore(answered)
	}
	failures := r.record(f, got, err)
	r.tell(event, failures)
	if err == nil {
		r.keep()
	}
	r.cache.opts.Observe(event)
}

// fetch asks the issuer, where anybody may be asked.
func (r *Remote) fetch() (response, error) {
	if r.cache.opts.Offline {
		return response{}, ErrOffline
	}
	return r.fetcher.fetch(r.cache.ctx)
}

// record makes the outcome of a fetch the state of the remote, and returns how
// many fetches had failed in a row before it.
func (r *Remote) record(f *flight, got response, err error) (failures int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failures = r.failures
	now, opts := r.now(), r.cache.opts
	if err != nil {
		r.failures++
		r.next = now.Add(backoff(r.failures, opts))
		if r.staleSince.IsZero() {
			r.staleSince = now
		}
	} else {
		period := refreshPeriod(got.maxAge, opts)
		// Up to a tenth earlier, so that many daemons do not ask at once.
		r.next = now.Add(period - rand.N(period/10+1))
		r.failures, r.staleSince, r.toldOld = 0, time.Time{}, false
		r.current.Store(&fetched{
			set:     NewSet(got.keys),
			skipped: got.skipped,
			at:      now,
			until:   opts.Now().Add(period + opts.MaxStale),
		})
	}
	r.lastErr, f.err, r.flight = err, err, nil
	close(f.done)
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return failures
}

// refreshPeriod is for how long a set is fresh, given what its issuer says;
// a negative maxAge says nothing.
func refreshPeriod(maxAge time.Duration, opts Options) time.Duration {
	if maxAge < 0 {
		return opts.DefaultRefresh
	}
	return min(max(maxAge, opts.MinRefresh), opts.MaxRefresh)
}

// backoff is how long to wait after a number of failures in a row: twice as
// long each time, up to half of it taken off by chance.
func backoff(failures int, opts Options) time.Duration {
	wait := opts.MinBackoff
	for range failures - 1 {
		wait = min(2*wait, opts.MaxBackoff)
	}
	return wait - rand.N(wait/2+1)
}

// tell logs where fetches begin to fail and where they work again, so that an
// issuer that stays down fills no log. failures is how many had failed before.
func (r *Remote) tell(e Event, failures int) {
	log, current := r.cache.opts.Log, r.usable()
	switch {
	case errors.Is(e.Err, context.Canceled): // we ended it ourselves
	case e.Err != nil && failures == 0 && current != nil:
		log.Warn("fetching keys failed: those that are known are used, which may be out of date",
			"url", r.URL(), "err", e.Err, "fetched_at", shown(current.at), "used_until", shown(current.until))
	case e.Err != nil && failures == 0:
		log.Warn("fetching keys failed: there are none to use", "url", r.URL(), "err", e.Err)
	case e.Err == nil && failures > 0:
		log.Info("fetching keys works again", "url", r.URL(), "keys", e.Keys)
	}
	r.tellOld()
}

// tellOld logs once that the set has become too old to be used.
func (r *Remote) tellOld() {
	current := r.current.Load()
	if current == nil || !r.past(current.until) {
		return
	}
	r.mu.Lock()
	told := r.toldOld
	r.toldOld = true
	err := r.lastErr
	r.mu.Unlock()
	if !told {
		r.cache.opts.Log.Warn("keys are too old to be used: what they have signed is refused until fetching them works again",
			"url", r.URL(), "err", err, "fetched_at", shown(current.at), "used_until", shown(current.until))
	}
}

// shown is a time for a log.
func shown(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// keepFresh fetches whenever a fetch is due, until ctx ends.
func (r *Remote) keepFresh(ctx context.Context) {
	for {
		due := r.due()
		timer := time.NewTimer(due.Sub(r.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.changed: // a token has caused a fetch: its outcome says when the next one is due
			timer.Stop()
			continue
		case <-timer.C:
		}
		if r.due().Equal(due) {
			r.refresh(ctx)
		}
	}
}

// due is when the next fetch is to be made; the zero value: at once.
func (r *Remote) due() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next
}

// refresh waits for a fetch, which it starts unless one is under way.
func (r *Remote) refresh(ctx context.Context) {
	r.mu.Lock()
	f := r.flight
	if f == nil {
		f, _ = r.launch(Due)
	}
	r.mu.Unlock()
	if f == nil { // the cache is closing, and ctx ends with it
		<-ctx.Done()
		return
	}
	select {
	case <-f.done:
	case <-ctx.Done():
	}
}

// URL is where the keys come from, without a query: the JWK set, or the
// discovery document that names it.
func (r *Remote) URL() string { return r.fetcher.shown }

// Status is how a remote stands, for people.
type Status struct {
	URL       string // without a query
	Keys      int    // usable ones
	Skipped   []Skipped
	FetchedAt time.Time // of the current set; the zero value: none yet
	Expires   time.Time // when the current set gets too old to be used
	LastError string    // of the last fetch; "" where it was good
	Next      time.Time // when it is fetched next; the zero value: at once
	// Stale says that the current set may be out of date: the last fetch
	// failed, or the set was restored and no fetch has succeeded yet. It is
	// used until Expires all the same.
	Stale      bool
	StaleSince time.Time // the zero value: not stale
	Restored   bool      // an earlier process fetched the current set
}

// Status tells how r stands now.
func (r *Remote) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{URL: r.URL(), Next: r.next, Stale: !r.staleSince.IsZero(), StaleSince: r.staleSince}
	if current := r.current.Load(); current != nil {
		s.Keys, s.Skipped, s.Restored = len(current.set.Keys()), current.skipped, current.restored
		s.FetchedAt, s.Expires = current.at, current.until.Round(0)
	}
	if r.lastErr != nil {
		s.LastError = r.lastErr.Error()
	}
	return s
}
