package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// KindToken is what a Revocation of one token ends. No block has it.
const KindToken Kind = "token"

// RevocationKinds are those that a Revocation may have, in the order in which
// they are told.
var RevocationKinds = [...]Kind{KindToken, KindServiceAccount, KindOAuthSource, KindCertificate, KindProvider}

// Revocation ends access tokens of m2md before their time: one token, or all
// that were issued up to an instant to an account, to the owners of a source's
// or certificate's tokens, or by a provider. It ends no app password and refuses
// no input JWT: whoever shows one gets a new token.
type Revocation struct {
	Kind Kind   // one of RevocationKinds
	Name string // the token's jti, or the label
	// IssuedUntil is the last instant of issue of the tokens that it ends. As
	// iat has whole seconds, all of that second are ended. The zero value for
	// one token.
	IssuedUntil time.Time
	Until       time.Time // when the last token that it ends has expired
	At          time.Time // when it was asked for
	By          string    // who asked
}

// ofToken says whether one token is meant.
func (r Revocation) ofToken() bool { return r.Kind == KindToken }

// RevocationStore keeps revocations. What a method acknowledged survives the
// loss of power.
type RevocationStore interface {
	// KeepRevocation adds r, or puts it in the place of the one with the same
	// kind and name.
	KeepRevocation(ctx context.Context, r Revocation) error
	// Revocations gives each to a function, ordered by kind, then name. The
	// function must not call the store. Where it fails, some may have been given.
	Revocations(ctx context.Context, each func(Revocation)) error
	// ForgetRevocations removes those whose Until is not after a time.
	ForgetRevocations(ctx context.Context, until time.Time) error
}

// MaxRevokedTokens is how many single tokens may be revoked at a time, each
// until it has expired: some 15 MiB. One client may have a tenth of them, so
// that none can use them up for others.
const (
	MaxRevokedTokens      = 100_000
	maxRevokedTokensOfOne = MaxRevokedTokens / 10
)

// revocationGrace is for how long a revocation is kept once all that it ends
// has expired: a clock that is set back a little must not revive a token.
const revocationGrace = 10 * time.Minute

// Errors of Revoke, each wrapped with what is wrong.
var (
	// ErrRevocation is wrapped where what was asked makes no sense.
	ErrRevocation = errors.New("nothing was revoked")
	// ErrRevocationsFull is wrapped where one more cannot be kept. None is
	// forgotten in its place: that would let a revoked token in.
	ErrRevocationsFull = errors.New("no more tokens can be revoked")
)

// Revocations know what is revoked. They outlive generations; the storage has
// all of it too. Asking costs a request some nanoseconds, and next to nothing
// where nothing is revoked. The zero value revokes nothing, and is for an engine
// that never serves. Methods are safe for concurrent use.
type Revocations struct {
	store RevocationStore
	now   func() time.Time

	current atomic.Pointer[revoked] // nil inside: nothing is revoked

	changing sync.Mutex     // of current and storage; readers do without it
	tokensOf map[string]int // by who revoked them
}

// OpenRevocations reads what the storage has.
func OpenRevocations(ctx context.Context, store RevocationStore, now func() time.Time) (*Revocations, error) {
	kept, until := newRevoked(), now().Add(-revocationGrace)
	err := store.Revocations(ctx, func(one Revocation) {
		if one.Until.After(until) {
			kept.add(one)
		}
	})
	if err != nil {
		return nil, err
	}
	r := &Revocations{store: store, now: now}
	r.hold(kept)
	return r, nil
}

// hold heeds what is revoked, and counts whose tokens that are.
func (r *Revocations) hold(all *revoked) {
	if all.size() == 0 {
		all = nil // which costs requests the least
	}
	r.tokensOf = map[string]int{}
	for one := range all.all() {
		if one.ofToken() {
			r.tokensOf[one.By]++
		}
	}
	r.current.Store(all)
}

// Revoke keeps a revocation, and then heeds it: once it returns, no request that
// begins takes what was revoked, be it after the loss of power. It sets At, and
// IssuedUntil and Until where they are zero. What is revoked already stays as it
// is, and is returned; of two for one label, the one that ends more counts.
func (r *Revocations) Revoke(ctx context.Context, one Revocation) (Revocation, error) {
	return r.revoke(ctx, one, MaxRevokedTokens)
}

// revoke is Revoke for somebody who may have so many tokens revoked.
func (r *Revocations) revoke(ctx context.Context, one Revocation, share int) (Revocation, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	one.At = r.now()
	if err := one.complete(); err != nil {
		return Revocation{}, err
	}
	before := r.current.Load()
	known, found := before.find(one)
	if found && !known.Until.Before(one.Until) {
		return known, nil
	}
	if !found {
		if err := r.hasRoom(one, before, share); err != nil {
			return Revocation{}, err
		}
	}
	if err := r.store.KeepRevocation(ctx, one); err != nil {
		return Revocation{}, err
	}
	r.current.Store(before.with(one))
	if one.ofToken() && !found {
		r.tokensOf[one.By]++
	}
	return one, nil
}

// hasRoom refuses a token that there is no room for.
func (r *Revocations) hasRoom(one Revocation, now *revoked, share int) error {
	switch {
	case now == nil || !one.ofToken():
		return nil
	case now.count >= MaxRevokedTokens:
		return fmt.Errorf("%w: %d are revoked and have not expired; all tokens of an account, a source or a provider still can be", ErrRevocationsFull, now.count)
	case r.tokensOf[one.By] >= share:
		return fmt.Errorf("%w by %s: it has revoked %d, a tenth of all that are kept, and they have not expired", ErrRevocationsFull, shorten(one.By, 200), r.tokensOf[one.By])
	}
	return nil
}

// complete sets what was left out, and refuses what cannot be meant.
func (r *Revocation) complete() error {
	if !r.ofToken() {
		return r.completeLabel()
	}
	// An issuer's clock may be ahead; readOwn takes no token that lives longer.
	latest := r.At.Add(time.Duration(MaxLifetime) + issuedSkew)
	switch {
	case r.Until.IsZero():
		r.Until = latest
	case !r.Until.After(r.At):
		return fmt.Errorf("%w: the token has expired by %s", ErrRevocation, stamp(r.Until))
	case r.Until.After(latest):
		return fmt.Errorf("%w: no token lives until %s; the longest have %s", ErrRevocation, stamp(r.Until), time.Duration(MaxLifetime))
	}
	r.Until = r.Until.Add(time.Second - 1).Truncate(time.Second)
	return nil
}

// completeLabel is complete for all tokens of a label.
func (r *Revocation) completeLabel() error {
	if r.IssuedUntil.IsZero() {
		r.IssuedUntil = r.At
	}
	r.Until = r.IssuedUntil.Add(time.Duration(MaxLifetime))
	switch {
	case r.IssuedUntil.After(r.At):
		return fmt.Errorf("%w: %s is in the future, and what will be issued until then is not there yet", ErrRevocation, stamp(r.IssuedUntil))
	case !r.Until.After(r.At):
		return fmt.Errorf("%w: whatever was issued until %s has expired; the longest tokens live %s", ErrRevocation, stamp(r.IssuedUntil), time.Duration(MaxLifetime))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Forget drops what has expired, here and in the storage. It is to be called
// now and then.
func (r *Revocations) Forget(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	before, until := r.current.Load(), r.now().Add(-revocationGrace)
	after := newRevoked()
	for one := range before.all() {
		if one.Until.After(until) {
			after.add(one)
		}
	}
	if after.size() == before.size() {
		return nil
	}
	if err := r.store.ForgetRevocations(ctx, until); err != nil {
		return err
	}
	r.hold(after)
	return nil
}

// Labels are those of what the files declare of a kind, sorted. KindToken has none.
func (e *Engine) Labels(kind Kind) []string {
	switch kind {
	case KindServiceAccount:
		return keysOf(e.accounts)
	case KindProvider:
		return keysOf(e.providers)
	}
	return slices.DeleteFunc(keysOf(e.trusts), func(label string) bool { return e.trusts[label] != kind })
}

// TokenToRevoke reads an access token that m2md issued: the revocation that
// would end it.
func (e *Engine) TokenToRevoke(raw string) (Revocation, error) {
	token, err := parseJWS(raw)
	if err != nil {
		return Revocation{}, fmt.Errorf("%w: %w", ErrRevocation, err)
	}
	_, own, err := e.verifiedOwn(token)
	if err != nil {
		return Revocation{}, fmt.Errorf("%w: %w; so nothing takes it", ErrRevocation, err)
	}
	return Revocation{Kind: KindToken, Name: own.id, Until: own.expiry}, nil
}

// UnverifiedToRevoke is TokenToRevoke where nobody knows the keys: the token is
// believed, and may be one that nobody issued.
func UnverifiedToRevoke(raw string) (Revocation, error) {
	token, err := parseJWS(raw)
	if err != nil {
		return Revocation{}, fmt.Errorf("%w: %w", ErrRevocation, err)
	}
	id, err := token.claims.text("jti")
	if err != nil || id == "" {
		return Revocation{}, fmt.Errorf("%w: the token has no jti, so m2md did not issue it", ErrRevocation)
	}
	expiry, err := token.claims.numericDate("exp")
	return Revocation{Kind: KindToken, Name: id, Until: expiry}, err
}

// List returns what is revoked, as the storage has it, ordered by kind and name.
func (r *Revocations) List(ctx context.Context) (all []Revocation, err error) {
	err = r.store.Revocations(ctx, func(one Revocation) { all = append(all, one) })
	return all, err
}

// Count is how many revocations of each kind there are, those that expired
// lately included.
func (r *Revocations) Count() map[Kind]int {
	counts := map[Kind]int{}
	for _, kind := range RevocationKinds {
		counts[kind] = 0
	}
	now := r.current.Load()
	if now == nil {
		return counts
	}
	counts[KindToken] = now.count
	for _, one := range now.labels {
		counts[one.Kind]++
	}
	return counts
}
