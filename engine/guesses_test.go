package engine_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

func addressed(addr string) engine.Caller {
	return engine.Caller{RequestID: "r", HTTP: engine.PolicyHTTP{Door: "token", ClientIP: netip.MustParseAddr(addr)}}
}

// forged are JWTs that nobody signed, each another one.
func forged(key *enginetest.Key, claims map[string]any, i int) string {
	return key.Mint(enginetest.With(claims, map[string]any{"jti": fmt.Sprint(i)}))
}

func TestAFloodOfForgedTokensIsRefusedBeforeTheyAreTried(t *testing.T) {
	d := newDaemon(t)
	key, attacker := enginetest.NewKey(t, "k", "ES256"), enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh", "service_account.ci")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	live := d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	seen := key.Mint(claims)
	password := d.Password(t, "ci", nil)
	ask := func(from, secret string) error {
		_, err := live.Token(t.Context(), addressed(from), client("p", secret))
		return err
	}
	if err := ask("192.0.2.1", seen); err != nil {
		t.Fatal(err)
	}
	limited := 0
	for i := range 3000 {
		var refusal *engine.Refusal
		if err := ask("192.0.2.1", forged(attacker, claims, i)); !errors.As(err, &refusal) {
			t.Fatalf("got %v", err)
		}
		if refusal.Public.Status == 429 {
			limited++
			if refusal.Public.Code != oauth2.TemporarilyUnavailable || d.Audit.Last(t).Outcome != engine.Denied {
				t.Fatalf("got %v", refusal.Public)
			}
		}
	}
	if limited < 500 {
		t.Fatalf("%d of 3,000 were refused untried", limited)
	}
	// Whoever shares the address keeps what cannot be guessed, and what was
	// seen to hold; other addresses have nothing to do with it.
	for name, err := range map[string]error{
		"an app password of the same address": ask("192.0.2.1", password),
		"a JWT that was seen before":          ask("192.0.2.1", seen),
		"a new JWT of another address":        ask("192.0.2.2", forged(key, claims, 1)),
	} {
		if err != nil {
			t.Errorf("%s: %s", name, err)
		}
	}
	d.Clock.Advance(time.Second)
	if err := ask("192.0.2.1", forged(key, claims, 2)); err != nil {
		t.Errorf("a new JWT of the same address, a second later: %s", err)
	}
}

// A broken machine that shows its expired token again and again takes nothing
// from those that share its address.
func TestTokensThatHaveExpiredAreNoGuesses(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	live := d.Serve(t, spec)
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	expired := key.Mint(enginetest.With(claims, map[string]any{"exp": d.Clock.Now().Add(-time.Hour).Unix()}))
	for range 1500 {
		if _, err := live.Token(t.Context(), addressed("192.0.2.1"), client("p", expired)); err == nil || strings.Contains(err.Error(), "too many") {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := live.Token(t.Context(), addressed("192.0.2.1"), client("p", key.Mint(claims))); err != nil {
		t.Error(err)
	}
}
