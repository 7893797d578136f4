package engine_test

import (
	"fmt"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// An issuer signs more than what says who somebody is, often with one key.
func TestATokenMadeForAnotherPurposeIsRefused(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "k1", "ES256")
	spec := oneAccess("oauth_source.gh")
	spec.Sources = []engine.OAuthSource{github("gh", key)}
	d.Serve(t, spec)
	tests := []struct {
		typ    any    // nil to leave it out
		reason string // "" where it is accepted
	}{
		{nil, ""},
		{"", ""},
		{"JWT", ""},
		{"jwt", ""},
		{"application/jwt", ""},
		{"JOSE", ""}, // what a JWT-SVID may say
		{"at+jwt", ""},
		{"at+JWT", ""},
		{"application/at+jwt", ""},
		{"Application/AT+JWT", ""},
		{"client-authentication+jwt", ""}, // what is to follow RFC 7523
		{"authorization-grant+jwt", ""},

		{"logout+jwt", "another purpose"},              // OpenID Connect Back-Channel Logout 1.0 §2.4
		{"dpop+jwt", "another purpose"},                // RFC 9449 §4.2: anybody can make one
		{"secevent+jwt", "another purpose"},            // RFC 8417 §2.3
		{"token-introspection+jwt", "another purpose"}, // RFC 9701 §5
		{"oauth-authz-req+jwt", "another purpose"},     // RFC 9101 §4
		{"entity-statement+jwt", "another purpose"},    // OpenID Federation 1.0
		{"kb+jwt", "another purpose"},                  // SD-JWT's key binding
		{"wit+jwt", "another purpose"},                 // bound to a key that is not asked for
		{"application/logout+jwt", "another purpose"},
		{"application/application/jwt", "another purpose"},
		{"application/", "another purpose"},
		{"JWT ", "another purpose"},
		{"text/jwt", "another purpose"},
		{"JWE", "another purpose"},
		{"at+jwt;v=1", "another purpose"},
		{5, "alg, kid or typ is not a string"},
		{[]any{"JWT"}, "alg, kid or typ is not a string"},
		{"logout\r\n\x1b[31m", `its typ is "logout???[31m"`}, // the log stays one line
	}
	claims := enginetest.GitHubClaims(d.Clock.Now(), audience)
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.typ), func(t *testing.T) {
			jwt := key.MintWith(map[string]any{"typ": tt.typ}, claims)
			if tt.reason == "" {
				accepted(t, d, jwt)
			} else {
				refused(t, d, jwt, tt.reason)
			}
		})
	}
}
