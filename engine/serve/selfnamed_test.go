package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// Standard clients leave client_id out beside an assertion of their own (RFC
// 7521 §4.1, §4.2): its sub says who they are.
func TestAnAssertionNamesTheClientThatNamesItselfNowhereElse(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	saying := func(key *enginetest.Key, sub any) string {
		return key.Mint(enginetest.With(enginetest.GitHubClaims(d.Clock.Now(), audience), map[string]any{"sub": sub}))
	}
	loki, tempo := saying(d.Keys.github, "loki"), saying(d.Keys.github, "tempo")
	stranger := saying(enginetest.NewKey(t, "", "RS256"), "loki")
	authenticated := func(jwt string) []string {
		return []string{"grant_type", "client_credentials", "client_assertion_type", jwtBearer, "client_assertion", jwt}
	}
	granted := func(jwt string, more ...string) []string {
		return append([]string{"grant_type", bearerGrant, "assertion", jwt}, more...)
	}
	tests := []struct {
		name         string
		form         []string
		code, reason string // "" for a token
	}{
		{"to authenticate", authenticated(loki), "", ""},
		{"as a grant", granted(loki), "", ""},
		{"as a grant, narrowed to a target", granted(loki, "audience", "loki"), "", ""},
		{"as a grant of a client that authenticates", granted(tempo, "client_assertion_type", jwtBearer, "client_assertion", loki), "", ""},
		{"to authenticate, signed by a stranger", authenticated(stranger), "invalid_client", "verifies the JWT"},
		{"as a grant, signed by a stranger", granted(stranger), "invalid_grant", "verifies the JWT"},
		{"to authenticate, with another client_id", append(authenticated(loki), "client_id", "tempo"), "invalid_client", `client_id "tempo"`},
		{"to authenticate, naming nobody", authenticated(tempo), "invalid_request", "no client_id"},
		{"to authenticate, naming somebody by a number", authenticated(saying(d.Keys.github, 7)), "invalid_request", "no client_id"},
		{"to authenticate, and no JWT", authenticated("loki"), "invalid_request", "no client_id"},
		{"as a grant, naming nobody", granted(tempo), "invalid_request", "no client_id"},
		{"as a grant of another kind", []string{"grant_type", "client_credentials", "assertion", loki}, "invalid_request", "no client_id"},
		{"as a client_secret", []string{"grant_type", "client_credentials", "client_secret", loki}, "invalid_request", "no client_id"},
		{"as a subject token", []string{"grant_type", exchangeGrant, "subject_token", loki, "subject_token_type", typeJWT}, "invalid_request", "no client_id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.ask(t, "/oauth2/token", encodePairs(tt.form), "")
			decision := d.Audit.Last(t)
			if tt.code == "" {
				if got.status != http.StatusOK || decision.Provider != "loki" || decision.Outcome != engine.Allowed {
					t.Errorf("%d %s, decided %+v", got.status, got.body, decision)
				}
				return
			}
			if got.status != http.StatusBadRequest || got.text("error") != tt.code || !strings.Contains(decision.Reason, tt.reason) {
				t.Errorf("%d %s because %q, want %s because %q", got.status, got.body, decision.Reason, tt.code, tt.reason)
			}
		})
	}

	token := d.tokenFor(t, "loki", loki, "")
	asked := d.ask(t, "/oauth2/introspect", encodePairs([]string{"token", token, "client_assertion_type", jwtBearer, "client_assertion", loki}), "")
	if asked.status != http.StatusOK || asked.json["active"] != true {
		t.Errorf("introspection says %d %s", asked.status, asked.body)
	}
}
