package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
)

// The URNs are written out, as clients send them.
const (
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
	bearerGrant   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"
)

func TestATokenIsExchangedAsRFC8693Says(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	got := d.ask(t, "/oauth2/token", encodePairs([]string{
		"grant_type", exchangeGrant, "subject_token", d.githubToken(), "subject_token_type", typeJWT,
		"audience", "loki", "scope", "logs:read other",
	}), "")
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got.text("issued_token_type") != typeAccess || got.text("token_type") != "Bearer" || got.text("scope") != "logs:read" || got.json["expires_in"] != 600.0 {
		t.Errorf("the answer is %s", got.body)
	}
	if _, refresh := got.json["refresh_token"]; refresh || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer is %s, its Cache-Control %q", got.body, got.header.Get("Cache-Control"))
	}
}

func TestAnAssertionIsAGrantAsRFC7523Says(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	for name, form := range map[string][]string{
		"with a client_id": {"client_id", "loki"},
		"with an audience": {"audience", "loki"},
	} {
		got := d.ask(t, "/oauth2/token", encodePairs(append(form, "grant_type", bearerGrant, "assertion", d.githubToken())), "")
		if got.status != http.StatusOK || got.json["issued_token_type"] != nil || !strings.HasPrefix(payload(t, got.text("access_token"))["sub"].(string), "github/repo:") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func TestRefusalsOfExchangesAndAssertions(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.spec())
	jwt := d.githubToken()
	subject := []string{"grant_type", exchangeGrant, "subject_token", jwt, "subject_token_type", typeJWT}
	tests := []struct {
		name          string
		form          []string
		authorization string
		status        int
		code, reason  string
	}{
		{"no subject token", []string{"grant_type", exchangeGrant, "subject_token_type", typeJWT, "audience", "loki"}, "", 400, "invalid_request", "subject_token is missing"},
		{"no type of it", []string{"grant_type", exchangeGrant, "subject_token", jwt, "audience", "loki"}, "", 400, "invalid_request", "subject_token_type is missing"},
		{"an actor token without its type", append(subject, "audience", "loki", "actor_token", jwt), "", 400, "invalid_request", "actor_token_type is missing"},
		{"the type of an actor token without one", append(subject, "audience", "loki", "actor_token_type", typeJWT), "", 400, "invalid_request", "without an actor_token"},
		{"a repeated subject token", append(subject, "audience", "loki", "subject_token", jwt), "", 400, "invalid_request", "more than once"},
		{"neither client_id nor target", subject, "", 400, "invalid_request", "no client_id"},
		{"a target that nobody has", append(subject, "audience", "tempo"), "", 400, "invalid_target", "no provider has all of the targets"},
		{"a resource that is no URI", append(subject, "resource", "loki"), "", 400, "invalid_target", "absolute URI"},
		{"a resource with a fragment", append(subject, "resource", "https://loki.example/#x"), "", 400, "invalid_target", "absolute URI"},
		{"a resource that nobody has", append(subject, "resource", "https://loki.example/"), "", 400, "invalid_target", "no provider has all of the targets"},
		{"more targets than anybody needs", append(append(subject, "client_id", "loki"), strings.Fields(strings.Repeat("audience loki ", 17))...), "", 400, "invalid_target", "More than 16"},
		{"a subject token that does not verify", []string{"grant_type", exchangeGrant, "subject_token", jwt[:len(jwt)-4] + "AAAA", "subject_token_type", typeJWT, "audience", "loki"}, "", 400, "invalid_request", "verifies the JWT"},
		{"the same by Basic", []string{"grant_type", exchangeGrant, "subject_token", jwt[:len(jwt)-4] + "AAAA", "subject_token_type", typeJWT}, basic("loki", ""), 400, "invalid_request", "verifies the JWT"},
		{"a client whose secret is wrong", subject, basic("loki", "wrong"), 401, "invalid_client", "client_secret is neither"},
		{"no assertion", []string{"grant_type", bearerGrant, "client_id", "loki"}, "", 400, "invalid_request", "assertion is missing"},
		{"an assertion that does not verify", []string{"grant_type", bearerGrant, "client_id", "loki", "assertion", jwt[:len(jwt)-4] + "AAAA"}, "", 400, "invalid_grant", "verifies the JWT"},
		{"an assertion that is shown as a client's", []string{"grant_type", bearerGrant, "client_id", "loki", "client_assertion", jwt, "client_assertion_type", jwtBearer}, "", 400, "invalid_request", "assertion is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.ask(t, "/oauth2/token", encodePairs(tt.form), tt.authorization)
			if got.status != tt.status || got.text("error") != tt.code {
				t.Fatalf("%d %s, want %d %s", got.status, got.body, tt.status, tt.code)
			}
			decision := d.Audit.Last(t)
			checkRefusal(t, got, decision)
			if decision.Outcome != engine.Denied || !strings.Contains(decision.Reason, tt.reason) {
				t.Errorf("the decision is %s because %q, want because %q", decision.Outcome, decision.Reason, tt.reason)
			}
		})
	}
}
