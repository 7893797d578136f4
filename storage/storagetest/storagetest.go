package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		{"an unknown ID is not found", findsNothing},
		{"an ID is taken once", takesIDOnce},
		{"what cannot come back as it is is refused", refusesRecords},
		{"a revocation keeps its first time", revokesOnce},
		{"app passwords are listed by account, creation and ID", listsInOrder},
		{"an account's list holds nobody else's", listsOneAccount},
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

// Password is a whole app password of an account.
func Password(id, account string) engine.AppPassword {
	p := engine.AppPassword{
		ID: id, Account: account, Label: `the "blue" cluster, Zürich`, CreatedBy: "uid 1000",
		CreatedAt: Moment(), ExpiresAt: Moment().Add(90 * 24 * time.Hour),
	}
	copy(p.Hash[:], "hash of "+id)
	return p
}

// inUTC is p as it comes back.
func inUTC(p engine.AppPassword) engine.AppPassword {
	p.CreatedAt, p.ExpiresAt, p.RevokedAt = p.CreatedAt.UTC(), p.ExpiresAt.UTC(), p.RevokedAt.UTC()
	return p
}

func create(t *testing.T, s storage.Store, passwords ...engine.AppPassword) {
	t.Helper()
	for _, p := range passwords {
		if err := s.CreateAppPassword(t.Context(), p); err != nil {
			t.Fatalf("CreateAppPassword(%s): %v", p.ID, err)
		}
	}
}

func keepsAppPassword(t *testing.T, s storage.Store) {
	kept := Password("a1", "prometheus")
	create(t, s, kept, Password("a2", "prometheus"))
	got, err := s.AppPassword(t.Context(), "a1")
	if err != nil || got != inUTC(kept) {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, inUTC(kept))
	}
}

func keepsBareAppPassword(t *testing.T, s storage.Store) {
	bare := engine.AppPassword{ID: "a1", Account: "x"}
	create(t, s, bare)
	got, err := s.AppPassword(t.Context(), "a1")
	if err != nil || got != bare {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, bare)
	}
}

func findsNothing(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	for _, id := range []string{"a2", "a", "a11", "", strings.Repeat("a", 1<<20), "\x00"} {
		if p, err := s.AppPassword(t.Context(), id); !errors.Is(err, engine.ErrNotFound) || p != (engine.AppPassword{}) {
			t.Errorf("AppPassword(%.10q) = %+v, %v, want ErrNotFound", id, p, err)
		}
		if p, err := s.RevokeAppPassword(t.Context(), id, Moment()); !errors.Is(err, engine.ErrNotFound) || p != (engine.AppPassword{}) {
			t.Errorf("RevokeAppPassword(%.10q) = %+v, %v, want ErrNotFound", id, p, err)
		}
	}
	if list, err := s.ListAppPasswords(t.Context(), "nobody"); err != nil || len(list) != 0 {
		t.Errorf("ListAppPasswords(nobody) = %v, %v, want none", list, err)
	}
	if keys, err := s.SigningKeys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("SigningKeys = %v, %v, want none", keys, err)
	}
}

func takesIDOnce(t *testing.T, s storage.Store) {
	first := Password("a1", "prometheus")
	create(t, s, first)
	if err := s.CreateAppPassword(t.Context(), Password("a1", "grafana")); !errors.Is(err, engine.ErrExists) {
		t.Errorf("a second app password with that ID: %v, want ErrExists", err)
	}
	all, err := s.ListAppPasswords(t.Context(), "")
	if err != nil || len(all) != 1 || all[0] != inUTC(first) {
		t.Errorf("ListAppPasswords = %v, %v, want the first alone", all, err)
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
		"creator not UTF8": change(func(p *engine.AppPassword) { p.CreatedBy = "\xff" }),
	} {
		if err := s.CreateAppPassword(t.Context(), p); !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	create(t, s, Password("a1", "prometheus"))
	if _, err := s.RevokeAppPassword(t.Context(), "a1", time.Time{}); !errors.Is(err, storage.ErrRecord) {
		t.Errorf("revoking at no time: %v, want ErrRecord", err)
	}
}

func revokesOnce(t *testing.T, s storage.Store) {
	kept := Password("a1", "prometheus")
	create(t, s, kept)
	want := inUTC(kept)
	want.RevokedAt = Moment().Add(time.Hour).UTC()
	for i, at := range []time.Time{Moment().Add(time.Hour), Moment().Add(2 * time.Hour), Moment()} {
		got, err := s.RevokeAppPassword(t.Context(), "a1", at)
		if err != nil || got != want {
			t.Errorf("revocation %d = %+v, %v, want %+v", i+1, got, err, want)
		}
	}
	if got, err := s.AppPassword(t.Context(), "a1"); err != nil || got != want {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, want)
	}
	if list, err := s.ListAppPasswords(t.Context(), "prometheus"); err != nil || len(list) != 1 || list[0] != want {
		t.Errorf("ListAppPasswords = %+v, %v, want one, revoked", list, err)
	}
}

// ids are those of a list, in its order.
func ids(list []engine.AppPassword) []string {
	var all []string
	for _, p := range list {
		all = append(all, p.ID)
	}
	return all
}

func listsInOrder(t *testing.T, s storage.Store) {
	at := func(id, account string, created time.Time) engine.AppPassword {
		p := Password(id, account)
		p.CreatedAt = created
		return p
	}
	early := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC) // before 1970, so that the seconds are negative
	create(t, s,
		at("7", "b", Moment()),
		at("3", "a", Moment().Add(time.Nanosecond)),
		at("2", "a", Moment()),
		at("1", "a", Moment()),
		at("4", "a", Moment().Add(time.Second)),
		at("9", "a", early),
		at("8", "a", time.Time{}),
		at("6", "ab", Moment()),
		at("5", "a-b", Moment()),
	)
	all, err := s.ListAppPasswords(t.Context(), "")
	if want := []string{"8", "9", "1", "2", "3", "4", "5", "6", "7"}; err != nil || !slices.Equal(ids(all), want) {
		t.Errorf("all = %v, %v, want %v", ids(all), err, want)
	}
	one, err := s.ListAppPasswords(t.Context(), "a")
	if want := []string{"8", "9", "1", "2", "3", "4"}; err != nil || !slices.Equal(ids(one), want) {
		t.Errorf("of a = %v, %v, want %v", ids(one), err, want)
	}
}

func listsOneAccount(t *testing.T, s storage.Store) {
	create(t, s, Password("1", "prom"), Password("2", "prometheus"), Password("3", "pro"), Password("4", "Prom"), Password("5", "zoo"))
	for account, want := range map[string][]string{"prom": {"1"}, "prometheus": {"2"}, "pr": nil, "zoo": {"5"}, "prom\x00": nil} {
		list, err := s.ListAppPasswords(t.Context(), account)
		if err != nil || !slices.Equal(ids(list), want) {
			t.Errorf("of %q = %v, %v, want %v", account, ids(list), err, want)
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
	if all, err := s.ListAppPasswords(t.Context(), ""); err != nil || len(all) != 1 {
		t.Errorf("ListAppPasswords = %v, %v, want one", all, err)
	}
}

func revokesOnceConcurrently(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	times := make([]time.Time, 16)
	_, errs := together(len(times), func(i int) error {
		p, err := s.RevokeAppPassword(t.Context(), "a1", Moment().Add(time.Duration(i)))
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
			_, err := s.RevokeAppPassword(t.Context(), id, Moment())
			return err
		}
		for range 50 {
			if p, err := s.AppPassword(t.Context(), "first"); err != nil || p != inUTC(Password("first", "prometheus")) {
				return fmt.Errorf("reading %+v: %w", p, err)
			}
			list, err := s.ListAppPasswords(t.Context(), "prometheus")
			if err != nil || len(list) < 1 {
				return fmt.Errorf("listing %d: %w", len(list), err)
			}
		}
		return nil
	})
	if len(errs) > 0 {
		t.Error(errs)
	}
	if list, err := s.ListAppPasswords(t.Context(), "prometheus"); err != nil || len(list) != 5 {
		t.Errorf("%d app passwords, %v, want 5", len(list), err)
	}
}

func heedsContext(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.CreateAppPassword(ctx, Password("a1", "prometheus")); err == nil {
		t.Error("creating under a cancelled context succeeded")
	}
	if all, err := s.ListAppPasswords(t.Context(), ""); err != nil || len(all) != 0 {
		t.Errorf("ListAppPasswords = %v, %v, want none", all, err)
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
}

func keepsSecretsOut(t *testing.T, s storage.Store) {
	const pasted = "m2md_x_thesecret"
	create(t, s, Password(pasted, "prometheus"))
	_, reading := s.AppPassword(t.Context(), pasted+"y")
	_, revoking := s.RevokeAppPassword(t.Context(), pasted+"y", Moment())
	for _, err := range []error{reading, revoking, s.CreateAppPassword(t.Context(), Password(pasted, "x"))} {
		if err == nil || strings.Contains(err.Error(), "thesecret") {
			t.Errorf("the error is %v", err)
		}
	}
}
