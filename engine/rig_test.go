package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// audience is what input JWTs are for.
const audience = "https://auth.example.com"

// sayBadProof is all that a client is told of a proof that fails.
const sayBadProof = "The credentials or the assertion were not accepted."

// newDaemon wires the real policies, and storage in memory.
func newDaemon(t testing.TB) *enginetest.Daemon {
	t.Helper()
	return enginetest.NewDaemon(t, enginetest.Parts{
		Store: memory.New(),
		// Under -race on a busy machine 50 ms are soon over.
		Policies: scripting.New(scripting.Options{Deadline: 5 * time.Second}),
	})
}

// github is a source with GitHub's iss and the given keys.
func github(label string, keys ...*enginetest.Key) engine.OAuthSource {
	return engine.OAuthSource{
		Decl:  enginetest.Declare(label, 100),
		Trust: engine.Trust{Issuer: enginetest.GitHub, Audiences: []string{audience}},
		JWKS:  engine.File{Content: engine.Secret(enginetest.JWKS(keys...))},
	}
}

// oneAccess is a configuration of the provider p, whose only access names
// those; it narrows nothing.
func oneAccess(from ...string) engine.Spec {
	return engine.Spec{
		Server: engine.Server{ExternalURL: audience},
		Providers: []engine.Provider{{
			Decl:     enginetest.Declare("p", 1),
			Accesses: []engine.Access{{Decl: enginetest.Declare("all", 2), From: enginetest.Refs(from...), AllowAnySubject: true}},
		}},
	}
}

// show asks the provider p for a token with an input JWT.
func show(t testing.TB, d *enginetest.Daemon, jwt string) (*oauth2.Token, error) {
	t.Helper()
	return d.Live.Load().Token(t.Context(), engine.Caller{RequestID: "r1", HTTP: engine.PolicyHTTP{Door: "token"}}, &oauth2.Request{
		GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p"},
		Assertion: jwt, AssertionType: oauth2.AssertionJWT,
	})
}

// accepted checks that an input JWT gets a token, and returns whose it is.
func accepted(t testing.TB, d *enginetest.Daemon, jwt string) engine.Decision {
	t.Helper()
	if _, err := show(t, d, jwt); err != nil {
		t.Fatalf("refused: %s", err)
	}
	decision := d.Audit.Last(t)
	if decision.Outcome != engine.Allowed {
		t.Fatalf("the decision is %+v", decision)
	}
	return decision
}

// refused checks that an input JWT gets nothing, that the client is told
// nothing of why, that the decision says it, and that neither holds a part of
// the token that proves anything.
func refused(t testing.TB, d *enginetest.Daemon, jwt, reason string) {
	t.Helper()
	token, err := show(t, d, jwt)
	var refusal *engine.Refusal
	if !errors.As(err, &refusal) || token != nil {
		t.Fatalf("got %v and %v, want a refusal because %q", token != nil, err, reason)
	}
	if refusal.Public.Code != oauth2.InvalidClient || refusal.Public.Description != sayBadProof {
		t.Errorf("the client is told %s", refusal.Public)
	}
	decision := d.Audit.Last(t)
	if decision.Outcome != engine.Denied || !strings.Contains(decision.Reason, reason) {
		t.Errorf("the decision is %s because %q, want deny because %q", decision.Outcome, decision.Reason, reason)
	}
	record := fmt.Sprintf("%+v", decision)
	for part := range strings.SplitSeq(jwt, ".") {
		if len(part) > 20 && strings.Contains(record, part[:20]) {
			t.Errorf("a part of the token stands in the decision: %s", decision.Reason)
		}
	}
}
