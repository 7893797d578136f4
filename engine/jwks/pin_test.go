package jwks_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/jwks"
)

func TestAPinnedSetIsTheSameHoweverItsIssuerOrdersIt(t *testing.T) {
	keys := []jwks.Key{
		key(t, "b", "ES256", ecKey(elliptic.P256())), key(t, "a", "", rsaKey()), key(t, "", "EdDSA", edKey()), key(t, "b", "", edKey()),
	}
	from := jwks.Origin{WellKnownURL: "https://issuer.example/.well-known/openid-configuration?x=<&>", QueryLeftOut: true, PinnedAt: time.Date(2026, 11, 21, 1, 2, 3, 4, time.FixedZone("x", 3600))}
	first := must(jwks.EncodePinned(keys, from))
	slices.Reverse(keys)
	if again := must(jwks.EncodePinned(append(keys, keys[0]), from)); !bytes.Equal(first, again) {
		t.Errorf("it is\n%s\nand then\n%s", first, again)
	}
	if !bytes.HasPrefix(first, []byte("{\n  \"m2md\": {\n    \"oidc_well_known_url\": \"https://issuer.example/.well-known/openid-configuration?x=<&>\",\n    \"query_left_out\": true,\n    \"pinned_at\": \"2026-11-21T00:02:03Z\"\n  },\n  \"keys\": [\n    {\n")) || !bytes.HasSuffix(first, []byte("}\n")) {
		t.Errorf("it is\n%s", first)
	}
	pinned, err := jwks.DecodePinned(first)
	if err != nil || len(pinned.Keys) != 4 || len(pinned.Skipped) != 0 || !jwks.Compare(pinned.Keys, keys).None() {
		t.Errorf("DecodePinned = %+v, %v", pinned, err)
	}
	if o := pinned.Origin; o.WellKnownURL != from.WellKnownURL || !o.QueryLeftOut || !o.PinnedAt.Equal(from.PinnedAt.Truncate(time.Second)) {
		t.Errorf("Origin = %+v", o)
	}
	if keys, skipped, err := jwks.Decode(first); err != nil || len(keys) != 4 || len(skipped) != 0 {
		t.Errorf("for who knows nothing of pinning it is %v, %v, %v", keys, skipped, err)
	}
}

func TestWhereAPinnedSetCameFromIsKnownOnlyWhereItSaysSo(t *testing.T) {
	tests := []struct{ name, member, want string }{
		{"as from kubectl", ``, ""},
		{"a key set", `"m2md":{"oidc_jwks_url":"https://a"},`, "https://a"},
		{"both", `"m2md":{"oidc_jwks_url":"https://a","oidc_well_known_url":"https://b"},`, ""},
		{"no object", `"m2md":7,`, ""},
		{"null", `"m2md":null,`, ""},
		{"no URL", `"m2md":{"oidc_jwks_url":7},`, ""},
		{"no time", `"m2md":{"oidc_jwks_url":"https://a","pinned_at":"yesterday"},`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pinned, err := jwks.DecodePinned([]byte(`{` + tt.member + `"keys":[` + jwk("a", edKey()) + `]}`))
			if err != nil || len(pinned.Keys) != 1 || pinned.Origin.URL != tt.want || pinned.Origin.WellKnownURL != "" {
				t.Errorf("DecodePinned = %+v, %v, want %q", pinned, err, tt.want)
			}
		})
	}
	if _, err := jwks.DecodePinned([]byte(`{"m2md":{},"m2md":{},"keys":[]}`)); err == nil {
		t.Error("a document that says it twice was read")
	}
}

func TestAPinnedSetThatCouldNotBeReadIsNotWritten(t *testing.T) {
	var keys []jwks.Key
	for n := range 12 {
		keys = append(keys, key(t, strings.Repeat("\u2028", 20_000+n), "", edKey())) // JSON writes six bytes for its three
	}
	if document, err := jwks.EncodePinned(keys, jwks.Origin{}); err == nil {
		t.Errorf("%d bytes were written", len(document))
	}
}

func TestDriftIsAnythingThatChangesWhichTokensAreAccepted(t *testing.T) {
	one, two, rsa := edKey(), edKey(), rsaKey()
	a, b := key(t, "a", "", one), key(t, "b", "", two)
	tests := []struct {
		name         string
		pinned, live []jwks.Key
		fresh, gone  string
	}{
		{"the same", []jwks.Key{a, b}, []jwks.Key{b, a}, "", ""},
		{"the same, twice", []jwks.Key{a, a}, []jwks.Key{a}, "", ""},
		{"a new key", []jwks.Key{a}, []jwks.Key{a, b}, "b", ""},
		{"a key that is gone", []jwks.Key{b, a}, []jwks.Key{b}, "", "a"},
		{"another key of the same name", []jwks.Key{a}, []jwks.Key{key(t, "a", "", two)}, "a", "a"},
		{"the same key by another name", []jwks.Key{a}, []jwks.Key{key(t, "c", "", one)}, "c", "a"},
		{"the same key without a name", []jwks.Key{a}, []jwks.Key{key(t, "", "", one)}, "", "a"},
		{"the same key for another algorithm", []jwks.Key{key(t, "r", "RS256", rsa)}, []jwks.Key{key(t, "r", "PS256", rsa)}, "r", "r"},
		{"all are gone", []jwks.Key{b, a}, nil, "", "a b"},
		{"nothing at all", nil, nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drift := jwks.Compare(tt.pinned, tt.live)
			if kids(drift.New) != tt.fresh || kids(drift.Gone) != tt.gone {
				t.Errorf("new are %q, want %q; gone are %q, want %q", kids(drift.New), tt.fresh, kids(drift.Gone), tt.gone)
			}
			same := tt.fresh == "" && tt.gone == "" && len(drift.New) == 0
			if drift.None() != same {
				t.Errorf("None = %t", drift.None())
			}
		})
	}
}

func TestAPinnedDocumentIsJSONOfKeysInTheirOrder(t *testing.T) {
	raw := must(jwks.EncodePinned([]jwks.Key{key(t, "z", "", edKey()), key(t, "y", "", edKey())}, jwks.Origin{}))
	var document struct {
		Keys []struct{ Kid, Use, Kty, Crv string }
	}
	if err := json.Unmarshal(raw, &document); err != nil || len(document.Keys) != 2 || document.Keys[0].Kid != "y" || document.Keys[1].Use != "sig" || document.Keys[0].Crv != "Ed25519" {
		t.Errorf("it is %s, %v", raw, err)
	}
}
