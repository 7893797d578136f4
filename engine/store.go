package engine

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is wrapped when storage has no such record.
var ErrNotFound = errors.New("not found")

// ErrExists is wrapped when a record with that key is already there.
var ErrExists = errors.New("already exists")

// UsedTokens remembers which input JWTs were used, where each may be used once.
type UsedTokens interface {
	// UseToken marks the token, by a hash of what identifies it, as used until
	// its expiry, and says whether this was the first time. Of several calls at
	// once, one is the first. What it said survives the loss of power; after
	// until, the mark may be gone.
	UseToken(ctx context.Context, token [32]byte, now, until time.Time) (first bool, err error)
}

// StoredKey is a signing key that m2md made and keeps. It is published from
// its creation on, until it is removed. Of the keys of one name, the first that
// is not superseded signs: that is in the records, and not for the clock to say,
// so that neither a restart nor a clock that is put back changes who signs.
type StoredKey struct {
	Name         string // of its signing_key block; "" for the one that is there without any block
	ID           string // RFC 7638 thumbprint
	Algorithm    string // JWS, RFC 7518 §3.1
	PKCS8        []byte // the private key, DER; encrypted where Sealed says so
	Sealed       string // the ID of the key that PKCS8 is encrypted with; "" for none
	Serial       int    // counts the keys of its name: of two, the lower signs first
	CreatedAt    time.Time
	ActivatesAt  time.Time // from then on it supersedes those before it
	SupersededAt time.Time // it signs no more; the zero value: that has not come
	Uses         []KeyUse  // whom it signs for, or has signed for
}

// KeyUse is that a key signs the tokens of a provider, or did.
type KeyUse struct {
	Provider string        // label; "" for all that use the key's name
	Longest  time.Duration // the longest lifetime of a token
	Until    time.Time     // when the last of them has expired; the zero value: it still signs
}

// SigningKeyStore keeps signing keys, durably.
type SigningKeyStore interface {
	// SigningKeys returns all keys, ordered by name, then creation, then ID.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// ChangeSigningKeys puts keys, each in the place of the one with its ID if
	// there is one, and removes those with the IDs of drop, where they are: all
	// of it, or nothing.
	ChangeSigningKeys(ctx context.Context, put []StoredKey, drop []string) error
}
