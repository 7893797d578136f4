package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
)

// Key is a whole signing key.
func Key(name, id string, created time.Time) engine.StoredKey {
	return engine.StoredKey{
		Name: name, ID: id, Algorithm: "ES256", PKCS8: []byte("\x00private\xff" + id), Sealed: "0123456789abcdef", Serial: 7,
		CreatedAt: created, ActivatesAt: created.Add(time.Hour), SupersededAt: created.Add(2 * time.Hour),
		Uses: []engine.KeyUse{{Provider: "loki", Longest: 15 * time.Minute, Until: created.Add(3 * time.Hour)}, {Provider: "", Longest: time.Second}},
	}
}

// changeKeys keeps and removes keys.
func changeKeys(t *testing.T, s storage.Store, put []engine.StoredKey, drop ...string) {
	t.Helper()
	if err := s.ChangeSigningKeys(t.Context(), put, drop); err != nil {
		t.Fatalf("ChangeSigningKeys: %v", err)
	}
}

// wantKeys wants the keys to be these, in this order.
func wantKeys(t *testing.T, s storage.Store, want ...engine.StoredKey) {
	t.Helper()
	got, err := s.SigningKeys(t.Context())
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) && len(got)+len(want) > 0 {
		t.Errorf("SigningKeys = %v, %v\nwant %v", got, err, want)
	}
}

func keepsSigningKeys(t *testing.T, s storage.Store) {
	bare := engine.StoredKey{ID: "k5", Algorithm: "EdDSA", PKCS8: []byte("x")}
	want := []engine.StoredKey{
		bare,
		Key("", "k3", Moment().UTC()),
		Key("main", "k2", Moment().UTC()),
		Key("main", "k1", Moment().Add(time.Nanosecond).UTC()),
		Key("main", "k4", Moment().Add(time.Nanosecond).UTC()),
		Key("spare", "k0", Moment().UTC()),
	}
	for _, i := range []int{4, 3, 1, 0} {
		changeKeys(t, s, []engine.StoredKey{want[i]})
	}
	changeKeys(t, s, []engine.StoredKey{want[5], want[2]})
	wantKeys(t, s, want...)
}

func replacesSigningKeys(t *testing.T, s storage.Store) {
	changeKeys(t, s, []engine.StoredKey{Key("main", "k1", Moment().UTC()), Key("main", "k2", Moment().UTC())})
	changed := Key("main", "k1", Moment().UTC())
	changed.SupersededAt, changed.Uses = time.Time{}, nil
	changeKeys(t, s, []engine.StoredKey{changed})
	wantKeys(t, s, changed, Key("main", "k2", Moment().UTC()))
}

func dropsSigningKeys(t *testing.T, s storage.Store) {
	changeKeys(t, s, []engine.StoredKey{Key("main", "k1", Moment().UTC()), Key("main", "k2", Moment().UTC())})
	changeKeys(t, s, []engine.StoredKey{Key("other", "k3", Moment().UTC())}, "k1", "k9", "")
	wantKeys(t, s, Key("main", "k2", Moment().UTC()), Key("other", "k3", Moment().UTC()))
	changeKeys(t, s, nil, "k2", "k3")
	wantKeys(t, s)
}

func changesKeysAtOnce(t *testing.T, s storage.Store) {
	changeKeys(t, s, []engine.StoredKey{Key("main", "k1", Moment().UTC())})
	bad := Key("main", "k3", Moment())
	bad.PKCS8 = nil
	if err := s.ChangeSigningKeys(t.Context(), []engine.StoredKey{Key("main", "k2", Moment()), bad}, []string{"k1"}); !errors.Is(err, storage.ErrRecord) {
		t.Errorf("ChangeSigningKeys = %v, want ErrRecord", err)
	}
	wantKeys(t, s, Key("main", "k1", Moment().UTC()))
}

func refusesSigningKeys(t *testing.T, s storage.Store) {
	change := func(f func(*engine.StoredKey)) engine.StoredKey {
		k := Key("main", "k1", Moment())
		f(&k)
		return k
	}
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, k := range map[string]engine.StoredKey{
		"no ID":              change(func(k *engine.StoredKey) { k.ID = "" }),
		"no algorithm":       change(func(k *engine.StoredKey) { k.Algorithm = "" }),
		"no private key":     change(func(k *engine.StoredKey) { k.PKCS8 = nil }),
		"a huge private key": change(func(k *engine.StoredKey) { k.PKCS8 = make([]byte, 1<<20) }),
		"far future":         change(func(k *engine.StoredKey) { k.ActivatesAt = late }),
		"superseded never":   change(func(k *engine.StoredKey) { k.SupersededAt = late }),
		"used for ever":      change(func(k *engine.StoredKey) { k.Uses[0].Until = late }),
		"half a second":      change(func(k *engine.StoredKey) { k.Uses[0].Longest = time.Second / 2 }),
		"less than nothing":  change(func(k *engine.StoredKey) { k.Uses[0].Longest = -time.Second }),
		"provider not UTF-8": change(func(k *engine.StoredKey) { k.Uses[0].Provider = "\xff" }),
		"name not UTF-8":     change(func(k *engine.StoredKey) { k.Name = "\xff" }),
		"endless encryption": change(func(k *engine.StoredKey) { k.Sealed = strings.Repeat("x", 5000) }),
	} {
		if err := s.ChangeSigningKeys(t.Context(), []engine.StoredKey{k}, nil); !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	wantKeys(t, s)
}

func aliasesNoSigningKey(t *testing.T, s storage.Store) {
	mine := Key("main", "k1", Moment().UTC())
	changeKeys(t, s, []engine.StoredKey{mine})
	for range 2 { // the second round reads what the first may have spoilt
		clear(mine.PKCS8)
		clear(mine.Uses)
		wantKeys(t, s, Key("main", "k1", Moment().UTC()))
		keys, err := s.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mine = keys[0]
	}
}

func scrubs(t *testing.T, s storage.Store) {
	keys := []engine.StoredKey{Key("main", "k1", Moment().UTC()), Key("main", "k2", Moment().UTC()), Key("main", "k3", Moment().UTC())}
	changeKeys(t, s, keys)
	changeKeys(t, s, nil, "k2")
	create(t, s, Password("a1", "prometheus"))
	for range 2 {
		if err := s.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantKeys(t, s, slices.Delete(keys, 1, 2)...)
	if got, err := s.AppPassword(t.Context(), "a1"); err != nil || !same(got, inUTC(Password("a1", "prometheus"))) {
		t.Errorf("AppPassword = %+v, %v", got, err)
	}
	changeKeys(t, s, []engine.StoredKey{Key("main", "k2", Moment().UTC())}) // what was scrubbed is used again
	wantKeys(t, s, Key("main", "k1", Moment().UTC()), Key("main", "k2", Moment().UTC()), Key("main", "k3", Moment().UTC()))
}
