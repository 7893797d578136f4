package engine

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// AppPassword is what is kept of an app password: never the password itself.
type AppPassword struct {
	ID        string // the public part, by which it is found
	Account   string
	Label     string       // free text of its owner; may be ""
	Hash      [32]byte     // SHA-256 of the whole password; the zero value for one that was brought along
	Brought   PasswordHash // of one that was brought along; the zero value for one that m2md made
	CreatedAt time.Time
	CreatedBy string
	ExpiresAt time.Time // the zero value: never
	RevokedAt time.Time // the zero value: not revoked
	Limits    AppPasswordLimits
	RetiredAt time.Time // when a rotation put Successor in its place; the zero value: none did
	Successor string    // ID; "" where RetiredAt is the zero value
}

// AppPasswordLimits narrow what an app password is good for, within what its
// account may. The zero value narrows nothing.
type AppPasswordLimits struct {
	CIDRs     []netip.Prefix // from where it may be used; nil: from anywhere
	Providers []string       // labels of those at which it may be used; nil: at any
	Scopes    []string       // what may be granted to it; nil: anything
}

// Clone is l, sharing nothing with it.
func (l AppPasswordLimits) Clone() AppPasswordLimits {
	return AppPasswordLimits{slices.Clone(l.CIDRs), slices.Clone(l.Providers), slices.Clone(l.Scopes)}
}

// LastUse is when an app password was last shown and accepted, from where, and
// at which provider. The zero value is never.
type LastUse struct {
	At       time.Time
	From     netip.Addr // the zero value where it was not known
	Provider string     // label
}

// AppPasswordUse is a use of one app password.
type AppPasswordUse struct {
	ID string
	LastUse
}

// AppPasswordEntry is an app password as a list has it.
type AppPasswordEntry struct {
	AppPassword
	LastUse LastUse
	// Damaged says that its record cannot be read: then there is no more than
	// ID, Account and CreatedAt, and it lets nobody in.
	Damaged bool
}

// AppPasswordQuery asks for a part of a list.
type AppPasswordQuery struct {
	Account string // "" for all accounts
	// After is the place in the order by account, creation and ID behind which
	// the part begins; those three fields count. The zero value: at the beginning.
	After AppPassword
	Limit int // how many at most; 1 or more
}

// AppPasswordCount counts app passwords by what was done to them, whatever the
// time.
type AppPasswordCount struct {
	Kept    int // not revoked
	Revoked int
}

// AppPasswordReader finds app passwords. It stands on the path of requests
// and is called by many goroutines.
type AppPasswordReader interface {
	// AppPassword returns the record with that ID, or an error that wraps
	// ErrNotFound.
	AppPassword(ctx context.Context, id string) (AppPassword, error)
	// BroughtAppPasswords returns those of an account that were brought along
	// and at that time are neither revoked nor expired, ordered by expiry, and
	// whether any account has ever had one that was not revoked.
	BroughtAppPasswords(ctx context.Context, account string, now time.Time) (found []AppPassword, anybody bool, err error)
}

// AppPasswordStore keeps app passwords. What a method acknowledged survives
// the loss of power.
type AppPasswordStore interface {
	AppPasswordReader
	// CreateAppPassword adds all, or none and fails with ErrExists where an ID
	// is taken.
	CreateAppPassword(ctx context.Context, all ...AppPassword) error
	// ChangeAppPasswords runs change, which may be called again where somebody
	// else came in between, and keeps all that it did at once, unless it fails:
	// then nothing is kept. change must not call the store itself.
	ChangeAppPasswords(ctx context.Context, change func(AppPasswordTx) error) error
	// ListAppPasswords returns a part of the list, ordered by account, then
	// creation, then ID. Fewer than asked for are the last.
	ListAppPasswords(ctx context.Context, q AppPasswordQuery) ([]AppPasswordEntry, error)
}

// AppPasswordTx is one transaction on app passwords: nobody else changes any
// while it lasts. It is for one goroutine, and dies with its transaction.
type AppPasswordTx interface {
	// AppPassword and Brought are as those of AppPasswordReader.
	AppPassword(id string) (AppPassword, error)
	Brought(account string, now time.Time) ([]AppPassword, error)
	// Each calls visit for every app password of an account, until it fails.
	// visit must not change any.
	Each(account string, visit func(AppPassword) error) error
	// Create adds p, or fails with ErrExists where its ID is taken.
	Create(p AppPassword) error
	// Replace keeps p in the place of what has its ID, whose account and
	// creation are the same, or fails with ErrNotFound.
	Replace(p AppPassword) error
	// Delete removes an app password and the use that is kept of it, or fails
	// with ErrNotFound.
	Delete(id string) error
}

// AppPasswordUseStore keeps when app passwords were last used, apart from
// their records.
type AppPasswordUseStore interface {
	// KeepAppPasswordUses keeps uses, unless a later one is kept already or
	// there is no such app password. What it acknowledged survives the loss of
	// power; where it fails, some may be kept.
	KeepAppPasswordUses(ctx context.Context, uses []AppPasswordUse) error
}

// AppPasswordFigures tells of all app passwords without reading them all.
type AppPasswordFigures interface {
	// CountAppPasswords counts those of an account, or all for "".
	CountAppPasswords(ctx context.Context, account string) (AppPasswordCount, error)
	// CountExpiries says how many that are not revoked have expired at a time,
	// and how many will. Where very many expire within one hour, it may tell of
	// some of them only when it is over.
	CountExpiries(ctx context.Context, now time.Time) (expired, later int, err error)
	// ExpiringAppPasswords returns those that expire and are not revoked, ordered
	// by expiry, then ID, behind the place that both of after are; at most limit.
	ExpiringAppPasswords(ctx context.Context, after AppPassword, limit int) ([]AppPasswordEntry, error)
	// AppPasswordAccounts returns the accounts that have any, in order and
	// behind one, at most limit.
	AppPasswordAccounts(ctx context.Context, after string, limit int) ([]string, error)
}
