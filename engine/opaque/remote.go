package opaque

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
)

// MaxInFlight bounds the requests to an issuer at a time.
const MaxInFlight = 16

// Remote is an issuer that tells of its opaque tokens, asked by a Cache. Its
// methods are safe for concurrent use.
type Remote struct {
	cache    *Cache
	identity identity
	client   *fetch.Client
	at       fetch.URL
	endpoint endpoint
	slots    chan struct{} // holds one for each request under way
	dropped  atomic.Bool   // no generation serves with it

	mu      sync.Mutex
	flights map[tokenID]*flight
	active  *memory
	refused *memory // tokens that are not active
	outage  outage
}

// flight is a token being asked about, for any number of callers. done is
// closed after all else was written.
type flight struct {
	id        tokenID
	turn      uint64 // of the remote's outage when the request began
	done      chan struct{}
	verdict   verdict
	abandoned bool // no request was begun: who waits must do so
}

// Answer is what an issuer says of an active token.
type Answer struct {
	// Claims are the members of the answer, in the types of strictjson.Object.
	// They belong to the caller.
	Claims map[string]any
}

func newRemote(c *Cache, cfg Config) (*Remote, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	client, err := fetch.New(fetch.Options{
		AllowHTTP: cfg.AllowHTTP, CAPEM: cfg.CAPEM,
		MaxBytes: MaxAnswer, Timeout: c.opts.Timeout, MaxIdle: MaxInFlight,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	at, err := client.ParseURL(cfg.IntrospectionURL + cfg.ProfileURL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return &Remote{
		cache: c, identity: cfg.identity(), client: client, at: at, endpoint: cfg.endpoint(at),
		slots: make(chan struct{}, MaxInFlight), flights: map[tokenID]*flight{},
		active: newMemory(maxAnswers), refused: newMemory(maxRefusals),
	}, nil
}

// URL is where the issuer is asked, without a query.
func (r *Remote) URL() string { return r.at.String() }

// Claims returns what the issuer says of a token: from memory, where it was
// asked in the last moments, else by asking it. All who ask about one token at
// a time share one request; at most MaxInFlight are made at a time, for one of
// which Options.MaxWait is waited; after a failure none is made for a second or
// more. It waits no longer than ctx, and no request ends with it. Errors wrap
// ErrInactive or ErrUnavailable.
func (r *Remote) Claims(ctx context.Context, token string) (Answer, error) {
	if !r.endpoint.sends(token) {
		return Answer{}, fmt.Errorf("%w: by its length or characters it can not be one", ErrInactive)
	}
	id := tokenID(sha256.Sum256([]byte(token)))
	v, known := r.recall(id)
	if !known {
		v = r.find(ctx, id, token)
	}
	if v.err != nil {
		return Answer{}, v.err
	}
	// Read for each caller, which may do with it what it likes. Kept as text,
	// an answer takes the memory that is counted for it.
	claims, err := strictjson.Object(v.answer)
	if err != nil {
		return Answer{}, unavailable(err)
	}
	return Answer{claims}, nil
}

// find waits for a request about the token, which it begins unless another
// caller does.
func (r *Remote) find(ctx context.Context, id tokenID, token string) verdict {
	patience := time.NewTimer(r.cache.opts.MaxWait)
	defer patience.Stop()
	for {
		f, mine, err := r.join(id)
		if mine {
			err = r.begin(ctx, patience.C, f, token)
		}
		if err != nil {
			return verdict{err: err}
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return verdict{err: unavailable(fmt.Errorf("waiting for its answer: %w", context.Cause(ctx)))}
		}
		if !f.abandoned {
			return f.verdict
		}
	}
}

// recall returns what is remembered of a token.
func (r *Remote) recall(id tokenID) (verdict, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remembered(id)
}

func (r *Remote) remembered(id tokenID) (verdict, bool) {
	now := r.now()
	if v, known := r.active.recall(id, now); known {
		return v, true
	}
	return r.refused.recall(id, now)
}

// join returns the flight of a token, which is the caller's to begin where it
// is mine; or why the issuer is not asked now.
func (r *Remote) join(id tokenID) (f *flight, mine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, under := r.flights[id]; under {
		return f, false, nil
	}
	f = &flight{id: id, done: make(chan struct{})}
	if v, known := r.remembered(id); known { // since the caller looked
		f.verdict = v
		close(f.done)
		return f, false, nil
	}
	if err := r.outage.blocks(r.now()); err != nil {
		return nil, false, err
	}
	r.flights[id] = f
	return f, true, nil
}

// begin starts the request of a flight when there is a slot for it. Where there
// is none in time, it leaves the flight to others who wait for it.
func (r *Remote) begin(ctx context.Context, patience <-chan time.Time, f *flight, token string) error {
	err := r.takeSlot(ctx, patience)
	if err != nil {
		r.abandon(f)
		return err
	}
	if err = r.depart(f); err == nil && !r.cache.start(func() { r.fly(f, token) }) {
		err = unavailable(errors.New("the daemon is shutting down"))
	}
	if err != nil {
		<-r.slots
		r.abandon(f)
	}
	return err
}

func (r *Remote) takeSlot(ctx context.Context, patience <-chan time.Time) error {
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return unavailable(fmt.Errorf("waiting to ask it: %w", context.Cause(ctx)))
	case <-patience:
		return unavailable(fmt.Errorf("it was busy with %d other tokens for %s", MaxInFlight, r.cache.opts.MaxWait))
	}
}

// depart notes when the request of a flight begins, unless the issuer failed
// while the flight waited for its slot.
func (r *Remote) depart(f *flight) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.turn = r.outage.turn
	return r.outage.blocks(r.now())
}

func (r *Remote) abandon(f *flight) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.flights, f.id)
	f.abandoned = true
	close(f.done)
}

// fly makes the request of a flight and records how it went.
func (r *Remote) fly(f *flight, token string) {
	defer func() { <-r.slots }()
	began := time.Now()
	v := ask(r.cache.ctx, r.client, r.endpoint, token, r.now)
	event := Event{Remote: r, Duration: time.Since(began), Err: v.err}
	r.log(r.record(f, v))
	if r.dropped.Load() {
		r.client.Close()
	}
	r.cache.opts.Observe(event)
}

// record makes the outcome of a flight the state of the remote, and returns the
// outage as it was before and is now.
func (r *Remote) record(f *flight, v verdict) (before, after outage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.outage
	switch now := r.now(); {
	case errors.Is(v.err, context.Canceled): // we ended it ourselves
	case errors.Is(v.err, ErrUnavailable):
		r.outage.failed(f.turn, v.err, now)
	case v.err != nil:
		r.outage.succeeded()
		r.refused.remember(f.id, v, now)
	default:
		r.outage.succeeded()
		r.active.remember(f.id, v, now)
	}
	delete(r.flights, f.id)
	f.verdict = v
	close(f.done)
	return before, r.outage
}

// log tells where an outage begins and ends, so that an issuer that stays down
// fills no log.
func (r *Remote) log(before, after outage) {
	switch log := r.cache.opts.Log; {
	case before.failures == 0 && after.failures > 0:
		log.Warn("asking about opaque tokens failed", "url", r.URL(), "err", after.err)
	case before.failures > 0 && after.failures == 0:
		log.Info("asking about opaque tokens works again", "url", r.URL())
	}
}

// now is the cache's clock, without the monotonic reading, which stands still
// while a machine sleeps and answers age.
func (r *Remote) now() time.Time { return r.cache.opts.Now().Round(0) }

// drop closes the connections that are not in use; those in use are closed as
// their requests end.
func (r *Remote) drop() {
	r.dropped.Store(true)
	r.client.Close()
}
