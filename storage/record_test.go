package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/storagetest"
)

// A record that was written once must be read for ever.
const (
	passwordV1 = `{"v":1,"id":"a1","account":"prometheus","label":"blue","sha256":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","created":"2026-11-21T14:45:24.123456789Z","by":"uid 1000","expires":"2027-02-19T14:45:24Z"}`
	passwordV2 = `{"v":2,"id":"a1","account":"prometheus","created":"2026-11-21T14:45:24.123456789Z","argon2id":"$argon2id$v=19$m=65536,t=3,p=1$AQIAAAAAAAAAAAAAAAAAAA$AwQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","cidrs":["10.0.0.0/8"],"providers":["loki"],"scopes":["logs:read"],"retired":"2026-11-21T14:45:24Z","successor":"a2"}`
	useV1      = `{"v":1,"at":"2026-11-21T14:45:24.123456789Z","from":"10.0.0.1","provider":"loki"}`
	keySetV1   = `{"v":1,"id":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","jwks":"eyJrZXlzIjpbXX0=","fetched":"2026-11-21T14:45:24.123456789Z","until":"2026-11-22T15:00:24.123456789Z"}`
	revokedV1  = "1\x00service_account\x00ci\x001795272324.123456789\x001795358724.123456789\x001795272325.000000000\x00uid 1000"
	keyV1      = `{"v":1,"name":"main","id":"k1","alg":"ES256","pkcs8":"AP8=","created":"2026-11-21T14:45:24.123456789Z"}`
	keyV2      = `{"v":2,"name":"main","id":"k1","alg":"ES256","pkcs8":"AP8=","sealed":"00ff","serial":3,"created":"2026-11-21T14:45:24.123456789Z","activates":"2026-11-21T15:45:24Z","superseded":"2026-11-21T16:45:24Z","uses":[{"provider":"loki","longest":900},{"longest":1,"until":"2026-11-21T17:45:24Z"}]}`
)

func TestRecordsOfTheFirstVersionKeepTheirForm(t *testing.T) {
	p, err := storage.DecodeAppPassword([]byte(passwordV1))
	if err != nil || p.Hash[31] != 0x1f || p.CreatedAt.Nanosecond() != 123456789 || !p.RevokedAt.IsZero() {
		t.Fatalf("DecodeAppPassword = %+v, %v", p, err)
	}
	if raw, err := storage.EncodeAppPassword(p); err != nil || string(raw) != passwordV1 {
		t.Errorf("EncodeAppPassword = %s, %v\nwant %s", raw, err, passwordV1)
	}
	if p, err = storage.DecodeAppPassword([]byte(passwordV2)); err != nil || p.Brought.Sum[0] != 3 || p.Successor != "a2" || len(p.Limits.CIDRs) != 1 {
		t.Fatalf("DecodeAppPassword = %+v, %v", p, err)
	}
	if raw, err := storage.EncodeAppPassword(p); err != nil || string(raw) != passwordV2 {
		t.Errorf("EncodeAppPassword = %s, %v\nwant %s", raw, err, passwordV2)
	}
	use, err := storage.DecodeLastUse([]byte(useV1))
	if err != nil || use.From.String() != "10.0.0.1" {
		t.Fatalf("DecodeLastUse = %+v, %v", use, err)
	}
	if raw, err := storage.EncodeLastUse(use); err != nil || string(raw) != useV1 {
		t.Errorf("EncodeLastUse = %s, %v\nwant %s", raw, err, useV1)
	}
	set, err := storage.DecodeKeySet([]byte(keySetV1))
	if err != nil || string(set.Document) != `{"keys":[]}` || set.ID[31] != 0x1f || set.Until.Hour() != 15 {
		t.Fatalf("DecodeKeySet = %+v, %v", set, err)
	}
	if raw, err := storage.EncodeKeySet(set); err != nil || string(raw) != keySetV1 {
		t.Errorf("EncodeKeySet = %s, %v\nwant %s", raw, err, keySetV1)
	}
	r, err := storage.DecodeRevocation([]byte(revokedV1))
	if err != nil || r.Kind != "service_account" || r.Name != "ci" || r.IssuedUntil.Nanosecond() != 123456789 || r.Until.Day() != 22 || r.At.Second() != 25 {
		t.Fatalf("DecodeRevocation = %+v, %v", r, err)
	}
	if raw, err := storage.EncodeRevocation(r); err != nil || string(raw) != revokedV1 {
		t.Errorf("EncodeRevocation = %s, %v\nwant %s", raw, err, revokedV1)
	}
	k, err := storage.DecodeSigningKey([]byte(keyV1))
	if err != nil || string(k.PKCS8) != "\x00\xff" {
		t.Fatalf("DecodeSigningKey = %+v, %v", k, err)
	}
	// It may have signed since it was made, for anybody, for as long as anything may.
	if !k.ActivatesAt.Equal(k.CreatedAt) || len(k.Uses) != 1 || k.Uses[0] != (engine.KeyUse{Longest: 24 * time.Hour}) {
		t.Errorf("DecodeSigningKey = %+v", k)
	}
}

func TestASigningKeyKeepsItsForm(t *testing.T) {
	k, err := storage.DecodeSigningKey([]byte(keyV2))
	if err != nil || k.Sealed != "00ff" || k.Serial != 3 || k.SupersededAt.Hour() != 16 || len(k.Uses) != 2 || k.Uses[0].Longest != 15*time.Minute || k.Uses[1].Until.Hour() != 17 {
		t.Fatalf("DecodeSigningKey = %+v, %v", k, err)
	}
	if raw, err := storage.EncodeSigningKey(k); err != nil || string(raw) != keyV2 {
		t.Errorf("EncodeSigningKey = %s, %v\nwant %s", raw, err, keyV2)
	}
}

func TestASigningKeyThatWouldBeMisreadIsRefused(t *testing.T) {
	tests := []struct{ name, record string }{
		{"a newer version", strings.Replace(keyV2, `"v":2`, `"v":3`, 1)},
		{"no version", strings.Replace(keyV2, `"v":2,`, ``, 1)},
		{"no ID", strings.Replace(keyV2, `"id"`, `"di"`, 1)},
		{"no private key", strings.Replace(keyV2, `"pkcs8"`, `"8pkcs"`, 1)},
		{"a lifetime that overflows", strings.Replace(keyV2, `:900`, `:9000000000000000000`, 1)},
		{"a lifetime of less than nothing", strings.Replace(keyV2, `:900`, `:-900`, 1)},
		{"a time that is none", strings.Replace(keyV2, `"activates":"2026`, `"activates":"soon`, 1)},
		{"cut off", keyV2[:len(keyV2)/2]},
		{"nothing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if k, err := storage.DecodeSigningKey([]byte(tt.record)); !errors.Is(err, storage.ErrRecord) || k.ID != "" {
				t.Errorf("DecodeSigningKey = %+v, %v, want ErrRecord", k, err)
			} else if strings.Contains(err.Error(), "AP8") {
				t.Errorf("the error quotes the record: %v", err)
			}
		})
	}
}

func TestARecordThatWouldBeMisreadIsRefused(t *testing.T) {
	tests := []struct{ name, record string }{
		{"a newer version", strings.Replace(passwordV1, `"v":1`, `"v":3`, 1)},
		{"no version", strings.Replace(passwordV1, `"v":1,`, ``, 1)},
		{"an argon2id hash of another kind", strings.Replace(passwordV2, "argon2id$v", "argon2i$v", 1)},
		{"an argon2id hash that would take all memory", strings.Replace(passwordV2, "m=65536", "m=4194304", 1)},
		{"both hashes", strings.Replace(passwordV2, `"argon2id"`, `"sha256":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=","argon2id"`, 1)},
		{"a network that is none", strings.Replace(passwordV2, "10.0.0.0/8", "10.0.0.0/99", 1)},
		{"a short hash", strings.Replace(passwordV1, "AAEC", "", 1)},
		{"no ID", strings.Replace(passwordV1, `"id":"a1",`, ``, 1)},
		{"cut off", passwordV1[:len(passwordV1)/2]},
		{"something behind it", passwordV1 + "{}"},
		{"nothing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := storage.DecodeAppPassword([]byte(tt.record))
			if !errors.Is(err, storage.ErrRecord) || p.ID != "" {
				t.Errorf("DecodeAppPassword = %+v, %v, want ErrRecord", p, err)
			}
			if err != nil && strings.Contains(err.Error(), "prometheus") {
				t.Errorf("the error quotes the record: %v", err)
			}
		})
	}
}

func TestAKeySetThatWouldBeMisreadIsRefused(t *testing.T) {
	tests := []struct{ name, record string }{
		{"a newer version", strings.Replace(keySetV1, `"v":1`, `"v":2`, 1)},
		{"a short ID", strings.Replace(keySetV1, "AAEC", "", 1)},
		{"no ID", strings.Replace(keySetV1, `"id"`, `"di"`, 1)},
		{"no set", strings.Replace(keySetV1, `"jwks"`, `"skwj"`, 1)},
		{"a set that is not base64", strings.Replace(keySetV1, "eyJr", "?", 1)},
		{"a time that is none", strings.Replace(keySetV1, "2026-11-22", "tomorrow", 1)},
		{"cut off", keySetV1[:len(keySetV1)/2]},
		{"nothing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if set, err := storage.DecodeKeySet([]byte(tt.record)); !errors.Is(err, storage.ErrRecord) || set.Document != nil {
				t.Errorf("DecodeKeySet = %+v, %v, want ErrRecord", set, err)
			}
		})
	}
}

func TestARevocationThatWouldBeMisreadIsRefused(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(revokedV1, old) {
			t.Fatalf("%q is not in the record", old)
		}
		return strings.Replace(revokedV1, old, new, 1)
	}
	tests := []struct{ name, record string }{
		{"a newer version", change("1\x00", "2\x00")},
		{"no version", change("1\x00", "\x00")},
		{"an unknown kind", change("service_account", "signing_key")},
		{"no kind", change("service_account", "")},
		{"no name", change("ci\x00", "\x00")},
		{"a time that is none", change("1795358724.", "tomorrow.")},
		{"a time without its fraction", change("1795358724.123456789", "1795358724")},
		{"a time with half a fraction", change("1795358724.123456789", "1795358724.1234")},
		{"a negative fraction", change("1795358724.123456789", "1795358724.-12345678")},
		{"a field more", revokedV1 + "\x00"},
		{"a field less", strings.TrimSuffix(revokedV1, "\x00uid 1000")},
		{"JSON", `{"v":1}`},
		{"cut off", revokedV1[:len(revokedV1)/2]},
		{"nothing", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if r, err := storage.DecodeRevocation([]byte(tt.record)); !errors.Is(err, storage.ErrRecord) || r.Name != "" {
				t.Errorf("DecodeRevocation = %+v, %v, want ErrRecord", r, err)
			}
		})
	}
}

func BenchmarkDecodeAppPassword(b *testing.B) {
	p, err := storage.NormalAppPassword(storagetest.Password("a1", "prometheus"))
	if err != nil {
		b.Fatal(err)
	}
	raw, err := storage.EncodeAppPassword(p)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := storage.DecodeAppPassword(raw); err != nil {
			b.Fatal(err)
		}
	}
}
