package storagetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// Run runs the suite. open makes an empty storage, which the suite closes.
func Run(t *testing.T, open func(t *testing.T) storage.Store) {
	tests := []struct {
		name string
		test func(t *testing.T, s storage.Store)
	}{
		{"an app password comes back as it was kept", keepsAppPassword},
		{"an app password needs no more than an ID and an account", keepsBareAppPassword},
		{"an app password with limits, that was brought along, comes back as it was kept", keepsLimits},
		{"an unknown ID is not found", findsNothing},
		{"an ID is taken once", takesIDOnce},
		{"what cannot come back as it is is refused", refusesRecords},
		{"a revocation keeps its first time", revokesOnce},
		{"app passwords are listed by account, creation and ID", listsInOrder},
		{"an account's list holds nobody else's", listsOneAccount},
		{"a list is the same in portions of every size", listsInPortions},
		{"several app passwords are made at once, or none", createsAllOrNone},
		{"a change is kept as a whole, or not at all", changesAllOrNothing},
		{"a change sees what it has done so far", seesOwnChanges},
		{"what orders app passwords is never replaced", refusesReplacement},
		{"an app password that was deleted leaves nothing behind", deletes},
		{"app passwords are counted as they stand", counts},
		{"accounts that have any are listed in portions of every size", listsAccounts},
		{"those that expire come soonest first", listsExpiring},
		{"those that were brought along are found by their account", findsBrought},
		{"the last use is kept beside the app password", keepsUses},
		{"of many who change one account, each sees the others", changesConcurrently},
		{"signing keys come back as they were kept, in order", keepsSigningKeys},
		{"a token is used for the first time once", usesTokenOnce},
		{"of many who use one token, one is the first", usesTokenOnceConcurrently},
		{"used tokens that expired do not pile up", forgetsUsedTokens},
		{"a key set comes back as it was kept", keepsKeySets},
		{"a key set takes the place of an earlier one", replacesKeySets},
		{"key sets that are too old are forgotten", forgetsKeySets},
		{"a key set that cannot come back as it is is refused", refusesKeySets},
		{"no key set is shared with the caller", aliasesNoKeySet},
		{"a closed storage answers for no key set", closesKeySets},
		{"a revocation comes back as it was kept", keepsRevocations},
		{"a revocation takes the place of an earlier one", replacesRevocations},
		{"revocations that are over are forgotten", forgetsRevocations},
		{"a revocation that cannot come back as it is is refused", refusesRevocations},
		{"of many who revoke tokens, none is lost", revokesTogether},
		{"a closed storage answers for no revocation", closesRevocations},
		{"a signing key takes the place of the one with its ID", replacesSigningKeys},
		{"signing keys are removed", dropsSigningKeys},
		{"a change of signing keys is made as a whole, or not at all", changesKeysAtOnce},
		{"a signing key that cannot come back as it is is refused", refusesSigningKeys},
		{"no signing key is shared with the caller", aliasesNoSigningKey},
		{"scrubbing takes nothing away", scrubs},
		{"of many who take one ID, one gets it", takesIDOnceConcurrently},
		{"of many who revoke, one sets the time", revokesOnceConcurrently},
		{"readers and writers do not disturb each other", readsWhileWriting},
		{"a cancelled call does nothing", heedsContext},
		{"a closed storage answers nothing", closes},
		{"no error quotes the ID that was asked for", keepsSecretsOut},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			tt.test(t, s)
		})
	}
}

// Moment is a time that is easily damaged: it has nanoseconds, a zone, and a
// monotonic reading is added to it in places.
func Moment() time.Time {
	return time.Date(2026, 11, 21, 20, 30, 24, 123456789, time.FixedZone("UTC+5:45", 5*3600+45*60))
}

func takesIDOnce(t *testing.T, s storage.Store) {
	first := Password("a1", "prometheus")
	create(t, s, first)
	if err := s.CreateAppPassword(t.Context(), Password("a1", "grafana")); !errors.Is(err, engine.ErrExists) {
		t.Errorf("a second app password with that ID: %v, want ErrExists", err)
	}
	if all := list(t, s, ""); len(all) != 1 || !same(all[0], inUTC(first)) {
		t.Errorf("the list is %v, want the first alone", all)
	}
}

func refusesRecords(t *testing.T, s storage.Store) {
	change := func(f func(*engine.AppPassword)) engine.AppPassword {
		p := Password("a1", "prometheus")
		f(&p)
		return p
	}
	for name, p := range map[string]engine.AppPassword{
		"no ID":            change(func(p *engine.AppPassword) { p.ID = "" }),
		"no account":       change(func(p *engine.AppPassword) { p.Account = "" }),
		"NUL in account":   change(func(p *engine.AppPassword) { p.Account = "a\x00b" }), // it separates an ordered key
		"long ID":          change(func(p *engine.AppPassword) { p.ID = strings.Repeat("a", 256) }),
		"label not UTF-8":  change(func(p *engine.AppPassword) { p.Label = "\xff" }),
		"endless label":    change(func(p *engine.AppPassword) { p.Label = strings.Repeat("a", 5000) }),
		"far future":       change(func(p *engine.AppPassword) { p.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"network not one":  change(func(p *engine.AppPassword) { p.Limits.CIDRs = make([]netip.Prefix, 1) }),
		"empty provider":   change(func(p *engine.AppPassword) { p.Limits.Providers = []string{""} }),
		"endless scopes":   change(func(p *engine.AppPassword) { p.Limits.Scopes = strings.Fields(strings.Repeat("x ", 65)) }),
		"bad successor":    change(func(p *engine.AppPassword) { p.Successor = "\n" }),
		"creator not UTF8": change(func(p *engine.AppPassword) { p.CreatedBy = "\xff" }),
	} {
		if err := s.CreateAppPassword(t.Context(), p); !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
}

// together calls f from many goroutines at once and counts the results.
func together(n int, f func(i int) error) (fine int, errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := f(i)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				fine++
			} else {
				errs = append(errs, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return fine, errs
}

func takesIDOnceConcurrently(t *testing.T, s storage.Store) {
	fine, errs := together(16, func(i int) error {
		return s.CreateAppPassword(t.Context(), Password("a1", fmt.Sprint("account-", i)))
	})
	if fine != 1 {
		t.Errorf("%d got the ID, want 1", fine)
	}
	for _, err := range errs {
		if !errors.Is(err, engine.ErrExists) {
			t.Errorf("a loser got %v, want ErrExists", err)
		}
	}
	if all := list(t, s, ""); len(all) != 1 {
		t.Errorf("the list is %v, want one", all)
	}
}

func revokesOnceConcurrently(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	times := make([]time.Time, 16)
	_, errs := together(len(times), func(i int) error {
		p, err := engine.RevokeAppPassword(t.Context(), s, "a1", Moment().Add(time.Duration(i)))
		times[i] = p.RevokedAt
		return err
	})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for i, at := range times {
		if at.IsZero() || !at.Equal(times[0]) {
			t.Errorf("caller %d was told %v, caller 0 %v", i, at, times[0])
		}
	}
}

func readsWhileWriting(t *testing.T, s storage.Store) {
	create(t, s, Password("first", "prometheus"))
	_, errs := together(16, func(i int) error {
		if i%4 == 0 {
			id := fmt.Sprint("a", i)
			if err := s.CreateAppPassword(t.Context(), Password(id, "prometheus")); err != nil {
				return err
			}
			_, err := engine.RevokeAppPassword(t.Context(), s, id, Moment())
			return err
		}
		for range 50 {
			if p, err := s.AppPassword(t.Context(), "first"); err != nil || !same(p, inUTC(Password("first", "prometheus"))) {
				return fmt.Errorf("reading %+v: %w", p, err)
			}
			all, err := s.ListAppPasswords(t.Context(), engine.AppPasswordQuery{Account: "prometheus", Limit: 10})
			if err != nil || len(all) < 1 {
				return fmt.Errorf("listing %d: %w", len(all), err)
			}
		}
		return nil
	})
	if len(errs) > 0 {
		t.Error(errs)
	}
	if all := list(t, s, "prometheus"); len(all) != 5 {
		t.Errorf("%d app passwords, want 5", len(all))
	}
}

func heedsContext(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.CreateAppPassword(ctx, Password("a1", "prometheus")); err == nil {
		t.Error("creating under a cancelled context succeeded")
	}
	if all := list(t, s, ""); len(all) != 0 {
		t.Errorf("the list is %v, want none", all)
	}
}

func closes(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if _, err := s.AppPassword(t.Context(), "a1"); err == nil || errors.Is(err, engine.ErrNotFound) {
		t.Errorf("reading after Close: %v, want an error that is not ErrNotFound", err)
	}
	if err := s.CreateAppPassword(t.Context(), Password("a2", "prometheus")); err == nil {
		t.Error("writing after Close succeeded")
	}
	if _, err := s.SigningKeys(t.Context()); err == nil {
		t.Error("reading keys after Close succeeded")
	}
	if err := s.KeepAppPasswordUses(t.Context(), []engine.AppPasswordUse{{ID: "a1", LastUse: engine.LastUse{At: Moment()}}}); err == nil {
		t.Error("keeping a use after Close succeeded")
	}
	if _, err := s.CountAppPasswords(t.Context(), ""); err == nil {
		t.Error("counting after Close succeeded")
	}
	if _, _, err := s.CountExpiries(t.Context(), Moment()); err == nil {
		t.Error("counting expiries after Close succeeded")
	}
	if _, err := s.AppPasswordAccounts(t.Context(), "", 1); err == nil {
		t.Error("listing accounts after Close succeeded")
	}
	if _, err := s.ExpiringAppPasswords(t.Context(), engine.AppPassword{}, 1); err == nil {
		t.Error("listing what expires after Close succeeded")
	}
}

func keepsSecretsOut(t *testing.T, s storage.Store) {
	const pasted = "m2md_x_thesecret"
	create(t, s, Password(pasted, "prometheus"))
	_, reading := s.AppPassword(t.Context(), pasted+"y")
	_, revoking := engine.RevokeAppPassword(t.Context(), s, pasted+"y", Moment())
	for _, err := range []error{reading, revoking, s.CreateAppPassword(t.Context(), Password(pasted, "x"))} {
		if err == nil || strings.Contains(err.Error(), "thesecret") {
			t.Errorf("the error is %v", err)
		}
	}
}
