package jwks

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// Times of a keeper.
const (
	keepTimeout = 30 * time.Second // for all that is to be kept at a time
	keepAgain   = time.Minute      // after a failure
	keepGrace   = 2 * time.Second  // of a store that blocks, at the end
	forgetEvery = time.Hour
)

// keeper writes fetched sets to a store, from a goroutine of its own: a store
// that blocks holds up nothing else. Of sets that wait, only the newest of each
// remote is kept.
type keeper struct {
	opts   Options
	ctx    context.Context // of calls of the store
	cancel context.CancelFunc
	wake   chan struct{} // of size 1
	stop   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	waiting map[[sha256.Size]byte]StoredSet

	failing bool      // the last write failed, and that was told; for run alone
	forgot  time.Time // when old sets were forgotten last; for run alone
}

// startKeeper starts a keeper, or none where there is no store.
func startKeeper(opts Options) *keeper {
	if opts.Store == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{
		opts: opts, ctx: ctx, cancel: cancel,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		waiting: map[[sha256.Size]byte]StoredSet{},
	}
	go k.run()
	return k
}

// keep has a set written soon. It never waits. A nil keeper keeps nothing.
func (k *keeper) keep(set StoredSet) {
	if k == nil {
		return
	}
	k.mu.Lock()
	k.waiting[set.ID] = set
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
}

// close writes what waits, but does not wait long for a store that blocks. It
// is called once, and nothing is kept after it.
func (k *keeper) close() {
	if k == nil {
		return
	}
	close(k.stop)
	grace := time.NewTimer(keepGrace)
	defer grace.Stop()
	select {
	case <-k.done:
	case <-grace.C:
	}
	k.cancel()
}

func (k *keeper) run() {
	defer close(k.done)
	for {
		var again <-chan time.Time
		if k.failing {
			again = time.After(keepAgain)
		}
		select {
		case <-k.wake:
		case <-again:
		case <-k.stop:
			k.write()
			return
		}
		k.write()
	}
}

// write writes all that waits, and forgets what is old. What fails waits for
// the next time.
func (k *keeper) write() {
	taken := k.take()
	if len(taken) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, keepTimeout)
	defer cancel()
	var failure error
	for _, set := range taken {
		if err := k.opts.Store.KeepKeySet(ctx, set); err != nil {
			failure = err
			k.putBack(set)
		}
	}
	if now := k.opts.Now(); failure == nil && now.Sub(k.forgot) >= forgetEvery {
		k.forgot = now
		failure = k.opts.Store.ForgetKeySets(ctx, now)
	}
	k.tell(failure)
}

func (k *keeper) take() map[[sha256.Size]byte]StoredSet {
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.waiting
	k.waiting = map[[sha256.Size]byte]StoredSet{}
	return taken
}

// putBack lets a set wait again, unless a newer one does.
func (k *keeper) putBack(set StoredSet) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, newer := k.waiting[set.ID]; !newer {
		k.waiting[set.ID] = set
	}
}

// tell logs where keeping begins to fail, and where it works again.
func (k *keeper) tell(failure error) {
	switch {
	case failure != nil && !k.failing:
		k.opts.Log.Warn("keeping fetched keys failed: a restart may have to do without them", "err", failure)
	case failure == nil && k.failing:
		k.opts.Log.Info("keeping fetched keys works again")
	}
	k.failing = failure != nil
}
