package storagetest

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

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
	p.CreatedAt, p.ExpiresAt, p.RevokedAt, p.RetiredAt = p.CreatedAt.UTC(), p.ExpiresAt.UTC(), p.RevokedAt.UTC(), p.RetiredAt.UTC()
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
	if err != nil || !same(got, inUTC(kept)) {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, inUTC(kept))
	}
}

func keepsBareAppPassword(t *testing.T, s storage.Store) {
	bare := engine.AppPassword{ID: "a1", Account: "x"}
	create(t, s, bare)
	got, err := s.AppPassword(t.Context(), "a1")
	if err != nil || !same(got, bare) {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, bare)
	}
}

func findsNothing(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	for _, id := range []string{"a2", "a", "a11", "", strings.Repeat("a", 1<<20), "\x00"} {
		if p, err := s.AppPassword(t.Context(), id); !errors.Is(err, engine.ErrNotFound) || !same(p, engine.AppPassword{}) {
			t.Errorf("AppPassword(%.10q) = %+v, %v, want ErrNotFound", id, p, err)
		}
		if p, err := engine.RevokeAppPassword(t.Context(), s, id, Moment()); !errors.Is(err, engine.ErrNotFound) || !same(p, engine.AppPassword{}) {
			t.Errorf("RevokeAppPassword(%.10q) = %+v, %v, want ErrNotFound", id, p, err)
		}
	}
	if all := list(t, s, "nobody"); len(all) != 0 {
		t.Errorf("the list of nobody is %v, want none", all)
	}
	if keys, err := s.SigningKeys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("SigningKeys = %v, %v, want none", keys, err)
	}
}

func revokesOnce(t *testing.T, s storage.Store) {
	kept := Password("a1", "prometheus")
	create(t, s, kept)
	want := inUTC(kept)
	want.RevokedAt = Moment().Add(time.Hour).UTC()
	for i, at := range []time.Time{Moment().Add(time.Hour), Moment().Add(2 * time.Hour), Moment()} {
		got, err := engine.RevokeAppPassword(t.Context(), s, "a1", at)
		if err != nil || !same(got, want) {
			t.Errorf("revocation %d = %+v, %v, want %+v", i+1, got, err, want)
		}
	}
	if got, err := s.AppPassword(t.Context(), "a1"); err != nil || !same(got, want) {
		t.Errorf("AppPassword = %+v, %v, want %+v", got, err, want)
	}
	if all := list(t, s, "prometheus"); len(all) != 1 || !same(all[0], want) {
		t.Errorf("the list is %+v, want one, revoked", all)
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
	if want := []string{"8", "9", "1", "2", "3", "4", "5", "6", "7"}; !slices.Equal(ids(list(t, s, "")), want) {
		t.Errorf("all = %v, want %v", ids(list(t, s, "")), want)
	}
	if want := []string{"8", "9", "1", "2", "3", "4"}; !slices.Equal(ids(list(t, s, "a")), want) {
		t.Errorf("of a = %v, want %v", ids(list(t, s, "a")), want)
	}
}

func listsOneAccount(t *testing.T, s storage.Store) {
	create(t, s, Password("1", "prom"), Password("2", "prometheus"), Password("3", "pro"), Password("4", "Prom"), Password("5", "zoo"))
	for account, want := range map[string][]string{"prom": {"1"}, "prometheus": {"2"}, "pr": nil, "zoo": {"5"}, "prom\x00": nil} {
		if got := ids(list(t, s, account)); !slices.Equal(got, want) {
			t.Errorf("of %q = %v, want %v", account, got, want)
		}
	}
}

// Brought is a whole app password of an account that was brought along, with
// all limits that there are.
func Brought(id, account string) engine.AppPassword {
	p := Password(id, account)
	p.Hash = [32]byte{}
	p.Brought = engine.PasswordHash{Cost: engine.DefaultHashCost(), Salt: [16]byte{1, 2}, Sum: [32]byte{3, 4}}
	p.Limits = engine.AppPasswordLimits{
		CIDRs:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		Providers: []string{"loki", "mimir"},
		Scopes:    []string{"logs:read"},
	}
	return p
}

// same compares app passwords, limits included.
func same(a, b engine.AppPassword) bool { return reflect.DeepEqual(a, b) }

// list is the whole list of an account, or of all for "".
func list(t *testing.T, s storage.Store, account string) []engine.AppPassword {
	t.Helper()
	var all []engine.AppPassword
	for entry, err := range engine.AllAppPasswords(t.Context(), s, account) {
		if err != nil || entry.Damaged {
			t.Fatalf("listing %q: %v, damaged = %t", account, err, entry.Damaged)
		}
		all = append(all, entry.AppPassword)
	}
	return all
}

func keepsLimits(t *testing.T, s storage.Store) {
	kept := Brought("a1", "prometheus")
	kept.RetiredAt, kept.Successor = Moment().Add(time.Minute), "a2"
	create(t, s, kept)
	want := inUTC(kept)
	want.Limits = kept.Limits.Clone()
	for range 2 { // the second round reads what the first may have spoilt
		got, err := s.AppPassword(t.Context(), "a1")
		if err != nil || !same(got, want) {
			t.Fatalf("AppPassword = %+v, %v, want %+v", got, err, want)
		}
		all := list(t, s, "prometheus")
		if len(all) != 1 || !same(all[0], want) {
			t.Fatalf("the list is %+v, want %+v", all, want)
		}
		for _, p := range []engine.AppPassword{kept, got, all[0]} {
			p.Limits.Providers[0], p.Limits.Scopes[0], p.Limits.CIDRs[0] = "spoilt", "spoilt", netip.Prefix{}
		}
	}
	bare := Password("a3", "prometheus")
	bare.Limits = engine.AppPasswordLimits{Scopes: []string{}} // says what nil says
	create(t, s, bare)
	if got, err := s.AppPassword(t.Context(), "a3"); err != nil || got.Limits.Scopes != nil {
		t.Errorf("AppPassword = %+v, %v, want no scopes", got, err)
	}
}

// change runs a change that must be kept.
func change(t *testing.T, s storage.Store, f func(tx engine.AppPasswordTx) error) {
	t.Helper()
	if err := s.ChangeAppPasswords(t.Context(), f); err != nil {
		t.Fatalf("ChangeAppPasswords: %v", err)
	}
}

func listsInPortions(t *testing.T, s storage.Store) {
	var made []engine.AppPassword
	for i := range 23 {
		p := Password(fmt.Sprintf("id-%02d", i), fmt.Sprint("account-", i%3))
		p.CreatedAt = p.CreatedAt.Add(time.Duration(i/6) * time.Second)
		made = append(made, p)
	}
	create(t, s, made...)
	for _, account := range []string{"", "account-1"} {
		want := ids(list(t, s, account))
		for size := 1; size < 25; size++ {
			var got []string
			q := engine.AppPasswordQuery{Account: account, Limit: size}
			for {
				portion, err := s.ListAppPasswords(t.Context(), q)
				if err != nil || len(portion) > size {
					t.Fatalf("%d of at most %d, %v", len(portion), size, err)
				}
				for _, entry := range portion {
					got, q.After = append(got, entry.ID), entry.AppPassword
				}
				if len(portion) < size {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("of %q in portions of %d: %v, want %v", account, size, got, want)
			}
		}
	}
	// A place whose app password is gone, and one before an account's first.
	gone := engine.AppPasswordQuery{Account: "account-1", After: engine.AppPassword{Account: "account-0", ID: "x", CreatedAt: Moment()}, Limit: 100}
	if portion, err := s.ListAppPasswords(t.Context(), gone); err != nil || len(portion) != len(list(t, s, "account-1")) {
		t.Errorf("behind another account: %d, %v", len(portion), err)
	}
}

func createsAllOrNone(t *testing.T, s storage.Store) {
	create(t, s, Password("a2", "prometheus"))
	err := s.CreateAppPassword(t.Context(), Password("a1", "prometheus"), Password("a2", "prometheus"), Password("a3", "prometheus"))
	if got := ids(list(t, s, "")); !errors.Is(err, engine.ErrExists) || !slices.Equal(got, []string{"a2"}) {
		t.Errorf("CreateAppPassword = %v, and there are %v; want ErrExists and a2 alone", err, got)
	}
	if err := s.CreateAppPassword(t.Context(), Password("a1", "x"), Password("a1", "x")); !errors.Is(err, engine.ErrExists) {
		t.Errorf("one ID twice at once: %v, want ErrExists", err)
	}
	if err := s.CreateAppPassword(t.Context(), Password("a4", "x"), engine.AppPassword{}); !errors.Is(err, storage.ErrRecord) {
		t.Errorf("one that cannot be kept: %v, want ErrRecord", err)
	}
	if err := s.CreateAppPassword(t.Context(), Password("a5", "x"), Password("a6", "y")); err != nil {
		t.Error(err)
	}
	if got := ids(list(t, s, "")); !slices.Equal(got, []string{"a2", "a5", "a6"}) {
		t.Errorf("there are %v", got)
	}
}

func changesAllOrNothing(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"), Password("a2", "prometheus"))
	before, counted := list(t, s, ""), count(t, s)
	failure := errors.New("changed my mind")
	err := s.ChangeAppPasswords(t.Context(), func(tx engine.AppPasswordTx) error {
		p, err := tx.AppPassword("a1")
		p.Label = "another"
		return cmp.Or(err, tx.Replace(p), tx.Delete("a2"), tx.Create(Password("a3", "x")), failure)
	})
	if err != failure {
		t.Errorf("ChangeAppPasswords = %v, want the error of the change as it is", err)
	}
	if got := list(t, s, ""); !reflect.DeepEqual(got, before) || !slices.Equal(count(t, s), counted) {
		t.Errorf("after a change that failed there are %v", got)
	}
}

func seesOwnChanges(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"), Brought("b1", "prometheus"))
	change(t, s, func(tx engine.AppPasswordTx) error {
		if err := cmp.Or(tx.Create(Password("a2", "prometheus")), tx.Create(Brought("b2", "prometheus")), tx.Delete("b1")); err != nil {
			return err
		}
		if _, err := tx.AppPassword("b1"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("the deleted one: %v, want ErrNotFound", err)
		}
		if err := tx.Delete("b1"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("deleting it again: %v, want ErrNotFound", err)
		}
		if p, err := tx.AppPassword("a2"); err != nil || p.Account != "prometheus" {
			t.Errorf("the new one: %+v, %v", p, err)
		}
		if err := tx.Create(Password("a2", "x")); !errors.Is(err, engine.ErrExists) {
			t.Errorf("creating it again: %v, want ErrExists", err)
		}
		n := 0
		err := tx.Each("prometheus", func(engine.AppPassword) error { n++; return nil })
		brought, broughtErr := tx.Brought("prometheus", Moment())
		if n != 3 || len(brought) != 1 || brought[0].ID != "b2" {
			t.Errorf("it counts %d and finds %v", n, ids(brought))
		}
		return cmp.Or(err, broughtErr)
	})
}

func refusesReplacement(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"))
	for name, f := range map[string]func(*engine.AppPassword){
		"another account":  func(p *engine.AppPassword) { p.Account = "grafana" },
		"another creation": func(p *engine.AppPassword) { p.CreatedAt = p.CreatedAt.Add(1) },
		"a bad label":      func(p *engine.AppPassword) { p.Label = "\xff" },
	} {
		err := s.ChangeAppPasswords(t.Context(), func(tx engine.AppPasswordTx) error {
			p, err := tx.AppPassword("a1")
			f(&p)
			return cmp.Or(err, tx.Replace(p))
		})
		if !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	err := s.ChangeAppPasswords(t.Context(), func(tx engine.AppPasswordTx) error { return tx.Replace(Password("a2", "prometheus")) })
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("one that is not there: %v, want ErrNotFound", err)
	}
}

func deletes(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"), Brought("b1", "prometheus"), Password("a2", "prometheus"))
	keepUses(t, s, "a1", Moment())
	if _, err := s.AppPassword(t.Context(), "a1"); err != nil {
		t.Fatal(err)
	}
	change(t, s, func(tx engine.AppPasswordTx) error { return cmp.Or(tx.Delete("a1"), tx.Delete("b1")) })
	if _, err := s.AppPassword(t.Context(), "a1"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("AppPassword = %v, want ErrNotFound", err)
	}
	if got := ids(list(t, s, "")); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("there are %v", got)
	}
	if brought, _, err := s.BroughtAppPasswords(t.Context(), "prometheus", Moment()); err != nil || len(brought) != 0 {
		t.Errorf("BroughtAppPasswords = %v, %v", ids(brought), err)
	}
	if soon := expiring(t, s, Moment(), 10); !slices.Equal(soon, []string{"a2"}) {
		t.Errorf("those that expire are %v", soon)
	}
	create(t, s, Password("a1", "grafana"))
	if entries := entries(t, s); len(entries) != 2 || entries[0].ID != "a1" || !entries[0].LastUse.At.IsZero() {
		t.Errorf("another one of its ID is %+v", entries)
	}
}

// count is all that is counted, as text: the accounts, and what has expired and
// will at a moment.
func count(t *testing.T, s storage.Store) []string {
	t.Helper()
	names, err := s.AppPasswordAccounts(t.Context(), "", 100)
	if err != nil {
		t.Fatalf("AppPasswordAccounts: %v", err)
	}
	var all []string
	for _, name := range append(names, "") {
		n, err := s.CountAppPasswords(t.Context(), name)
		if err != nil {
			t.Fatalf("CountAppPasswords(%q): %v", name, err)
		}
		all = append(all, fmt.Sprintf("%q %d+%d", name, n.Kept, n.Revoked))
	}
	expired, later, err := s.CountExpiries(t.Context(), Moment())
	if err != nil {
		t.Fatalf("CountExpiries: %v", err)
	}
	return append(all, fmt.Sprintf("%d expired, %d later", expired, later))
}

func counts(t *testing.T, s storage.Store) {
	check := func(step string, want ...string) {
		t.Helper()
		if got := count(t, s); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
	check("nothing", `"" 0+0`, "0 expired, 0 later")
	ends := func(id, account string, after time.Duration) engine.AppPassword {
		p := Password(id, account)
		p.ExpiresAt = Moment().Add(after)
		return p
	}
	never := Password("4", "a")
	never.ExpiresAt = time.Time{}
	create(t, s,
		ends("1", "a", 1), ends("2", "a", -100*time.Hour), ends("3", "a", 100*time.Hour), never, ends("5", "a", 0), // now is over
		ends("6", "b", -1), ends("7", "b", 29*time.Minute), ends("8", "b", 31*time.Minute), // the hour of Moment is half gone
	)
	check("made", `"a" 5+0`, `"b" 3+0`, `"" 8+0`, "3 expired, 4 later")
	for _, id := range []string{"1", "4", "4", "6"} { // the second time, nothing changes
		if _, err := engine.RevokeAppPassword(t.Context(), s, id, Moment()); err != nil {
			t.Fatal(err)
		}
	}
	check("revoked", `"a" 3+2`, `"b" 2+1`, `"" 5+3`, "2 expired, 3 later")
	change(t, s, func(tx engine.AppPasswordTx) error {
		p, err := tx.AppPassword("3")
		p.RetiredAt, p.Successor, p.ExpiresAt = Moment(), "5", Moment().Add(-time.Minute)
		return cmp.Or(err, tx.Replace(p), tx.Delete("6"), tx.Delete("7"), tx.Delete("8"))
	})
	check("changed and deleted", `"a" 3+2`, `"" 3+2`, "3 expired, 0 later")
}

func listsAccounts(t *testing.T, s storage.Store) {
	want := []string{"a", "a-b", "aa", "b", "zoo"}
	for i, name := range []string{"zoo", "a", "aa", "b", "a-b", "a"} {
		create(t, s, Password(fmt.Sprint("id-", i), name))
	}
	if _, err := engine.RevokeAppPassword(t.Context(), s, "id-3", Moment()); err != nil {
		t.Fatal(err)
	}
	for size := 1; size < 7; size++ {
		var got []string
		for after := ""; ; {
			names, err := s.AppPasswordAccounts(t.Context(), after, size)
			if err != nil || len(names) > size {
				t.Fatalf("%v of at most %d, %v", names, size, err)
			}
			got = append(got, names...)
			if len(names) < size {
				break
			}
			after = names[len(names)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("in portions of %d: %v, want %v", size, got, want)
		}
	}
}

// expiring are the IDs of those that expire at a time or after it.
func expiring(t *testing.T, s storage.Store, from time.Time, limit int) []string {
	t.Helper()
	found, err := s.ExpiringAppPasswords(t.Context(), engine.AppPassword{ExpiresAt: from}, limit)
	if err != nil {
		t.Fatalf("ExpiringAppPasswords: %v", err)
	}
	var all []string
	for _, entry := range found {
		all = append(all, entry.ID)
	}
	return all
}

func listsExpiring(t *testing.T, s storage.Store) {
	at := func(id string, after time.Duration) engine.AppPassword {
		p := Password(id, "prometheus")
		p.ExpiresAt = Moment().Add(after)
		return p
	}
	never := Password("never", "prometheus")
	never.ExpiresAt = time.Time{}
	create(t, s, at("late", time.Hour), at("soon", 1), at("soon too", 1), at("now", 0), at("past", -time.Hour), at("revoked", time.Minute), at("changed", 2*time.Hour), never)
	if _, err := engine.RevokeAppPassword(t.Context(), s, "revoked", Moment()); err != nil {
		t.Fatal(err)
	}
	change(t, s, func(tx engine.AppPasswordTx) error {
		p, err := tx.AppPassword("changed")
		p.ExpiresAt = Moment().Add(time.Minute)
		return cmp.Or(err, tx.Replace(p))
	})
	keepUses(t, s, "soon", Moment())
	if got := expiring(t, s, Moment(), 10); !slices.Equal(got, []string{"now", "soon", "soon too", "changed", "late"}) {
		t.Errorf("those that expire are %v", got)
	}
	if got := expiring(t, s, Moment().Add(-24*time.Hour), 3); !slices.Equal(got, []string{"past", "now", "soon"}) {
		t.Errorf("the first three from long ago are %v", got)
	}
	var found []engine.AppPasswordEntry
	after := engine.AppPassword{ExpiresAt: Moment().Add(1)}
	for range 4 { // one after the other, though two expire at once
		next, err := s.ExpiringAppPasswords(t.Context(), after, 1)
		if err != nil || len(next) != 1 {
			t.Fatalf("ExpiringAppPasswords = %+v, %v", next, err)
		}
		found, after = append(found, next[0]), next[0].AppPassword
	}
	if found[0].ID != "soon" || found[1].ID != "soon too" || found[3].ID != "late" || !found[0].LastUse.At.Equal(Moment()) || !found[1].LastUse.At.IsZero() {
		t.Errorf("one after the other they are %+v", found)
	}
}

func findsBrought(t *testing.T, s storage.Store) {
	brought := func(account string, now time.Time) (ids []string, anybody bool) {
		found, anybody, err := s.BroughtAppPasswords(t.Context(), account, now)
		if err != nil {
			t.Fatalf("BroughtAppPasswords(%.10q): %v", account, err)
		}
		for _, p := range found {
			ids = append(ids, p.ID)
		}
		return ids, anybody
	}
	create(t, s, Password("a1", "prometheus"))
	if ids, anybody := brought("prometheus", Moment()); ids != nil || anybody {
		t.Errorf("where nobody has one: %v, %t", ids, anybody)
	}
	at := func(id, account string, after time.Duration) engine.AppPassword {
		p := Brought(id, account)
		if p.ExpiresAt = Moment().Add(after); after == 0 {
			p.ExpiresAt = time.Time{}
		}
		return p
	}
	create(t, s, at("never", "prometheus", 0), at("late", "prometheus", time.Hour), at("soon", "prometheus", 1), at("past", "prometheus", -1), at("revoked", "prometheus", time.Hour), at("other", "prom", time.Hour))
	if _, err := engine.RevokeAppPassword(t.Context(), s, "revoked", Moment()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		account string
		now     time.Time
		want    []string
	}{
		{"prometheus", Moment(), []string{"soon", "late", "never"}},
		{"prometheus", Moment().Add(1), []string{"late", "never"}}, // expiry is exclusive
		{"prometheus", Moment().Add(100 * 365 * 24 * time.Hour), []string{"never"}},
		{"prom", Moment(), []string{"other"}},
		{"nobody", Moment(), nil},
		{"", Moment(), nil},
		{"prom\x00", Moment(), nil}, // what strangers send as a user name
		{strings.Repeat("a", 1<<20), Moment(), nil},
	} {
		if got, anybody := brought(tt.account, tt.now); !slices.Equal(got, tt.want) || !anybody {
			t.Errorf("of %.10q: %v, %t, want %v", tt.account, got, anybody, tt.want)
		}
	}
}

// entries is the whole list, with uses.
func entries(t *testing.T, s storage.Store) []engine.AppPasswordEntry {
	t.Helper()
	all, err := s.ListAppPasswords(t.Context(), engine.AppPasswordQuery{Limit: 100})
	if err != nil {
		t.Fatalf("ListAppPasswords: %v", err)
	}
	return all
}

func keepUses(t *testing.T, s storage.Store, id string, at time.Time) {
	t.Helper()
	use := engine.LastUse{At: at, From: netip.MustParseAddr("2001:db8::1"), Provider: "loki"}
	if err := s.KeepAppPasswordUses(t.Context(), []engine.AppPasswordUse{{ID: id, LastUse: use}}); err != nil {
		t.Fatalf("KeepAppPasswordUses: %v", err)
	}
}

func keepsUses(t *testing.T, s storage.Store) {
	create(t, s, Password("a1", "prometheus"), Password("a2", "prometheus"))
	err := s.KeepAppPasswordUses(t.Context(), []engine.AppPasswordUse{
		{ID: "a1", LastUse: engine.LastUse{At: Moment(), From: netip.MustParseAddr("10.0.0.1"), Provider: "loki"}},
		{ID: "gone", LastUse: engine.LastUse{At: Moment()}}, // deleted since
		{ID: "a2", LastUse: engine.LastUse{}},               // no use at all
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(step string, want engine.LastUse) {
		t.Helper()
		all := entries(t, s)
		if len(all) != 2 || all[0].LastUse != want || all[1].LastUse != (engine.LastUse{}) {
			t.Errorf("%s: %+v, want %+v and none", step, all, want)
		}
	}
	first := engine.LastUse{At: Moment().UTC(), From: netip.MustParseAddr("10.0.0.1"), Provider: "loki"}
	check("kept", first)
	keepUses(t, s, "a1", Moment().Add(-time.Hour))
	check("an earlier one", first)
	keepUses(t, s, "a1", Moment().Add(time.Hour))
	later := engine.LastUse{At: Moment().Add(time.Hour).UTC(), From: netip.MustParseAddr("2001:db8::1"), Provider: "loki"}
	check("a later one", later)
	if _, err := engine.RevokeAppPassword(t.Context(), s, "a1", Moment()); err != nil {
		t.Fatal(err)
	}
	check("revoked since", later)
}

// Each takes the lowest number that is free; none must take one twice.
func changesConcurrently(t *testing.T, s storage.Store) {
	const n = 12
	_, errs := together(n, func(int) error {
		return s.ChangeAppPasswords(t.Context(), func(tx engine.AppPasswordTx) error {
			taken := 0
			if err := tx.Each("prometheus", func(engine.AppPassword) error { taken++; return nil }); err != nil {
				return err
			}
			return tx.Create(Password(fmt.Sprintf("id-%02d", taken), "prometheus"))
		})
	})
	if len(errs) > 0 {
		t.Error(errs)
	}
	if all := list(t, s, "prometheus"); len(all) != n || all[n-1].ID != fmt.Sprintf("id-%02d", n-1) {
		t.Errorf("there are %v", ids(all))
	}
}
