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

// Revocation is a whole revocation.
func Revocation(kind engine.Kind, name string) engine.Revocation {
	r := engine.Revocation{Kind: kind, Name: name, Until: Moment().Add(24 * time.Hour), At: Moment(), By: "uid 1000 <Zoë>"}
	if kind != engine.KindToken {
		r.IssuedUntil = Moment()
	}
	return r
}

// revocationInUTC is r as it comes back.
func revocationInUTC(r engine.Revocation) engine.Revocation {
	r.IssuedUntil, r.Until, r.At = r.IssuedUntil.UTC(), r.Until.UTC(), r.At.UTC()
	return r
}

func keepRevocations(t *testing.T, s storage.Store, all ...engine.Revocation) {
	t.Helper()
	for _, r := range all {
		if err := s.KeepRevocation(t.Context(), r); err != nil {
			t.Fatalf("KeepRevocation: %v", err)
		}
	}
}

// wantRevocations wants these to be kept, in this order, and no others.
func wantRevocations(t *testing.T, s storage.Store, want ...engine.Revocation) {
	t.Helper()
	var got []engine.Revocation
	err := s.Revocations(t.Context(), func(r engine.Revocation) { got = append(got, r) })
	for i, r := range want {
		want[i] = revocationInUTC(r)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Revocations = %+v, %v, want %+v", got, err, want)
	}
}

func keepsRevocations(t *testing.T, s storage.Store) {
	wantRevocations(t, s)
	token, bare := Revocation(engine.KindToken, "b-_1"), engine.Revocation{Kind: engine.KindToken, Name: "a"}
	account, source := Revocation(engine.KindServiceAccount, "ci"), Revocation(engine.KindOAuthSource, "ci")
	certificate, provider := Revocation(engine.KindCertificate, "partner"), Revocation(engine.KindProvider, "ci")
	keepRevocations(t, s, token, certificate, account, provider, source, bare)
	wantRevocations(t, s, source, provider, account, bare, token, certificate)
}

func replacesRevocations(t *testing.T, s storage.Store) {
	first, other := Revocation(engine.KindProvider, "loki"), Revocation(engine.KindProvider, "lok")
	later := first
	later.IssuedUntil, later.Until, later.By = later.IssuedUntil.Add(time.Hour), later.Until.Add(time.Hour), ""
	keepRevocations(t, s, first, other, later)
	wantRevocations(t, s, other, later)
}

func forgetsRevocations(t *testing.T, s storage.Store) {
	if err := s.ForgetRevocations(t.Context(), Moment()); err != nil {
		t.Errorf("forgetting where there is nothing: %v", err)
	}
	long, account := Revocation(engine.KindToken, "long"), Revocation(engine.KindServiceAccount, "ci")
	long.Until = long.Until.Add(time.Nanosecond)
	keepRevocations(t, s, long, account)
	short := make([]engine.Revocation, 20)
	for i := range short {
		short[i] = Revocation(engine.KindToken, fmt.Sprintf("short-%02d", i))
	}
	keepRevocations(t, s, short...)
	if err := s.ForgetRevocations(t.Context(), account.Until.Add(-time.Nanosecond)); err != nil {
		t.Fatal(err)
	}
	wantRevocations(t, s, append([]engine.Revocation{account, long}, short...)...)
	if err := s.ForgetRevocations(t.Context(), account.Until); err != nil {
		t.Fatal(err)
	}
	wantRevocations(t, s, long)
}

func refusesRevocations(t *testing.T, s storage.Store) {
	change := func(f func(*engine.Revocation)) engine.Revocation {
		r := Revocation(engine.KindProvider, "loki")
		f(&r)
		return r
	}
	for name, r := range map[string]engine.Revocation{
		"no kind":           change(func(r *engine.Revocation) { r.Kind = "" }),
		"a kind of its own": change(func(r *engine.Revocation) { r.Kind = engine.KindPolicy }),
		"no name":           change(func(r *engine.Revocation) { r.Name = "" }),
		"a NUL in it":       change(func(r *engine.Revocation) { r.Name = "a\x00b" }),
		"an endless name":   change(func(r *engine.Revocation) { r.Name = strings.Repeat("a", 256) }),
		"not UTF-8":         change(func(r *engine.Revocation) { r.By = "\xff" }),
		"far future":        change(func(r *engine.Revocation) { r.Until = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		"distant past":      change(func(r *engine.Revocation) { r.IssuedUntil = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC) }),
	} {
		if err := s.KeepRevocation(t.Context(), r); !errors.Is(err, storage.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", name, err)
		}
	}
	wantRevocations(t, s)
}

func revokesTogether(t *testing.T, s storage.Store) {
	var want []engine.Revocation
	for i := range 16 {
		want = append(want, Revocation(engine.KindToken, fmt.Sprintf("token-%02d", i)))
	}
	if _, errs := together(len(want), func(i int) error { return s.KeepRevocation(t.Context(), want[i]) }); len(errs) > 0 {
		t.Fatal(errs)
	}
	wantRevocations(t, s, want...)
}

func closesRevocations(t *testing.T, s storage.Store) {
	keepRevocations(t, s, Revocation(engine.KindToken, "a"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Revocations(t.Context(), func(r engine.Revocation) { t.Errorf("after Close there is %+v", r) }); err == nil {
		t.Error("reading revocations after Close succeeded")
	}
	if err := s.KeepRevocation(t.Context(), Revocation(engine.KindToken, "b")); err == nil {
		t.Error("keeping a revocation after Close succeeded")
	}
	if err := s.ForgetRevocations(t.Context(), Moment()); err == nil {
		t.Error("forgetting revocations after Close succeeded")
	}
}
