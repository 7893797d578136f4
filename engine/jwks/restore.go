package jwks

import (
	"context"
	"time"
)

// restoreTimeout is how long a store may hold up the first fetch. What it tells
// later still counts where the fetch has brought nothing.
const restoreTimeout = time.Second

// restore asks the store for the set that an earlier process has kept.
func (r *Remote) restore(f *flight) {
	ctx, cancel := context.WithTimeout(r.cache.ctx, restoreTimeout)
	answered := make(chan struct{})
	go func() { // which a store that heeds no context outlives
		defer cancel()
		defer close(answered)
		r.takeUp(ctx, f)
	}()
	select {
	case <-answered:
	case <-ctx.Done():
	}
}

// takeUp serves the kept set until a fetch succeeds, unless one already has.
func (r *Remote) takeUp(ctx context.Context, f *flight) {
	kept, found, err := r.cache.opts.Store.KeySet(ctx, r.id)
	var restored *fetched
	if err == nil && found {
		restored, err = kept.restored(r.id, r.cache.opts)
	}
	if err != nil && r.cache.ctx.Err() == nil {
		r.cache.opts.Log.Warn("kept keys can not be used; they are fetched anew", "url", r.URL(), "err", safeText(err))
	}
	if restored == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current.Load() != nil {
		return
	}
	r.current.Store(restored)
	if r.staleSince.IsZero() {
		r.staleSince = r.now()
	}
	close(f.restored)
}

// keep has the current set written to the store, off every path of requests.
func (r *Remote) keep() {
	if r.cache.keeper == nil {
		return
	}
	set, err := r.current.Load().stored(r.id)
	if err != nil {
		r.cache.opts.Log.Warn("fetched keys are not kept: a restart has to do without them", "url", r.URL(), "err", err)
		return
	}
	r.cache.keeper.keep(set)
}
