package main

import (
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

func TestWhatIsRevokedIsCounted(t *testing.T) {
	r := served(t, map[string]string{"main.hcl": listeners + letsIn})
	r.checkMetrics(map[string]string{
		`m2md_revocations{kind="token"}`: "0", `m2md_revocations{kind="service_account"}`: "0", `m2md_revocations{kind="oauth_source"}`: "0",
		`m2md_revocations{kind="verification_certificate"}`: "0", `m2md_revocations{kind="provider"}`: "0",
	})
	for _, asked := range []serve.NewRevocation{
		{Kind: engine.KindToken, Name: "one"}, {Kind: engine.KindToken, Name: "two"}, {Kind: engine.KindToken, Name: "one"},
		{Kind: engine.KindServiceAccount, Name: "ci"}, {Kind: engine.KindProvider, Name: "loki"},
	} {
		told, err := r.admin().Revoke(t.Context(), asked)
		if err != nil || told.RevokedBy != ownName() || told.Name != asked.Name || told.Until.IsZero() {
			t.Fatalf("Revoke(%+v) = %+v, %v", asked, told, err)
		}
	}
	r.checkMetrics(map[string]string{
		`m2md_revocations{kind="token"}`: "2", `m2md_revocations{kind="service_account"}`: "1", `m2md_revocations{kind="provider"}`: "1",
	})
	status, err := r.admin().Status(t.Context())
	if err != nil || status.Revoked["token"] != 2 || len(status.Revoked) != len(engine.RevocationKinds) {
		t.Errorf("the status has %v, %v", status.Revoked, err)
	}
	if all, err := r.admin().Revocations(t.Context()); err != nil || len(all) != 4 {
		t.Errorf("%v are listed, %v", all, err)
	}
	r.stop()
	again, findings, err := r.open()
	if err != nil {
		t.Fatalf("%v\n%s", err, findings)
	}
	r.run(again)
	r.checkMetrics(map[string]string{`m2md_revocations{kind="token"}`: "2", `m2md_revocations{kind="provider"}`: "1"})
}

func TestStatusSaysWhatIsRevoked(t *testing.T) {
	tests := []struct {
		counts map[string]int
		want   string
	}{
		{nil, ""},
		{map[string]int{"token": 0, "provider": 0}, ""},
		{map[string]int{"token": 3}, "3 by token"},
		{map[string]int{"provider": 1, "service_account": 2, "token": 1}, "1 by token, 2 by service_account, 1 by provider"},
	}
	for _, tt := range tests {
		if got := revokedLine(tt.counts); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.counts, got, tt.want)
		}
	}
}

// Asked in no kind that there is, the daemon revokes nothing.
func TestTheDaemonRevokesNothingThatItDoesNotKnow(t *testing.T) {
	r := served(t, map[string]string{"main.hcl": listeners + letsIn})
	for name, asked := range map[string]serve.NewRevocation{
		"nothing":                {},
		"a policy":               {Kind: engine.KindPolicy, Name: "x"},
		"another account":        {Kind: engine.KindServiceAccount, Name: "cj"},
		"a token without a name": {Kind: engine.KindToken},
		"a token that is none":   {Token: "x"},
	} {
		if told, err := r.admin().Revoke(t.Context(), asked); err == nil {
			t.Errorf("%s: %+v", name, told)
		}
	}
	if all, err := r.admin().Revocations(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v are listed, %v", all, err)
	}
}
