package jwks

import (
	"context"
	"time"
)

// restoreTimeout bounds how long a store is waited for where the first fetch
// has failed. What it tells later still counts, as long as no fetch succeeds.
const restoreTimeout = 10 * time.Second

// restore asks the store, in the background, for the set that an earlier
// process has kept. What is returned is closed once it has answered.
func (r *Remote) restore(f *flight) (answered chan struct{}) {
	ctx, cancel := context.WithTimeout(r.cache.ctx, restoreTimeout)
	answered = make(chan struct{})
	go func() { // which a store that heeds no context outlives
		defer cancel()
		defer close(answered)
		r.takeUp(ctx, f)
	}()
	return answered
}

// awaitStore waits for what the store answers, but not for ever.
func (r *Remote) awaitStore(answered chan struct{}) {
	timeout := time.NewTimer(restoreTimeout)
	defer timeout.Stop()
	select {
	case <-answered:
	case <-timeout.C:
	case <-r.cache.ctx.Done():
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
