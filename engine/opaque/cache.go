package opaque

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Options set up a Cache. The zero value is ready for use; a duration that is
// zero stands for its default.
type Options struct {
	Now     func() time.Time // the clock by which answers age; default time.Now
	Log     *slog.Logger     // told when an issuer begins to fail and when it recovers; default: nobody
	Observe func(Event)      // called after each request to an issuer, from its goroutine; may be nil

	Timeout time.Duration // of a request to an issuer: 5 s
	MaxWait time.Duration // until a request can be begun: 5 s
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
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	o.MaxWait = cmp.Or(o.MaxWait, 5*time.Second)
	return o
}

// Event is a request to an issuer that has ended.
type Event struct {
	Remote   *Remote
	Duration time.Duration
	Err      error // nil where the token is active; else as of Remote.Claims, safe to log
}

// Cache owns what a daemon knows of opaque tokens and outlives the generations
// that use it. Its methods are safe for concurrent use. Close ends it.
type Cache struct {
	opts    Options
	ctx     context.Context // ends with Close; the parent of every request
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	remotes map[identity]*Remote
}

// NewCache makes a cache without any remote.
func NewCache(opts Options) *Cache {
	ctx, cancel := context.WithCancel(context.Background())
	return &Cache{opts: opts.withDefaults(), ctx: ctx, cancel: cancel, remotes: map[identity]*Remote{}}
}

// Remote returns the handle for a config. As long as Use did not drop it, equal
// configs get the same one, so that what it remembers survives a reload. It
// fails where the config can not work, and makes no request.
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
	c.remotes[r.identity] = r
	return r, nil
}

// Use says which remotes the serving generation needs; all others are
// forgotten, and keep no connection. A forgotten remote, which a request in
// flight may still hold, goes on answering.
func (c *Cache) Use(remotes []*Remote) {
	c.mu.Lock()
	defer c.mu.Unlock()
	previous := c.remotes
	c.remotes = make(map[identity]*Remote, len(remotes))
	for _, r := range remotes {
		c.remotes[r.identity] = r
		r.dropped.Store(false)
	}
	for _, r := range previous {
		if c.remotes[r.identity] != r {
			r.drop()
		}
	}
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

// Close ends all requests and waits for them. What is remembered is still
// told; nothing is asked any more. A second call does nothing.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
	c.Use(nil)
}
