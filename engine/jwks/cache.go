package jwks

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Options set up a Cache. The zero value is ready for use; each duration and
// number that is zero stands for its default.
type Options struct {
	Now     func() time.Time // the clock by which sets age; default time.Now
	Log     *slog.Logger     // told when fetches begin to fail and when they recover; default: nobody
	Observe func(Event)      // called after each fetch, from its goroutine; may be nil
	Store   Store            // keeps fetched sets over restarts; nil for nothing
	Offline bool             // nothing is ever fetched: there are the sets of Store, or none

	FetchTimeout time.Duration // a fetch from start to end, redirects and discovery included: 10 s
	FirstWait    time.Duration // how long Remote.Set waits for a fetch at most: 5 s

	MinRefresh     time.Duration // bounds of what Cache-Control may ask for: 5 min
	MaxRefresh     time.Duration // and 24 h
	DefaultRefresh time.Duration // where it asks for nothing: 15 min
	MaxStale       time.Duration // how long a set is used after it should have been refreshed: 24 h

	MinBackoff time.Duration // between a failed fetch and the next, doubling from 1 s
	MaxBackoff time.Duration // up to 5 min

	RefetchEvery time.Duration // fetches for unknown kids, per remote: one in 30 s
	RefetchBurst int           // beyond the first few: 3
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	o.FetchTimeout = cmp.Or(o.FetchTimeout, 10*time.Second)
	o.FirstWait = cmp.Or(o.FirstWait, 5*time.Second)
	o.MinRefresh = cmp.Or(o.MinRefresh, 5*time.Minute)
	o.MaxRefresh = cmp.Or(o.MaxRefresh, 24*time.Hour)
	o.DefaultRefresh = cmp.Or(o.DefaultRefresh, 15*time.Minute)
	o.MaxStale = cmp.Or(o.MaxStale, 24*time.Hour)
	o.MinBackoff = cmp.Or(o.MinBackoff, time.Second)
	o.MaxBackoff = cmp.Or(o.MaxBackoff, 5*time.Minute)
	o.RefetchEvery = cmp.Or(o.RefetchEvery, 30*time.Second)
	o.RefetchBurst = cmp.Or(o.RefetchBurst, 3)
	return o
}

// Reason is why a fetch was made.
type Reason string

// The reasons for a fetch.
const (
	Due        Reason = "due"         // the first, a refresh, or another try after a failure
	UnknownKid Reason = "unknown_kid" // a token named a key that the set lacks
)

// Event is a fetch that has ended.
type Event struct {
	Remote   *Remote
	Reason   Reason
	Duration time.Duration
	Keys     int   // usable ones; 0 where Err is set
	Skipped  int   // unusable ones
	Err      error // nil where the set was fetched; safe to log
}

// Cache owns the remote key sets of a daemon and outlives the generations that
// use them. Its methods are safe for concurrent use. Close ends it.
type Cache struct {
	opts    Options
	keeper  *keeper         // nil without a store
	ctx     context.Context // ends with Close; the parent of every fetch
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	remotes map[identity]*Remote
	fresh   map[*Remote]context.CancelFunc // those in use; stops their refreshing
}

// NewCache makes a cache without any remote.
func NewCache(opts Options) *Cache {
	opts = opts.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	return &Cache{
		opts:    opts,
		keeper:  startKeeper(opts),
		ctx:     ctx,
		cancel:  cancel,
		remotes: map[identity]*Remote{},
		fresh:   map[*Remote]context.CancelFunc{},
	}
}

// Remote returns the handle for a config. As long as Use did not drop it, equal
// configs get the same one, so that a fetched set survives a reload. It fails
// where the config can not work, and makes no request.
func (c *Cache) Remote(cfg Config) (*Remote, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.remotes[cfg.identity()]; ok {
		return known, nil
	}
	r, err := newRemote(c, cfg)
	if err != nil {
		return nil, err
	}
	c.remotes[cfg.identity()] = r
	return r, nil
}

// Use says which remotes the serving generation needs. Those are fetched now,
// in the background, unless they have a fresh set, and kept fresh from then on;
// until the first fetch ends, the set that the Store has kept is served, if it
// is not too old. All others are forgotten. A forgotten remote, which a request in flight may
// still hold, goes on serving its last set and fetches only where it must.
func (c *Cache) Use(remotes []*Remote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	previous := c.fresh
	c.fresh = make(map[*Remote]context.CancelFunc, len(remotes))
	c.remotes = make(map[identity]*Remote, len(remotes))
	for _, r := range remotes {
		if _, twice := c.fresh[r]; twice {
			continue
		}
		stop, ok := previous[r]
		if !ok {
			stop = c.keepFresh(r)
		}
		delete(previous, r)
		c.fresh[r], c.remotes[r.cfg.identity()] = stop, r
	}
	for _, stop := range previous {
		stop()
	}
}

// keepFresh starts the refreshing of r. c.mu is held.
func (c *Cache) keepFresh(r *Remote) (stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(c.ctx)
	c.running.Go(func() { r.keepFresh(ctx) })
	return cancel
}

// start runs f in the background, unless the cache is closed.
func (c *Cache) start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Go(f)
	return true
}

// Close ends all fetches and waits for them, and briefly for the Store, which
// is not called any more afterwards unless it has blocked. Sets that were
// fetched are still served; nothing is fetched any more. A second call does
// nothing.
func (c *Cache) Close() {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return
	}
	c.cancel()
	c.running.Wait()
	c.keeper.close()
}
