package jwks_test

import (
	"cmp"
	"crypto"
	"crypto/elliptic"
	"fmt"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/jwks"
)

func key(t testing.TB, id, alg string, pub crypto.PublicKey) jwks.Key {
	t.Helper()
	k, err := jwks.NewKey(id, alg, pub)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheKidNarrowsWhichKeysAreTried(t *testing.T) {
	p256, ed := ecKey(elliptic.P256()), edKey()
	full := jwks.NewSet([]jwks.Key{
		key(t, "r1", "", rsaKey()),
		key(t, "e1", "", p256),
		key(t, "both", "", ecKey(elliptic.P256())),
		key(t, "both", "", rsaKey()), // one kid, two keys: RFC 7517 §4.5 allows it
		key(t, "", "", ed),
		key(t, "", "PS256", rsaKey()),
	})
	named := jwks.NewSet([]jwks.Key{key(t, "e1", "", p256)})
	tests := []struct {
		name     string
		set      *jwks.Set
		kid, alg string
		want     string // kids, "-" for a key without
	}{
		{"its own kid", full, "e1", "ES256", "e1"},
		{"a kid whose key does not allow the alg", full, "e1", "RS256", ""},
		{"a kid of two keys", full, "both", "RS256", "both"},
		{"a kid of two keys, the other", full, "both", "ES256", "both"},
		{"a kid that no key has falls to those without", full, "other", "EdDSA", "-"},
		{"a pinned key is tried for its alg", full, "other", "PS256", "-"},
		{"and for no other", full, "other", "RS256", ""},
		{"a kid that no key has, where all have one", named, "other", "ES256", ""},
		{"no kid", full, "", "RS256", "r1 both"},
		{"no kid, pinned ones too", full, "", "PS256", "r1 both -"},
		{"no kid, named ones too", named, "", "ES256", "e1"},
		{"none", full, "", "none", ""},
		{"HMAC with a kid", full, "r1", "HS256", ""},
		{"an empty set", jwks.NewSet(nil), "", "ES256", ""},
		{"no set", nil, "", "ES256", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, k := range tt.set.Candidates(tt.kid, tt.alg) {
				if !k.Allows(tt.alg) {
					t.Errorf("key %q does not allow %s", k.ID, tt.alg)
				}
				got = append(got, cmp.Or(k.ID, "-"))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("candidates are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestASetFullOfOneKidMakesNoTokenDear(t *testing.T) {
	keys := make([]jwks.Key, 500)
	pub := edKey()
	for i := range keys {
		keys[i] = key(t, "same", "", pub)
	}
	s := jwks.NewSet(keys)
	for _, kid := range []string{"same", ""} {
		if n := len(s.Candidates(kid, "EdDSA")); n != jwks.MaxCandidates {
			t.Errorf("%d candidates for kid %q, want %d", n, kid, jwks.MaxCandidates)
		}
	}
	if len(s.Keys()) != 500 {
		t.Errorf("the set has %d keys", len(s.Keys()))
	}
}

func TestASetKeepsItsKeysWhateverTheCallerDoes(t *testing.T) {
	keys := []jwks.Key{key(t, "a", "", edKey())}
	s := jwks.NewSet(keys)
	keys[0] = key(t, "b", "", edKey())
	if got, err := s.Set(t.Context(), "b"); err != nil || got != s || s.Has("b") || !s.Has("a") || kids(s.Keys()) != "a" {
		t.Errorf("the set holds %q", kids(s.Keys()))
	}
}

func BenchmarkCandidates(b *testing.B) {
	for _, n := range []int{2, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var keys []jwks.Key
			for i := range n {
				keys = append(keys, key(b, fmt.Sprintf("0f1e2d3c4b5a-%d", i), "RS256", rsaKey()))
			}
			s := jwks.NewSet(keys)
			b.ReportAllocs()
			for b.Loop() {
				if len(s.Candidates("0f1e2d3c4b5a-1", "RS256")) != 1 {
					b.Fatal("not found")
				}
			}
		})
	}
}
