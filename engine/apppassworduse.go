package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxUses bounds how many app passwords AppPasswordUses remembers; each takes
// some 200 bytes.
const maxUses = 1 << 16

// usesAtOnce is how many uses are written in one transaction.
const usesAtOnce = 4096

// AppPasswordUses remembers when app passwords were last used until that is
// kept in storage, so that requests need not wait for it. Its methods are safe
// for concurrent use. It outlives generations.
type AppPasswordUses struct {
	many    chan struct{}
	mu      sync.Mutex
	fresh   map[string]LastUse // by ID
	writing map[string]LastUse // what Keep is about to keep
	dropped uint64
	keeping sync.Mutex // one Keep at a time
}

// NewAppPasswordUses makes an empty memory.
func NewAppPasswordUses() *AppPasswordUses {
	return &AppPasswordUses{many: make(chan struct{}, 1), fresh: map[string]LastUse{}}
}

// Many is ready once so many uses are remembered that they should be kept soon.
func (u *AppPasswordUses) Many() <-chan struct{} { return u.many }

// use notes a use. Of an app password that is remembered already, it allocates
// nothing.
func (u *AppPasswordUses) use(id string, use LastUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before, known := u.fresh[id]
	switch {
	case !known && len(u.fresh)+len(u.writing) >= maxUses:
		u.dropped++
	case !known || before.At.Before(use.At):
		u.fresh[id] = use
	}
	if len(u.fresh) == maxUses/2 {
		select {
		case u.many <- struct{}{}:
		default: // it is known already
		}
	}
}

// Last returns the use that is not kept yet, if there is one.
func (u *AppPasswordUses) Last(id string) (LastUse, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if use, found := u.fresh[id]; found {
		return use, true
	}
	use, found := u.writing[id]
	return use, found
}

// Forget drops what is remembered of app passwords that are there no more.
func (u *AppPasswordUses) Forget(ids ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range ids {
		delete(u.fresh, id)
	}
}

// Pending is how many uses are not kept yet, and how many were dropped since
// the start, as more were to be remembered than may.
func (u *AppPasswordUses) Pending() (pending int, dropped uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.fresh) + len(u.writing), u.dropped
}

// Keep writes what was noted since it was last called. What cannot be written
// is remembered on, for the next call.
func (u *AppPasswordUses) Keep(ctx context.Context, store AppPasswordUseStore) error {
	u.keeping.Lock()
	defer u.keeping.Unlock()
	all := u.take()
	for len(all) > 0 {
		portion := all[:min(len(all), usesAtOnce)]
		if err := store.KeepAppPasswordUses(ctx, portion); err != nil {
			u.putBack()
			return err
		}
		u.kept(portion)
		all = all[len(portion):]
	}
	return nil
}

// take moves what is fresh to what is being written, ordered by ID.
func (u *AppPasswordUses) take() []AppPasswordUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fresh, u.writing = map[string]LastUse{}, u.fresh // a map never shrinks
	all := make([]AppPasswordUse, 0, len(u.writing))
	for id, use := range u.writing {
		all = append(all, AppPasswordUse{id, use})
	}
	slices.SortFunc(all, func(a, b AppPasswordUse) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// kept forgets what was written.
func (u *AppPasswordUses) kept(written []AppPasswordUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range written {
		delete(u.writing, use.ID)
	}
}

// putBack makes what could not be written fresh again, where nothing is fresher.
func (u *AppPasswordUses) putBack() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, use := range u.writing {
		if _, fresher := u.fresh[id]; !fresher {
			u.fresh[id] = use
		}
	}
	u.writing = nil
}

// lastUse is the later of what is kept and what is not kept yet.
func (u *AppPasswordUses) lastUse(id string, kept LastUse) LastUse {
	if use, found := u.Last(id); found && use.At.After(kept.At) {
		return use
	}
	return kept
}

// inUse says whether an app password is used: within the last weeks, which
// spans what runs once a month, and since another took its place.
func (e AppPasswordEntry) inUse(now time.Time) bool {
	const monthly = 35 * 24 * time.Hour
	return e.LastUse.At.After(now.Add(-monthly)) && e.LastUse.At.After(e.RetiredAt)
}
