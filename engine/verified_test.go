package engine_test

import (
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// That a token was verified before spares its signature, and nothing else.
func TestATokenThatWasSeenBeforeIsJudgedAnew(t *testing.T) {
	d := newDaemon(t)
	key, next := enginetest.NewKey(t, "k", "RS256"), enginetest.NewKey(t, "k", "RS256")
	spec := func(change func(*engine.OAuthSource)) engine.Spec {
		s := oneAccess("oauth_source.gh")
		source := github("gh", key)
		change(&source)
		s.Sources = []engine.OAuthSource{source}
		return s
	}
	same := func(*engine.OAuthSource) {}
	jwt := key.Mint(enginetest.GitHubClaims(d.Clock.Now(), audience))
	seen := func() {
		d.Serve(t, spec(same))
		accepted(t, d, jwt)
		accepted(t, d, jwt)
	}
	tests := []struct {
		name   string
		change func(*engine.OAuthSource)
		after  time.Duration
		reason string
	}{
		{"its key was replaced by another of the same name", func(s *engine.OAuthSource) { s.JWKS.Content = engine.Secret(enginetest.JWKS(next)) }, 0, "verifies the JWT"},
		{"its key was pinned to another algorithm", func(s *engine.OAuthSource) {
			pinned := *key
			pinned.Algorithm = "PS256"
			s.JWKS.Content = engine.Secret(enginetest.JWKS(&pinned))
		}, 0, "verifies the JWT"},
		{"its audience is no longer accepted", func(s *engine.OAuthSource) { s.Audiences = []string{"x"} }, 0, "audience"},
		{"its issuer is another now", func(s *engine.OAuthSource) { s.Issuer = "https://ghes.example/_services/token" }, 0, "whose issuer is"},
		{"its claims no longer do", func(s *engine.OAuthSource) { s.Require = enginetest.Require(map[string]any{"ref": "x"}) }, 0, "require_claims"},
		{"it has expired", same, 24 * time.Hour, "it expired at"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen()
			d.Serve(t, spec(tt.change))
			d.Clock.Advance(tt.after)
			defer d.Clock.Advance(-tt.after)
			refused(t, d, jwt, tt.reason)
			refused(t, d, jwt, tt.reason)
		})
	}
	t.Run("its signature was changed", func(t *testing.T) {
		seen()
		changed := []byte(jwt)
		if i := len(changed) - 10; changed[i] == 'A' {
			changed[i] = 'B'
		} else {
			changed[i] = 'A'
		}
		refused(t, d, string(changed), "verifies the JWT")
	})
}
