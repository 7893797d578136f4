package engine

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ErrForbidden is wrapped where a rule of the files, or of app passwords as
// such, forbids what an operator asks for.
var ErrForbidden = errors.New("refused")

// AppPasswordAsk is what is asked for with a new app password.
type AppPasswordAsk struct {
	Account   string
	Label     string
	ExpiresIn time.Duration // 0: max_age of the account, or for ever
	Limits    AppPasswordLimits
}

// MadeAppPassword is a new app password: its record, and the secret, which
// nothing can tell again.
type MadeAppPassword struct {
	AppPassword
	Secret Secret
}

// AppPasswords makes and ends app passwords, for operators and within the rules
// of the files. All but Engine must be set; Uses and Hasher only for what needs
// them. It is made anew for each thing to do.
type AppPasswords struct {
	Store  AppPasswordStore
	Random io.Reader
	Now    func() time.Time
	By     string // the operator, as records tell
	// Engine is the generation whose rules bind. nil: no files are known, and
	// nothing binds but what app passwords themselves say; the files' rules
	// bind at login.
	Engine *Engine
	Uses   *AppPasswordUses
	Hasher *PasswordHasher
}

// AppPasswordsAtOnce is how many app passwords are made or deleted in one
// transaction at most.
const AppPasswordsAtOnce = 1000

// Create makes app passwords, all or none of them, at most AppPasswordsAtOnce.
func (m AppPasswords) Create(ctx context.Context, asks ...AppPasswordAsk) ([]MadeAppPassword, error) {
	if len(asks) > AppPasswordsAtOnce {
		return nil, fmt.Errorf("%w: more than %d app passwords at once", ErrForbidden, AppPasswordsAtOnce)
	}
	now := m.Now()
	made := make([]MadeAppPassword, len(asks))
	for i, ask := range asks {
		var err error
		if made[i], err = m.make(ask, now); err != nil {
			return nil, err
		}
	}
	err := m.Store.ChangeAppPasswords(ctx, func(tx AppPasswordTx) error {
		if err := m.room(tx, asks, now); err != nil {
			return err
		}
		for _, one := range made {
			if err := tx.Create(one.AppPassword); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// make makes an app password as its account may have one, without keeping it.
func (m AppPasswords) make(ask AppPasswordAsk, now time.Time) (MadeAppPassword, error) {
	if err := m.admissible(&ask); err != nil {
		return MadeAppPassword{}, err
	}
	record, secret, err := NewAppPassword(m.Random, ask.Account, now)
	if err != nil {
		return MadeAppPassword{}, fmt.Errorf("making an app password: %w", err)
	}
	m.describe(&record, ask)
	return MadeAppPassword{record, secret}, nil
}

// describe puts into a record what was asked for.
func (m AppPasswords) describe(record *AppPassword, ask AppPasswordAsk) {
	record.Label, record.CreatedBy, record.Limits = ask.Label, m.By, ask.Limits
	if ask.ExpiresIn > 0 {
		record.ExpiresAt = record.CreatedAt.Add(ask.ExpiresIn)
	}
}

// rules are those of an account; none where no files are known.
func (m AppPasswords) rules(account string) (AppPasswordRules, error) {
	if m.Engine == nil {
		return AppPasswordRules{}, nil
	}
	rules, declared := m.Engine.Account(account)
	if !declared {
		return rules, fmt.Errorf("%w: no file declares service_account %q; `m2md service-account create` does, in one step", ErrNotFound, account)
	}
	return rules, nil
}

// admissible says whether an app password may be made so, and sets the expiry
// that its account asks for.
func (m AppPasswords) admissible(ask *AppPasswordAsk) error {
	rules, err := m.rules(ask.Account)
	if err != nil {
		return err
	}
	if ask.ExpiresIn < 0 {
		return fmt.Errorf("%w: an app password cannot expire before it is made", ErrForbidden)
	}
	if rules.MaxAge > 0 && ask.ExpiresIn > rules.MaxAge {
		return fmt.Errorf("%w: max_age of service_account %q is %s", ErrForbidden, ask.Account, rules.MaxAge)
	}
	ask.ExpiresIn = cmp.Or(ask.ExpiresIn, rules.MaxAge)
	return m.narrows(rules, ask)
}

// narrows wants limits that leave something: an app password that could never be
// used is a mistake.
func (m AppPasswords) narrows(rules AppPasswordRules, ask *AppPasswordAsk) error {
	for _, network := range ask.Limits.CIDRs {
		if !insideOf(network, rules.AllowedCIDRs) {
			return fmt.Errorf("%w: %s lies in none of the allowed_cidrs of service_account %q", ErrForbidden, network, ask.Account)
		}
	}
	if m.Engine == nil {
		return nil
	}
	for _, label := range ask.Limits.Providers {
		if m.Engine.providers[label] == nil {
			return fmt.Errorf("%w: no file declares provider %q.%s", ErrForbidden, label, DidYouMean(label, keysOf(m.Engine.providers)))
		}
	}
	known := m.Engine.scopesOf(ask.Limits.Providers)
	for _, scope := range ask.Limits.Scopes {
		if !known[scope] {
			return fmt.Errorf("%w: no provider that the app password is for grants the scope %q.%s", ErrForbidden, scope, DidYouMean(scope, keysOf(known)))
		}
	}
	return nil
}

// insideOf says whether a network is one of others, or a part of one; any is
// where there are none.
func insideOf(network netip.Prefix, others []netip.Prefix) bool {
	return len(others) == 0 || slices.ContainsFunc(others, func(other netip.Prefix) bool {
		return other.Bits() <= network.Bits() && other.Contains(network.Addr())
	})
}

// scopesOf are the scopes that some providers grant; all of them for none.
func (e *Engine) scopesOf(labels []string) map[string]bool {
	all := map[string]bool{}
	for label, p := range e.providers {
		if len(labels) == 0 || slices.Contains(labels, label) {
			for scope := range p.scopes {
				all[scope] = true
			}
		}
	}
	return all
}

// room says whether max_active leaves room for more. Those on their way out do
// not count: others have taken their places.
func (m AppPasswords) room(tx AppPasswordTx, asks []AppPasswordAsk, now time.Time) error {
	wanted := map[string]int{}
	for _, ask := range asks {
		wanted[ask.Account]++
	}
	for account, more := range wanted {
		rules, err := m.rules(account)
		if err != nil {
			return err
		}
		if rules.MaxActive == 0 {
			continue
		}
		standing, _, err := rules.active(tx, account, now)
		if err != nil {
			return err
		}
		if standing+more > rules.MaxActive {
			return fmt.Errorf("%w: service_account %q has %d active app passwords, and its max_active is %d; revoke one first", ErrForbidden, account, standing, rules.MaxActive)
		}
	}
	return nil
}

// active counts the app passwords of an account that may be used: those that
// stand, and those that were retired and are on their way out.
func (r AppPasswordRules) active(tx AppPasswordTx, account string, now time.Time) (standing, retired int, err error) {
	err = tx.Each(account, func(p AppPassword) error {
		switch {
		case !p.Active(now) || r.outlived(p, now):
		case p.Successor != "":
			retired++
		default:
			standing++
		}
		return nil
	})
	return standing, retired, err
}

// Rotation says which app password another one takes the place of.
type Rotation struct {
	ID string // "" for the one of Account that is active and has not been retired
	// Account and Label find it where ID is "". There must be one alone. AnyLabel
	// leaves Label aside.
	Account  string
	Label    string
	AnyLabel bool
	// Overlap is how long the old one may still be used, unless it ends before.
	Overlap time.Duration
	// ExpiresIn is that of the new one; 0: as long as the old one had from its
	// creation, within max_age.
	ExpiresIn time.Duration
}

// Rotate makes an app password with the label and the limits of an old one, and
// has the old one end. It returns both as they are then.
//
// max_active counts an app password once, the old and the new as one: the old
// one is on its way out. So that this does not become a way around the rule, no
// more than max_active may be on their way out at a time.
func (m AppPasswords) Rotate(ctx context.Context, r Rotation) (made MadeAppPassword, old AppPassword, err error) {
	if r.Overlap < 0 {
		return made, old, fmt.Errorf("%w: the overlap cannot be negative", ErrForbidden)
	}
	if r.ID == "" {
		if r.ID, err = m.onlyOne(ctx, r); err != nil {
			return made, old, err
		}
	}
	now := m.Now()
	err = m.Store.ChangeAppPasswords(ctx, func(tx AppPasswordTx) (err error) {
		if old, err = tx.AppPassword(r.ID); err != nil {
			return err
		}
		if err := m.rotatable(tx, old, now); err != nil {
			return err
		}
		if made, err = m.successor(old, r, now); err != nil {
			return err
		}
		old.RetiredAt, old.Successor = now, made.ID
		if end := now.Add(r.Overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
			old.ExpiresAt = end
		}
		return errors.Join(tx.Create(made.AppPassword), tx.Replace(old))
	})
	if err != nil {
		return MadeAppPassword{}, AppPassword{}, err
	}
	return made, old, nil
}

// rotatable says whether an app password can have a successor.
func (m AppPasswords) rotatable(tx AppPasswordTx, old AppPassword, now time.Time) error {
	rules, err := m.rules(old.Account)
	switch {
	case err != nil:
		return err
	case !old.RevokedAt.IsZero():
		return fmt.Errorf("%w: the app password %s was revoked; create another one", ErrForbidden, old.ID)
	case !old.Active(now) || rules.outlived(old, now):
		return fmt.Errorf("%w: the app password %s has expired; create another one", ErrForbidden, old.ID)
	case old.Successor != "":
		return fmt.Errorf("%w: the app password %s was rotated already, and %s took its place", ErrForbidden, old.ID, old.Successor)
	case rules.MaxActive == 0:
		return nil
	}
	_, retired, err := rules.active(tx, old.Account, now)
	if err == nil && retired >= rules.MaxActive {
		err = fmt.Errorf("%w: service_account %q has %d app passwords on their way out, and its max_active is %d; wait until one expires, or revoke one", ErrForbidden, old.Account, retired, rules.MaxActive)
	}
	return err
}

// successor makes what takes the place of an app password.
func (m AppPasswords) successor(old AppPassword, r Rotation, now time.Time) (MadeAppPassword, error) {
	rules, err := m.rules(old.Account)
	if err != nil {
		return MadeAppPassword{}, err
	}
	span := r.ExpiresIn
	if span == 0 && !old.ExpiresAt.IsZero() {
		span = old.ExpiresAt.Sub(old.CreatedAt)
		if rules.MaxAge > 0 {
			span = min(span, rules.MaxAge)
		}
	}
	ask := AppPasswordAsk{Account: old.Account, Label: old.Label, ExpiresIn: span}
	made, err := m.make(ask, now)
	made.Limits = old.Limits // whether or not they would be allowed today: they only narrow
	return made, err
}

// onlyOne finds the only app password of an account that can be meant.
func (m AppPasswords) onlyOne(ctx context.Context, r Rotation) (id string, err error) {
	rules, err := m.rules(r.Account)
	if err != nil {
		return "", err
	}
	var found []string
	for entry, err := range AllAppPasswords(ctx, m.Store, r.Account) {
		if err != nil {
			return "", err
		}
		if entry.Damaged || !entry.Active(m.Now()) || rules.outlived(entry.AppPassword, m.Now()) || entry.Successor != "" || !r.AnyLabel && entry.Label != r.Label {
			continue
		}
		if found = append(found, entry.ID); len(found) > 5 {
			break
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%w: service_account %q has no app password that could be meant", ErrNotFound, r.Account)
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("%w: several app passwords of service_account %q could be meant; name one by its ID (such as %s) or its label", ErrForbidden, r.Account, strings.Join(found, ", "))
	}
}

// Revoke ends an app password, by its ID. A second call changes nothing.
func (m AppPasswords) Revoke(ctx context.Context, id string) (AppPassword, error) {
	return RevokeAppPassword(ctx, m.Store, id, m.Now())
}

// RevokeAppPassword sets RevokedAt, once: a second call keeps the first time.
// It fails with ErrNotFound where there is no such ID.
func RevokeAppPassword(ctx context.Context, store AppPasswordStore, id string, at time.Time) (revoked AppPassword, err error) {
	if at.IsZero() {
		return AppPassword{}, errors.New("revoking app password: it has no time")
	}
	err = store.ChangeAppPasswords(ctx, func(tx AppPasswordTx) (err error) {
		revoked, err = tx.AppPassword(id)
		if err != nil || !revoked.RevokedAt.IsZero() {
			return err
		}
		revoked.RevokedAt = at
		if err := tx.Replace(revoked); err != nil {
			return err
		}
		revoked, err = tx.AppPassword(id) // as it comes back from now on
		return err
	})
	if err != nil {
		return AppPassword{}, err
	}
	return revoked, nil
}

// Verify says how the app password with an ID stands, where the SHA-256 of the
// whole is that of what somebody has: the password itself need not be shown.
func (m AppPasswords) Verify(ctx context.Context, id string, sum [32]byte) (AppPasswordEntry, error) {
	p, err := m.Store.AppPassword(ctx, id)
	if err != nil {
		return AppPasswordEntry{}, err
	}
	if subtle.ConstantTimeCompare(sum[:], p.Hash[:]) != 1 {
		return AppPasswordEntry{}, fmt.Errorf("%w: the app password %s has another secret", ErrForbidden, id)
	}
	entry := AppPasswordEntry{AppPassword: p}
	if m.Uses != nil {
		entry.LastUse = m.Uses.lastUse(id, LastUse{})
	}
	return entry, nil
}

// AppPasswordState is what an app password is good for at some time.
type AppPasswordState string

// The states, in the order in which they are looked for: a revoked one is not
// called expired. Only an active one lets in.
const (
	StateDamaged  AppPasswordState = "damaged" // its record cannot be read
	StateRevoked  AppPasswordState = "revoked"
	StateExpired  AppPasswordState = "expired"
	StateOrphaned AppPasswordState = "orphaned" // no file declares its account
	StateActive   AppPasswordState = "active"
)

// Judge says in which state an app password is, and when it ends by itself, be
// it by max_age of its account; the zero time for never. A nil Engine knows no
// account and no rule.
func (e *Engine) Judge(entry AppPasswordEntry, now time.Time) (AppPasswordState, time.Time) {
	rules, declared := AppPasswordRules{}, true
	if e != nil {
		rules, declared = e.Account(entry.Account)
	}
	end := rules.end(entry.AppPassword)
	switch {
	case entry.Damaged:
		return StateDamaged, time.Time{}
	case !entry.RevokedAt.IsZero():
		return StateRevoked, end
	case !end.IsZero() && !now.Before(end):
		return StateExpired, end
	case !declared:
		return StateOrphaned, end
	default:
		return StateActive, end
	}
}

// end is when an app password ends by itself; the zero time for never.
func (r AppPasswordRules) end(p AppPassword) time.Time {
	if r.MaxAge == 0 {
		return p.ExpiresAt
	}
	old := p.CreatedAt.Add(r.MaxAge)
	if p.ExpiresAt.IsZero() || old.Before(p.ExpiresAt) {
		return old
	}
	return p.ExpiresAt
}

// outlived says whether max_age has passed.
func (r AppPasswordRules) outlived(p AppPassword, now time.Time) bool {
	return r.MaxAge > 0 && !now.Before(p.CreatedAt.Add(r.MaxAge))
}
