package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// AppPassword implements engine.AppPasswordReader.
func (s *Store) AppPassword(ctx context.Context, id string) (engine.AppPassword, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return engine.AppPassword{}, err
	}
	return (&passwordTx{of: s.passwords}).AppPassword(id)
}

// BroughtAppPasswords implements engine.AppPasswordReader.
func (s *Store) BroughtAppPasswords(ctx context.Context, account string, now time.Time) (found []engine.AppPassword, anybody bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, false, err
	}
	for _, p := range s.passwords {
		anybody = anybody || p.Brought != engine.PasswordHash{} && p.RevokedAt.IsZero()
	}
	found, err = (&passwordTx{of: s.passwords}).Brought(account, now)
	return found, anybody, err
}

// CreateAppPassword implements engine.AppPasswordStore.
func (s *Store) CreateAppPassword(ctx context.Context, all ...engine.AppPassword) error {
	return s.ChangeAppPasswords(ctx, func(tx engine.AppPasswordTx) error {
		for _, p := range all {
			if err := tx.Create(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// ChangeAppPasswords implements engine.AppPasswordStore.
func (s *Store) ChangeAppPasswords(ctx context.Context, change func(engine.AppPasswordTx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	tx := &passwordTx{of: s.passwords, put: map[string]engine.AppPassword{}, gone: map[string]bool{}}
	if err := change(tx); err != nil {
		return err
	}
	maps.Copy(s.passwords, tx.put)
	for id := range tx.gone {
		delete(s.passwords, id)
		delete(s.uses, id)
	}
	return nil
}

// ListAppPasswords implements engine.AppPasswordStore.
func (s *Store) ListAppPasswords(ctx context.Context, q engine.AppPasswordQuery) ([]engine.AppPasswordEntry, error) {
	behind := func(p engine.AppPassword) bool {
		first := q.After.ID == "" && q.After.Account == ""
		return (q.Account == "" || p.Account == q.Account) && (first || storage.CompareAppPasswords(p, q.After) > 0)
	}
	return s.some(ctx, behind, storage.CompareAppPasswords, q.Limit)
}

// ExpiringAppPasswords implements engine.AppPasswordFigures.
func (s *Store) ExpiringAppPasswords(ctx context.Context, after engine.AppPassword, limit int) ([]engine.AppPasswordEntry, error) {
	expires := func(p engine.AppPassword) bool {
		return p.RevokedAt.IsZero() && !p.ExpiresAt.IsZero() && storage.CompareExpiries(p, after) > 0
	}
	return s.some(ctx, expires, storage.CompareExpiries, limit)
}

// some returns the first of those that are wanted, in an order.
func (s *Store) some(ctx context.Context, wanted func(engine.AppPassword) bool, order func(a, b engine.AppPassword) int, limit int) ([]engine.AppPasswordEntry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var found []engine.AppPasswordEntry
	for id, p := range s.passwords {
		if wanted(p) {
			found = append(found, engine.AppPasswordEntry{AppPassword: own(p), LastUse: s.uses[id]})
		}
	}
	slices.SortFunc(found, func(a, b engine.AppPasswordEntry) int { return order(a.AppPassword, b.AppPassword) })
	return found[:min(len(found), limit)], nil
}

// CountAppPasswords implements engine.AppPasswordFigures.
func (s *Store) CountAppPasswords(ctx context.Context, account string) (n engine.AppPasswordCount, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.passwords {
		switch {
		case account != "" && p.Account != account:
		case p.RevokedAt.IsZero():
			n.Kept++
		default:
			n.Revoked++
		}
	}
	return n, s.ready(ctx)
}

// CountExpiries implements engine.AppPasswordFigures.
func (s *Store) CountExpiries(ctx context.Context, now time.Time) (expired, later int, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.passwords {
		switch {
		case p.ExpiresAt.IsZero() || !p.RevokedAt.IsZero():
		case p.Active(now):
			later++
		default:
			expired++
		}
	}
	return expired, later, s.ready(ctx)
}

// AppPasswordAccounts implements engine.AppPasswordFigures.
func (s *Store) AppPasswordAccounts(ctx context.Context, after string, limit int) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := map[string]bool{}
	for _, p := range s.passwords {
		if p.Account > after {
			names[p.Account] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	return sorted[:min(len(sorted), limit)], s.ready(ctx)
}

// KeepAppPasswordUses implements engine.AppPasswordUseStore.
func (s *Store) KeepAppPasswordUses(ctx context.Context, uses []engine.AppPasswordUse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx); err != nil {
		return err
	}
	for _, use := range uses {
		normal, err := storage.NormalLastUse(use.LastUse)
		if _, there := s.passwords[use.ID]; err == nil && there && s.uses[use.ID].At.Before(normal.At) {
			s.uses[use.ID] = normal
		}
	}
	return nil
}

// passwordTx is a transaction: what is kept, and what is to be changed of it.
type passwordTx struct {
	of   map[string]engine.AppPassword
	put  map[string]engine.AppPassword
	gone map[string]bool
}

// all are the app passwords as the transaction sees them.
func (t *passwordTx) all() iter.Seq[engine.AppPassword] {
	return func(yield func(engine.AppPassword) bool) {
		for id := range t.of {
			if p, err := t.AppPassword(id); err == nil && !yield(p) {
				return
			}
		}
		for id, p := range t.put {
			if _, before := t.of[id]; !before && !yield(own(p)) {
				return
			}
		}
	}
}

// AppPassword implements engine.AppPasswordTx.
func (t *passwordTx) AppPassword(id string) (engine.AppPassword, error) {
	p, found := t.put[id]
	if !found && !t.gone[id] {
		p, found = t.of[id]
	}
	if !found {
		return engine.AppPassword{}, fmt.Errorf("app password: %w", engine.ErrNotFound)
	}
	return own(p), nil
}

// Brought implements engine.AppPasswordTx.
func (t *passwordTx) Brought(account string, now time.Time) (found []engine.AppPassword, err error) {
	for p := range t.all() {
		if p.Account == account && p.Brought != (engine.PasswordHash{}) && p.Active(now) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b engine.AppPassword) int {
		if a.ExpiresAt.IsZero() != b.ExpiresAt.IsZero() { // which never expires comes last
			return map[bool]int{true: 1, false: -1}[a.ExpiresAt.IsZero()]
		}
		return storage.CompareExpiries(a, b)
	})
	return found, nil
}

// Each implements engine.AppPasswordTx.
func (t *passwordTx) Each(account string, visit func(engine.AppPassword) error) error {
	for p := range t.all() {
		if p.Account != account {
			continue
		}
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

// Create implements engine.AppPasswordTx.
func (t *passwordTx) Create(p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	if _, err := t.AppPassword(p.ID); err == nil {
		return fmt.Errorf("app password: %w", engine.ErrExists)
	}
	t.put[p.ID] = p
	delete(t.gone, p.ID)
	return nil
}

// Replace implements engine.AppPasswordTx.
func (t *passwordTx) Replace(p engine.AppPassword) error {
	p, err := storage.NormalAppPassword(p)
	if err != nil {
		return err
	}
	before, err := t.AppPassword(p.ID)
	if err != nil {
		return err
	}
	if err := storage.CheckReplacement(before, p); err != nil {
		return err
	}
	t.put[p.ID] = p
	return nil
}

// Delete implements engine.AppPasswordTx.
func (t *passwordTx) Delete(id string) error {
	if _, err := t.AppPassword(id); err != nil {
		return err
	}
	delete(t.put, id)
	t.gone[id] = true
	return nil
}

// own is a copy that shares nothing.
func own(p engine.AppPassword) engine.AppPassword {
	p.Limits = p.Limits.Clone()
	return p
}
