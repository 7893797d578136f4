package engine

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/m2md/m2md/engine/oauth2"
)

// allowance is how much may fail: so much at once, and then one in so long.
type allowance struct {
	burst int
	every time.Duration
}

// What may fail. Of an address, tokens whose signature costs a tenth of a
// millisecond to try: many machines may share it, and one of them may be broken.
// Of an address, and of an account wherever it is asked for, passwords that
// somebody chose: those can be guessed, and each costs fifty milliseconds.
var (
	badTokens    = allowance{1000, 10 * time.Millisecond}
	badPasswords = allowance{20, 2 * time.Second} // x/oauth2 sends each wrong one twice
)

// maxGuessers bounds how many addresses, accounts and pairs of them are
// remembered, of each; one takes some 200 bytes.
const maxGuessers = 1 << 14

// Guesses remember who showed proofs that did not hold. Beyond a bound, proofs
// that cost much to try are refused for a while; cheap ones are tried for ever,
// and so are those that held before: nobody can lock out a machine whose
// address it shares, or whose account it knows. The zero value is not usable;
// its methods are safe for concurrent use.
type Guesses struct {
	mu        sync.Mutex
	tokens    *lru.Cache[netip.Prefix, *rate.Limiter]
	addresses *lru.Cache[netip.Prefix, *rate.Limiter] // of passwords
	accounts  *lru.Cache[string, *rate.Limiter]
	welcome   *lru.Cache[guesser, struct{}] // whose passwords held
}

// guesser is somebody who shows a password of an account.
type guesser struct {
	from    netip.Prefix
	account string
}

// NewGuesses makes an empty memory.
func NewGuesses() *Guesses {
	return &Guesses{
		tokens:    mustLRU[netip.Prefix, *rate.Limiter](maxGuessers),
		addresses: mustLRU[netip.Prefix, *rate.Limiter](maxGuessers),
		accounts:  mustLRU[string, *rate.Limiter](maxGuessers),
		welcome:   mustLRU[guesser, struct{}](maxGuessers),
	}
}

func mustLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}

// Neighbourhood is what counts as one address: whoever has an IPv6 address has
// a network of them. The zero prefix stands for an address that is not known.
func Neighbourhood(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr = addr.Unmap(); addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// failed counts a proof that did not hold; account is that whose password it
// was to be, and "" for a token.
func (g *Guesses) failed(from netip.Addr, account string, now time.Time) {
	if account == "" {
		count(g, g.tokens, Neighbourhood(from), badTokens, now)
		return
	}
	count(g, g.addresses, Neighbourhood(from), badPasswords, now)
	count(g, g.accounts, account, badPasswords, now)
}

func count[K comparable](g *Guesses, all *lru.Cache[K, *rate.Limiter], key K, may allowance, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	limiter, known := all.Get(key)
	if !known {
		limiter = rate.NewLimiter(rate.Every(may.every), may.burst)
		all.Add(key, limiter)
	}
	limiter.AllowN(now, 1)
}

// held remembers that a password of an account held.
func (g *Guesses) held(from netip.Addr, account string) {
	g.welcome.Add(guesser{Neighbourhood(from), account}, struct{}{})
}

// tooMany says whether another guess is too many.
func (g *Guesses) tooMany(from netip.Addr, account string, now time.Time) bool {
	near := Neighbourhood(from)
	switch {
	case account == "":
		return spent(g.tokens, near, now)
	case g.welcome.Contains(guesser{near, account}):
		return false
	default:
		return spent(g.addresses, near, now) || spent(g.accounts, account, now)
	}
}

func spent[K comparable](all *lru.Cache[K, *rate.Limiter], key K, now time.Time) bool {
	limiter, known := all.Get(key)
	return known && limiter.TokensAt(now) < 1
}

// withinGuesses refuses a proof that costs much to try from whom too many did
// not hold. An app password of m2md's own costs one hash and cannot be guessed;
// of a JWT that was verified before, nothing is to be computed.
func (e *Engine) withinGuesses(a *attempt, shown proof) error {
	from, now := a.caller.HTTP.ClientIP, a.Time
	if shown.isCheap(e.deps.Verified) || !e.deps.Guesses.tooMany(from, shown.username, now) {
		return nil
	}
	return &Refusal{
		Public: &oauth2.Error{Code: oauth2.TemporarilyUnavailable, Description: "Too many credentials were wrong. Try again later.", Status: 429},
		Reason: "too many proofs of this address, or for this account, did not hold",
	}
}

func (p proof) isCheap(known *VerifiedTokens) bool {
	switch {
	case p.jwt != "":
		return known.knows(p.jwt)
	case p.opaque != "":
		return false
	default:
		return strings.HasPrefix(p.password, appPasswordPrefix)
	}
}
