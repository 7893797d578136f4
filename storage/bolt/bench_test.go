package bolt

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage/storagetest"
)

// filled makes a storage with n app passwords, ten an account.
func filled(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "m2md.db")
	s, err := Open(Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	// Nodes split only at the end of a transaction, so that a huge one is slow.
	const portion = 10_000
	s.db.NoSync = true
	for from := 0; from < n && err == nil; from += portion {
		var some []engine.AppPassword
		for i := from; i < min(from+portion, n); i++ {
			some = append(some, storagetest.Password(benchID(i), fmt.Sprintf("account-%06d", i/10)))
		}
		err = s.CreateAppPassword(b.Context(), some...)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchID(i int) string { return fmt.Sprintf("%012x", i*2654435761) }

var sizes = []int{1_000, 100_000}

// BenchmarkAppPassword is the read that each request with an app password makes.
func BenchmarkAppPassword(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Open(Options{Path: filled(b, n)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				if _, err := s.AppPassword(b.Context(), benchID(i)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkListAppPasswords lists one account of ten.
func BenchmarkListAppPasswords(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, err := Open(Options{Path: filled(b, n)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				list, err := s.ListAppPasswords(b.Context(), engine.AppPasswordQuery{Account: "account-000042", Limit: 100})
				if err != nil || len(list) != 10 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}

// BenchmarkOpen opens a storage and closes it.
func BenchmarkOpen(b *testing.B) {
	for _, n := range append(sizes, 1_000_000) {
		if testing.Short() && n > 100_000 {
			continue
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := filled(b, n)
			for b.Loop() {
				s, err := Open(Options{Path: path})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCreateAppPassword is dominated by the disk: each one is synced.
func BenchmarkCreateAppPassword(b *testing.B) {
	s, err := Open(Options{Path: filled(b, 1_000)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	i := 0
	for b.Loop() {
		i++
		if err := s.CreateAppPassword(b.Context(), storagetest.Password(fmt.Sprint("new-", i), "prometheus")); err != nil {
			b.Fatal(err)
		}
	}
}
