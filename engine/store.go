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

// AppPassword is what is kept of an app password: never the password itself.
type AppPassword struct {
	ID        string // the public part, by which it is found
	Account   string
	Label     string   // free text of its owner; may be ""
	Hash      [32]byte // SHA-256 of the whole password
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // the zero value: never
	RevokedAt time.Time // the zero value: not revoked
}

// AppPasswordReader finds app passwords. It stands on the path of requests
// and is called by many goroutines.
type AppPasswordReader interface {
	// AppPassword returns the record with that ID, or an error that wraps
	// ErrNotFound.
	AppPassword(ctx context.Context, id string) (AppPassword, error)
}

// AppPasswordStore keeps app passwords. What a method acknowledged survives
// the loss of power.
type AppPasswordStore interface {
	AppPasswordReader
	// CreateAppPassword adds p, or fails with ErrExists where its ID is taken.
	CreateAppPassword(ctx context.Context, p AppPassword) error
	// RevokeAppPassword sets RevokedAt, once: a second call keeps the first
	// time. It fails with ErrNotFound where there is no such ID.
	RevokeAppPassword(ctx context.Context, id string, at time.Time) (AppPassword, error)
	// ListAppPasswords returns those of an account, or all for account "",
	// ordered by account, then creation, then ID.
	ListAppPasswords(ctx context.Context, account string) ([]AppPassword, error)
}

// UsedTokens remembers which input JWTs were used, where each may be used once.
type UsedTokens interface {
	// UseToken marks the token, by a hash of what identifies it, as used until
	// its expiry, and says whether this was the first time. Of several calls at
	// once, one is the first. What it said survives the loss of power; after
	// until, the mark may be gone.
	UseToken(ctx context.Context, token [32]byte, now, until time.Time) (first bool, err error)
}

// StoredKey is a signing key that m2md made and keeps.
type StoredKey struct {
	Name      string // of its signing_key block; "" for the one that is there without any block
	ID        string // RFC 7638 thumbprint
	Algorithm string // JWS, RFC 7518 §3.1
	PKCS8     []byte // the private key, DER
	CreatedAt time.Time
}

// SigningKeyStore keeps signing keys, durably.
type SigningKeyStore interface {
	// SigningKeys returns all keys, ordered by name, then creation, then ID.
	SigningKeys(ctx context.Context) ([]StoredKey, error)
	// CreateSigningKey adds k, or fails with ErrExists where its ID is taken.
	CreateSigningKey(ctx context.Context, k StoredKey) error
}
