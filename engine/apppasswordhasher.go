package engine

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// ErrBusy is returned where as many passwords are being hashed, and wait for
// it, as may.
var ErrBusy = errors.New("too many passwords are being checked at once")

// PasswordHasherOptions set up a PasswordHasher. Random must be set; what else
// is zero stands for its default.
type PasswordHasherOptions struct {
	Random   io.Reader
	Cost     HashCost      // of new hashes, and of those that nobody has: DefaultHashCost
	AtOnce   int           // hashes at a time: 2, and 1 where there are fewer than four processors
	Queue    int           // how many may wait: 64
	MaxWait  time.Duration // how long one may wait: 5 s
	Remember time.Duration // how long a password that was found right counts without another hash: 60 s
}

func (o PasswordHasherOptions) withDefaults() PasswordHasherOptions {
	atOnce := 2
	if runtime.GOMAXPROCS(0) < 4 { // one processor is left for the requests
		atOnce = 1
	}
	o.Cost = cmp.Or(o.Cost, DefaultHashCost())
	o.AtOnce = cmp.Or(o.AtOnce, atOnce)
	o.Queue = cmp.Or(o.Queue, 64)
	o.MaxWait = cmp.Or(o.MaxWait, 5*time.Second)
	o.Remember = cmp.Or(o.Remember, time.Minute)
	return o
}

// rightPasswords is how many passwords that were found right are remembered.
const rightPasswords = 1024

// PasswordHasher hashes passwords that were brought along, so many at a time
// that a flood of them takes neither all memory nor all processors. It outlives
// generations; its methods are safe for concurrent use.
type PasswordHasher struct {
	opts   PasswordHasherOptions
	secret [sha256.Size]byte // of this process: keys of it mean nothing elsewhere
	dummy  PasswordHash      // what is computed for those who have none
	slots  chan struct{}
	right  *lru.Cache[passwordKey, rightPassword]

	hashed, refused atomic.Uint64

	mu      sync.Mutex
	waiting int
	checks  map[passwordKey]*passwordCheck // under way
}

// HashStats tells of a PasswordHasher since the start.
type HashStats struct {
	Hashed  uint64 // passwords, or nobody's in their place
	Refused uint64 // with ErrBusy
	Waiting int    // now
}

// Stats tells how much there was to do.
func (h *PasswordHasher) Stats() HashStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return HashStats{Hashed: h.hashed.Load(), Refused: h.refused.Load(), Waiting: h.waiting}
}

// passwordKey stands for an account's name and a password.
type passwordKey [sha256.Size]byte

// rightPassword is what a password was found to be.
type rightPassword struct {
	id    string
	hash  PasswordHash // a changed record has another
	until time.Time
}

// NewPasswordHasher makes a hasher. It fails where there is no randomness.
func NewPasswordHasher(opts PasswordHasherOptions) (*PasswordHasher, error) {
	opts = opts.withDefaults()
	if err := opts.Cost.check(); err != nil {
		return nil, err
	}
	right, err := lru.New[passwordKey, rightPassword](rightPasswords)
	if err != nil {
		panic(err) // only for a size below one
	}
	h := &PasswordHasher{opts: opts, slots: make(chan struct{}, opts.AtOnce), right: right, checks: map[passwordKey]*passwordCheck{}}
	h.dummy.Cost = opts.Cost
	if _, err := io.ReadFull(opts.Random, h.secret[:]); err != nil {
		return nil, fmt.Errorf("making the key of a process: %w", err)
	}
	if h.dummy.Salt, err = newSalt(opts.Random); err != nil {
		return nil, fmt.Errorf("making a salt: %w", err)
	}
	return h, nil
}

// keyOf is what stands for an account's name and a password.
func (h *PasswordHasher) keyOf(account, password string) (key passwordKey) {
	mac := hmac.New(sha256.New, h.secret[:])
	fmt.Fprintf(mac, "%d:%s%s", len(account), account, password)
	mac.Sum(key[:0])
	return key
}

// recall returns what was found out about a password lately.
func (h *PasswordHasher) recall(key passwordKey, now time.Time) (rightPassword, bool) {
	known, found := h.right.Get(key)
	if found && !now.Before(known.until) {
		h.right.Remove(key)
		return rightPassword{}, false
	}
	return known, found
}

// remember keeps that a password was found right.
func (h *PasswordHasher) remember(key passwordKey, p AppPassword, now time.Time) {
	h.right.Add(key, rightPassword{p.ID, p.Brought, now.Add(h.opts.Remember)})
}

// passwordCheck is a check that is under way, for all who show the same.
type passwordCheck struct {
	done      chan struct{}
	abandoned chan struct{} // closed once nobody waits any more
	waiters   int
	found     *AppPassword
	err       error
}

// share runs a check of a password, once for all who show the same at the same
// time: else a busy client would fill the queue each time that its password is
// to be checked again. Whoever goes away leaves the check to the others.
func (h *PasswordHasher) share(ctx context.Context, key passwordKey, check func(abandoned <-chan struct{}) (*AppPassword, error)) (*AppPassword, error) {
	h.mu.Lock()
	c, running := h.checks[key]
	if !running {
		c = &passwordCheck{done: make(chan struct{}), abandoned: make(chan struct{})}
		h.checks[key] = c
		go func() {
			c.found, c.err = check(c.abandoned)
			h.forget(key, c)
			close(c.done)
		}()
	}
	c.waiters++
	h.mu.Unlock()
	select {
	case <-c.done:
		return c.found, c.err
	case <-ctx.Done():
		h.leave(key, c)
		return nil, ctx.Err()
	}
}

func (h *PasswordHasher) forget(key passwordKey, c *passwordCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.checks[key] == c {
		delete(h.checks, key)
	}
}

// leave is for one who waits no longer. A check that nobody waits for need not begin.
func (h *PasswordHasher) leave(key passwordKey, c *passwordCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.waiters--; c.waiters == 0 && h.checks[key] == c {
		delete(h.checks, key)
		close(c.abandoned)
	}
}

// match finds which of some app passwords a password is; nil for none. It takes
// as long where there are none: one hash. Those of an account share one, too.
func (h *PasswordHasher) match(candidates []AppPassword, password string, abandoned <-chan struct{}) (found *AppPassword, err error) {
	if err := h.enter(abandoned); err != nil {
		return nil, err
	}
	defer h.exit()
	for _, way := range h.ways(candidates) {
		computed := way.Cost.hash(password, way.Salt)
		for i := range candidates { // to the last one, whichever it is
			if candidates[i].Brought.equal(computed) {
				found = &candidates[i]
			}
		}
	}
	return found, nil
}

// ways are the computations that answer for all candidates: of an account whose
// passwords were brought to this version of m2md, one.
func (h *PasswordHasher) ways(candidates []AppPassword) []PasswordHash {
	if len(candidates) == 0 {
		return []PasswordHash{h.dummy}
	}
	ways := []PasswordHash{candidates[0].Brought}
next:
	for _, candidate := range candidates[1:] {
		for _, way := range ways {
			if way.sameWay(candidate.Brought) {
				continue next
			}
		}
		ways = append(ways, candidate.Brought)
	}
	return ways
}

// enter waits for its turn. Without an error, exit must follow.
func (h *PasswordHasher) enter(abandoned <-chan struct{}) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	h.mu.Lock()
	if h.waiting >= h.opts.Queue {
		h.mu.Unlock()
		h.refused.Add(1)
		return ErrBusy
	}
	h.waiting++
	h.mu.Unlock()
	patience := time.NewTimer(h.opts.MaxWait)
	defer patience.Stop()
	defer func() {
		h.mu.Lock()
		h.waiting--
		h.mu.Unlock()
	}()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-patience.C:
		h.refused.Add(1)
		return ErrBusy
	case <-abandoned:
		return context.Canceled
	}
}

func (h *PasswordHasher) exit() {
	h.hashed.Add(1)
	<-h.slots
}
