package engine

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// AllAppPasswords goes through the app passwords of an account, or all for "",
// in the order of the list. It reads them in portions, so that what is changed
// meanwhile may be seen or not, and the loop may use the store.
func AllAppPasswords(ctx context.Context, store AppPasswordStore, account string) iter.Seq2[AppPasswordEntry, error] {
	return func(yield func(AppPasswordEntry, error) bool) {
		q := AppPasswordQuery{Account: account, Limit: AppPasswordsAtOnce}
		for {
			portion, err := store.ListAppPasswords(ctx, q)
			if err != nil {
				yield(AppPasswordEntry{}, err)
				return
			}
			for _, entry := range portion {
				if !yield(entry, nil) {
					return
				}
			}
			if len(portion) < q.Limit {
				return
			}
			q.After = portion[len(portion)-1].AppPassword
		}
	}
}

// AppPasswordFilter chooses from a list. All that is set must hold; the zero
// value chooses all.
type AppPasswordFilter struct {
	Account  string        // "" for all
	Unused   time.Duration // neither made nor used for so long, and usable as far as they themselves say
	Expiring time.Duration // active, and at an end within that time
	Orphaned bool          // of accounts that no file declares
}

// JudgedAppPassword is an app password in a list, with what it is good for.
type JudgedAppPassword struct {
	AppPasswordEntry
	State  AppPasswordState
	EndsAt time.Time // by itself or by max_age; the zero value: never
}

// lookedAt bounds how many records one portion of a filtered list reads.
const lookedAt = 20 * AppPasswordsAtOnce

// errNoFiles is for what depends on the files, where none are known.
func errNoFiles(what string) error {
	return fmt.Errorf("%w: %s only a running daemon knows, as it has read the files", ErrForbidden, what)
}

// List returns a portion of what the filter chooses, and the place to go on
// from; nil once there is no more. A portion may be empty.
func (m AppPasswords) List(ctx context.Context, f AppPasswordFilter, after AppPassword) (found []JudgedAppPassword, next *AppPassword, err error) {
	if f.Orphaned && m.Engine == nil {
		return nil, nil, errNoFiles("which accounts are declared")
	}
	now := m.Now()
	next, err = m.scan(ctx, f.Account, after, func(entry AppPasswordEntry) (enough bool) {
		one := JudgedAppPassword{AppPasswordEntry: entry}
		one.State, one.EndsAt = m.Engine.Judge(entry, now)
		if f.chooses(one, m.Engine, now) {
			found = append(found, one)
		}
		return len(found) == AppPasswordsAtOnce
	})
	return found, next, err
}

// scan calls visit for each record behind a place, until it has had enough or
// many were read, and tells where to go on; nil at the end of the list.
func (m AppPasswords) scan(ctx context.Context, account string, after AppPassword, visit func(AppPasswordEntry) (enough bool)) (*AppPassword, error) {
	q := AppPasswordQuery{Account: account, After: after, Limit: AppPasswordsAtOnce}
	for read := 0; read < lookedAt; {
		portion, err := m.Store.ListAppPasswords(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, entry := range portion {
			q.After = entry.AppPassword
			if m.Uses != nil {
				entry.LastUse = m.Uses.lastUse(entry.ID, entry.LastUse)
			}
			if visit(entry) {
				return &q.After, nil
			}
		}
		if len(portion) < q.Limit {
			return nil, nil
		}
		read += len(portion)
	}
	return &q.After, nil
}

func (f AppPasswordFilter) chooses(one JudgedAppPassword, e *Engine, now time.Time) bool {
	usable := one.State == StateActive || one.State == StateOrphaned
	switch {
	case f.Unused > 0 && (!usable || one.touched().After(now.Add(-f.Unused))):
		return false
	case f.Expiring > 0 && (one.State != StateActive || one.EndsAt.IsZero() || one.EndsAt.After(now.Add(f.Expiring))):
		return false
	case f.Orphaned:
		_, declared := e.Account(one.Account)
		return !declared
	}
	return true
}

// touched is when an app password was made or last used.
func (e AppPasswordEntry) touched() time.Time {
	if e.LastUse.At.After(e.CreatedAt) {
		return e.LastUse.At
	}
	return e.CreatedAt
}

// AppPasswordPrune says which app passwords are to be deleted: those that any
// of the first three names.
type AppPasswordPrune struct {
	Expired  bool // by their own expiry: what max_age keeps out, a changed file can let in again
	Revoked  bool
	Orphaned bool
	// OlderThan is how long ago that must have happened; of orphaned ones, how
	// long ago they were made or last used.
	OlderThan time.Duration
	DryRun    bool // delete nothing
}

// Prune deletes a portion of what is to be deleted, for good. It returns what
// it deleted, and the place to go on from; nil once there is no more.
func (m AppPasswords) Prune(ctx context.Context, p AppPasswordPrune, after AppPassword) (deleted []JudgedAppPassword, next *AppPassword, err error) {
	switch {
	case !p.Expired && !p.Revoked && !p.Orphaned:
		return nil, nil, fmt.Errorf("%w: say which app passwords are to be deleted", ErrForbidden)
	case p.Orphaned && m.Engine == nil:
		return nil, nil, errNoFiles("which accounts are declared")
	}
	var chosen []AppPasswordEntry
	next, err = m.scan(ctx, "", after, func(entry AppPasswordEntry) (enough bool) {
		if _, goes := m.goes(p, entry); goes {
			chosen = append(chosen, entry)
		}
		return len(chosen) == AppPasswordsAtOnce
	})
	if err != nil || len(chosen) == 0 {
		return nil, next, err
	}
	deleted, err = m.delete(ctx, p, chosen)
	return deleted, next, err
}

// goes says whether an app password is to be deleted, and as what.
func (m AppPasswords) goes(p AppPasswordPrune, entry AppPasswordEntry) (JudgedAppPassword, bool) {
	now := m.Now()
	one := JudgedAppPassword{AppPasswordEntry: entry, EndsAt: entry.ExpiresAt}
	declared := true
	if m.Engine != nil {
		_, declared = m.Engine.Account(entry.Account)
	}
	since := entry.touched()
	switch {
	case entry.Damaged:
		return one, false
	case p.Revoked && !entry.RevokedAt.IsZero():
		one.State, since = StateRevoked, entry.RevokedAt
	case p.Expired && !entry.ExpiresAt.IsZero() && !now.Before(entry.ExpiresAt):
		one.State, since = StateExpired, entry.ExpiresAt
	case p.Orphaned && !declared:
		one.State = StateOrphaned
	default:
		return one, false
	}
	return one, !since.After(now.Add(-p.OlderThan))
}

// delete deletes those of the chosen that are still to be deleted.
func (m AppPasswords) delete(ctx context.Context, p AppPasswordPrune, chosen []AppPasswordEntry) (deleted []JudgedAppPassword, err error) {
	drop := func(tx AppPasswordTx) error {
		deleted = nil
		for _, entry := range chosen {
			current, err := tx.AppPassword(entry.ID)
			if err != nil {
				continue // somebody else was quicker
			}
			entry.AppPassword = current
			one, goes := m.goes(p, entry)
			if !goes {
				continue
			}
			if !p.DryRun {
				if err := tx.Delete(entry.ID); err != nil {
					return err
				}
			}
			deleted = append(deleted, one)
		}
		return nil
	}
	if err := m.Store.ChangeAppPasswords(ctx, drop); err != nil {
		return nil, err
	}
	if m.Uses != nil && !p.DryRun {
		for _, one := range deleted {
			m.Uses.Forget(one.ID)
		}
	}
	return deleted, nil
}
