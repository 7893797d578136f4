package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// A source may ask more, or a little less, of the times than holds for all.
func TestWhatASourceAsksOfTheTimes(t *testing.T) {
	key := enginetest.NewKey(t, "k1", "ES256")
	tests := []struct {
		name            string
		leeway, maxAge  time.Duration
		exp, nbf, iat   time.Duration // from now
		withoutIssuedAt bool
		reason          string // "" where it is accepted
	}{
		{"expired within the leeway", 30 * time.Second, 0, -25 * time.Second, 0, 0, false, ""},
		{"expired by the leeway", 30 * time.Second, 0, -30 * time.Second, 0, 0, false, "it expired at"},
		{"not yet valid, within the leeway", 30 * time.Second, 0, time.Hour, 30 * time.Second, 0, false, ""},
		{"not yet valid, beyond the leeway", 30 * time.Second, 0, time.Hour, 35 * time.Second, 0, false, "not valid before"},
		{"as old as allowed", 0, time.Minute, time.Hour, 0, -55 * time.Second, false, ""},
		{"older than allowed", 0, time.Minute, time.Hour, 0, -61 * time.Second, false, "longer ago than max_token_age"},
		{"older than allowed, within the leeway", 10 * time.Second, time.Minute, time.Hour, 0, -65 * time.Second, false, ""},
		{"an age that nobody knows", 0, time.Minute, time.Hour, 0, 0, true, `"iat" is missing`},
		{"an age that nobody asks for", 0, 0, time.Hour, 0, 0, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDaemon(t)
			spec := oneAccess("oauth_source.gh")
			source := github("gh", key)
			source.Leeway, source.MaxTokenAge = tt.leeway, tt.maxAge
			spec.Sources = []engine.OAuthSource{source}
			d.Serve(t, spec)
			now := d.Clock.Now()
			claims := enginetest.With(enginetest.GitHubClaims(now, audience), map[string]any{
				"exp": now.Add(tt.exp).Unix(), "nbf": now.Add(tt.nbf).Unix(), "iat": now.Add(tt.iat).Unix(),
			})
			if tt.withoutIssuedAt {
				delete(claims, "iat")
			}
			if tt.reason == "" {
				accepted(t, d, key.Mint(claims))
			} else {
				refused(t, d, key.Mint(claims), tt.reason)
			}
		})
	}
}

// single is a source whose tokens are taken once, and a token of it.
func single(t *testing.T, d *enginetest.Daemon, changes map[string]any) (spec engine.Spec, jwt string) {
	key := enginetest.NewKey(t, "k1", "ES256")
	spec = oneAccess("oauth_source.gh")
	source := github("gh", key)
	source.UseOnce = true
	spec.Sources = []engine.OAuthSource{source}
	return spec, key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), changes))
}

func TestATokenThatIsTakenOnce(t *testing.T) {
	d := newDaemon(t)
	spec, jwt := single(t, d, nil)
	d.Serve(t, spec)
	accepted(t, d, jwt)
	refused(t, d, jwt, "it was used before")
	d.Serve(t, spec) // a reload forgets nothing
	refused(t, d, jwt, "it was used before")

	t.Run("one for each provider", func(t *testing.T) {
		second := spec.Providers[0]
		second.Decl, second.ClientID = enginetest.Declare("q", 50), "p"
		both := spec
		both.Providers = []engine.Provider{second}
		d.Serve(t, both)
		accepted(t, d, jwt)
	})
}

func TestATokenThatIsTakenOnceNeedsAnID(t *testing.T) {
	for name, jti := range map[string]any{"none": nil, "an empty one": "", "a number": 5} {
		t.Run(name, func(t *testing.T) {
			d := newDaemon(t)
			spec, jwt := single(t, d, map[string]any{"jti": jti})
			d.Serve(t, spec)
			refused(t, d, jwt, `"jti" is`)
		})
	}
}

// What is refused for another reason can be shown again once that is mended.
func TestARefusalSpendsNoToken(t *testing.T) {
	d := newDaemon(t)
	spec, jwt := single(t, d, nil)
	closed := spec
	closed.Providers = []engine.Provider{spec.Providers[0]}
	closed.Providers[0].Accesses = []engine.Access{{
		Decl: enginetest.Declare("all", 2), From: enginetest.Refs("oauth_source.gh"),
		Require: enginetest.Require(map[string]any{"repository": "acme/other"}),
	}}
	d.Serve(t, closed)
	if _, err := show(t, d, jwt); err == nil {
		t.Fatal("the access that requires another repository lets in")
	}
	d.Serve(t, spec)
	accepted(t, d, jwt)
}

func TestWhereATokenCannotBeTakenOnce(t *testing.T) {
	d := newDaemon(t)
	for _, profile := range []string{"kubernetes", "spiffe"} {
		spec, _ := single(t, d, nil)
		spec.Sources[0].Profile = profile
		if _, found := d.Compile(spec); !strings.Contains(found.Error(), `replay = "once" does not fit`) {
			t.Errorf("replay is once for %s", profile)
		}
	}
	spec, _ := single(t, d, nil)
	spec.Providers[0].ForwardAuth = &engine.ForwardAuth{Decl: enginetest.Declare("", 60), AcceptInput: true}
	if _, found := d.Compile(spec); found.Err() == nil {
		t.Error("a door that sees a token with every request takes it once")
	}
}
