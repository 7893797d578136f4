package jwks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"
)

// Store keeps fetched sets over restarts. It is never called by a goroutine
// that serves a token; where it is slow, or fails, keys are fetched and used
// without it. Its methods are safe for concurrent use and end with their ctx.
type Store interface {
	// KeySet returns the set that was kept last under id, and whether there is
	// one.
	KeySet(ctx context.Context, id [sha256.Size]byte) (kept StoredSet, found bool, err error)
	// KeepKeySet keeps a set, in the place of another of its ID.
	KeepKeySet(ctx context.Context, set StoredSet) error
	// ForgetKeySets forgets the sets whose Until is not after now, and what can
	// not be read.
	ForgetKeySets(ctx context.Context, now time.Time) error
}

// StoredSet is a fetched set as a Store keeps it.
type StoredSet struct {
	ID        [sha256.Size]byte // of the config that it was fetched by
	Document  []byte            // a JWK set (RFC 7517 §5) of the usable keys, at most MaxBytes
	FetchedAt time.Time
	Until     time.Time // from then on it is too old to be used
}

// storeID is under what the sets of a config are kept. Configs that differ in
// anything have different ones, so that none is ever served the keys of another.
func (c Config) storeID() (id [sha256.Size]byte) {
	h := sha256.New()
	for _, part := range []string{
		"m2md key set", c.URL, c.WellKnownURL, c.Issuer,
		strconv.FormatBool(c.AnyIssuer), strconv.FormatBool(c.AllowHTTP), string(c.CAPEM),
	} {
		writePart(h, part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writePart writes a text so that no two lists of texts are written alike.
func writePart(h hash.Hash, part string) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
	h.Write([]byte(part))
}

// stored is a fetched set in the form in which it is kept.
func (f *fetched) stored(id [sha256.Size]byte) (StoredSet, error) {
	document, err := Encode(f.set.Keys())
	if err == nil && len(document) > MaxBytes {
		err = errTooLargeToKeep
	}
	return StoredSet{ID: id, Document: document, FetchedAt: f.at, Until: f.until.Round(0)}, err
}

// Why a set is not kept, or a kept one is not used.
var (
	errTooLargeToKeep = fmt.Errorf("the set is larger than %d bytes", MaxBytes)
	errOtherSet       = errors.New("it is the set of another source")
	errFromTheFuture  = errors.New("it was fetched later than the clock shows; has the clock gone back?")
)

// restored makes of a kept set what is served, or nil where it is too old. How
// long it may be used was settled when it was fetched; no later clock and no
// damage to the record gives it more than a fetch by these options would have.
func (s StoredSet) restored(id [sha256.Size]byte, opts Options) (*fetched, error) {
	now := opts.Now()
	at, until := s.FetchedAt.Round(0), s.Until.Round(0)
	if most := at.Add(opts.MaxRefresh + opts.MaxStale); until.After(most) {
		until = most
	}
	left := until.Sub(now.Round(0))
	switch {
	case s.ID != id:
		return nil, errOtherSet
	case at.After(now):
		return nil, errFromTheFuture
	case left <= 0:
		return nil, nil
	}
	keys, skipped, err := Decode(s.Document)
	if err != nil {
		return nil, err
	}
	return &fetched{set: NewSet(keys), skipped: skipped, at: at, until: now.Add(left), restored: true}, nil
}
