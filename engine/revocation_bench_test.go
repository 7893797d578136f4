package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
)

// heavily has that many tokens revoked, and all of another account and provider.
func heavily(b *testing.B, all *engine.Revocations, tokens int) {
	b.Helper()
	for i := range tokens {
		if _, err := all.Revoke(b.Context(), engine.Revocation{Kind: engine.KindToken, Name: fmt.Sprintf("%022x", i)}); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range []engine.Kind{engine.KindServiceAccount, engine.KindProvider} {
		if _, err := all.Revoke(b.Context(), engine.Revocation{Kind: kind, Name: "other"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGuardRememberedWhileOthersAreRevoked is BenchmarkGuardRemembered where
// there is something to look through.
func BenchmarkGuardRememberedWhileOthersAreRevoked(b *testing.B) {
	for _, n := range []int{1, 1_000, engine.MaxRevokedTokens} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d, _, token := guardedEngine(b)
			heavily(b, d.Deps.Revocations, n)
			e := d.Live.Load()
			req := engine.GuardRequest{Provider: "p", Credential: engine.Credential{Bearer: token}}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Guard(b.Context(), engine.Caller{RequestID: "r"}, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRevokeOneMore revokes a token where many are, storage aside.
func BenchmarkRevokeOneMore(b *testing.B) {
	for _, n := range []int{1, engine.MaxRevokedTokens / 2} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newBenchDaemon(b)
			heavily(b, d.Deps.Revocations, n)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				// The same ones again and again, each until a little later.
				one := engine.Revocation{Kind: engine.KindToken, Name: fmt.Sprint("t", i%1000), Until: d.Clock.Now().Add(time.Duration(1000+i/1000) * time.Second)}
				if _, err := d.Deps.Revocations.Revoke(b.Context(), one); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenRevocations is what a start does beside reading the storage.
func BenchmarkOpenRevocations(b *testing.B) {
	store, clock := filledRevocations(b, engine.MaxRevokedTokens)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := engine.OpenRevocations(b.Context(), store, clock.Now); err != nil {
			b.Fatal(err)
		}
	}
}
