package bolt

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/storagetest"
)

// revokedTokens makes a storage with n revoked tokens.
func revokedTokens(t testing.TB, n int) *Store {
	t.Helper()
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "m2md.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	err = s.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(revocationBucket)
		for i := 0; i < n && err == nil; i++ {
			var record []byte
			name := fmt.Sprintf("%022x", i*2654435761)
			if record, err = storage.EncodeRevocation(storagetest.Revocation(engine.KindToken, name)); err == nil {
				err = bucket.Put([]byte("token\x00"+name), record)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMoreRevocationsAreForgottenThanOneWriteTakes(t *testing.T) {
	s := revokedTokens(t, 2*forgetTogether+500)
	count := func() (n int) {
		if err := s.Revocations(t.Context(), func(engine.Revocation) { n++ }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 2*forgetTogether+500 {
		t.Fatalf("%d revocations", n)
	}
	if err := s.ForgetRevocations(t.Context(), storagetest.Revocation(engine.KindToken, "").Until); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d revocations are left", n)
	}
}

// What cannot be read may be what keeps a token out, so nothing goes on without it.
func TestADamagedRevocationIsTold(t *testing.T) {
	s := revokedTokens(t, 3)
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(revocationBucket).Put([]byte("token\x00x"), []byte("1\x00token\x00x"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revocations(t.Context(), func(engine.Revocation) {}); !errors.Is(err, storage.ErrRecord) {
		t.Errorf("Revocations: %v, want ErrRecord", err)
	}
	if err := s.ForgetRevocations(t.Context(), time.Now()); !errors.Is(err, storage.ErrRecord) {
		t.Errorf("ForgetRevocations: %v, want ErrRecord", err)
	}
}

// BenchmarkRevocations is what a start reads.
func BenchmarkRevocations(b *testing.B) {
	s := revokedTokens(b, engine.MaxRevokedTokens)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := s.Revocations(b.Context(), func(engine.Revocation) { n++ }); err != nil || n != engine.MaxRevokedTokens {
			b.Fatal(n, err)
		}
	}
}
