package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/m2md/m2md/engine/jwks"
)

// jwk gives a public key as a JWK with the given kid, and with members added or
// replaced.
func jwk(kid string, pub any, members ...string) string {
	object := map[string]json.RawMessage{}
	raw := must((&jose.JSONWebKey{Key: pub, KeyID: kid}).MarshalJSON())
	if err := json.Unmarshal(raw, &object); err != nil {
		panic(err)
	}
	for i := 0; i < len(members); i += 2 {
		object[members[i]] = json.RawMessage(members[i+1])
	}
	return string(must(json.Marshal(object)))
}

// set gives JWKs as a JWK set.
func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func kids(keys []jwks.Key) string {
	var all []string
	for _, k := range keys {
		all = append(all, k.ID)
	}
	return strings.Join(all, " ")
}

func TestAnUnusableKeyCostsOnlyItself(t *testing.T) {
	ec := ecKey(elliptic.P256())
	tests := []struct {
		name string
		key  string
		why  string // "" where the key is usable
	}{
		{"plain", jwk("x", ec), ""},
		{"for signatures", jwk("x", ec, "use", `"sig"`, "alg", `"ES256"`, "key_ops", `["verify"]`), ""},
		{"for JWTs in a bundle of SPIFFE", jwk("x", ec, "use", `"jwt-svid"`), ""},
		{"with a certificate that is none", jwk("x", ec, "x5c", `["AAAA"]`, "x5t", `"?"`, "x5u", `"%"`), ""}, // it would prove nothing anyway
		{"with members of no meaning", jwk("x", ec, "ext", "true", "nested", `{"a":{"a":[1,2]}}`), ""},
		{"RSA", jwk("x", rsaKey()), ""},
		{"Ed25519", jwk("x", edKey()), ""},
		{"symmetric", `{"kty":"oct","kid":"x","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}`, "symmetric"},
		{"symmetric in disguise", jwk("x", ec, "k", `"c2VjcmV0"`), "private part"},
		{"private", jwk("x", must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))), "private part"},
		{"private with an empty d", jwk("x", ec, "d", `""`), "private part"},
		{"for encryption", jwk("x", ec, "use", `"enc"`), `use is "enc"`},
		{"for TLS in a bundle of SPIFFE", jwk("x", ec, "use", `"x509-svid"`), `use is "x509-svid"`},
		{"for signatures, in capitals", jwk("x", ec, "use", `"SIG"`), `use is "SIG"`},
		{"for signing only", jwk("x", ec, "key_ops", `["sign"]`), "key_ops"},
		{"for nothing", jwk("x", ec, "key_ops", `[]`), "key_ops"},
		{"for null", jwk("x", ec, "key_ops", `null`), "key_ops"},
		{"for a text", jwk("x", ec, "key_ops", `"verify"`), "key_ops"},
		{"alg of another kind", jwk("x", ec, "alg", `"RS256"`), "alg"},
		{"alg of another curve", jwk("x", ec, "alg", `"ES384"`), "alg"},
		{"alg for encryption", jwk("x", rsaKey(), "alg", `"RSA-OAEP"`), "alg"},
		{"alg of HMAC", jwk("x", rsaKey(), "alg", `"HS256"`), "alg"},
		{"alg that is no text", jwk("x", ec, "alg", `null`), "alg is not a string"},
		{"kid that is no text", jwk("x", ec, "kid", `7`), "kid is not a string"},
		{"off its curve", jwk("x", ec, "y", `"`+strings.Repeat("A", 43)+`"`), "not on declared curve"},
		{"coordinates of another curve", jwk("x", ec, "crv", `"P-384"`), "wrong length"},
		{"secp256k1", jwk("x", ec, "crv", `"secp256k1"`), "unsupported elliptic curve"},
		{"X25519", jwk("x", edKey(), "crv", `"X25519"`), "unsupported"},
		{"RSA too small", jwk("x", modulus(1024, 65537)), "1024 bits, fewer than 2048"},
		{"RSA too large", jwk("x", modulus(4104, 65537)), "modulus too large"},
		{"RSA with exponent 1", jwk("x", rsaKey(), "e", `"AQ"`), "bad e value"},
		{"broken base64", jwk("x", ec, "x", `"!"`), "base64"},
		{"kty of the future", `{"kty":"PQC","kid":"x"}`, "unsupported"},
		{"no kty", `{"kid":"x"}`, "missing json web key type"},
		{"kty in capitals", strings.Replace(jwk("x", ec), `"kty"`, `"KTY"`, 1), "missing json web key type"},
		{"kid twice", `{"kid":"y","kid":"x","kty":"EC"}`, `member "kid" stands twice`},
		{"kid that is not UTF-8", "{\"kid\":\"x\xff\",\"kty\":\"EC\"}", "not well-formed"},
		{"a member twice far inside", jwk("x", ec, "ext", `{"a":1,"a":2}`), `member "a" stands twice`},
		{"deep", jwk("x", ec, "ext", strings.Repeat("[", 200)+strings.Repeat("]", 200)), "nested too deep"},
		{"kty twice, once escaped", `{"kty":"oct","\u006bty":"EC"}`, `member "kty" stands twice`},
		{"no object", `"x"`, "not a JSON object"},
		{"null", `null`, "not a JSON object"},
		{"a list", `[]`, "not a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, skipped, err := jwks.Decode([]byte(set(jwk("before", ec), tt.key, jwk("after", edKey()))))
			if err != nil {
				t.Fatal(err)
			}
			want := "before x after"
			if tt.why != "" {
				want = "before after"
			}
			if kids(keys) != want {
				t.Errorf("usable are %q, want %q", kids(keys), want)
			}
			if tt.why == "" {
				if len(skipped) > 0 {
					t.Errorf("skipped: %v", skipped)
				}
				return
			}
			if len(skipped) != 1 || skipped[0].Index != 1 || !strings.Contains(skipped[0].Reason, tt.why) {
				t.Errorf("skipped: %+v, want key 1 with %q", skipped, tt.why)
			}
		})
	}
}

func TestADocumentThatIsNoKeySetIsRefused(t *testing.T) {
	ec := jwk("x", ecKey(elliptic.P256()))
	tests := []struct{ name, raw, want string }{
		{"nothing", "", "not a JSON object"},
		{"HTML", "<html>", "not a JSON object"},
		{"a list", "[" + ec + "]", "not a JSON object"},
		{"a bare key", ec, `no "keys"`},
		{"Keys in capitals", strings.Replace(set(ec), "keys", "Keys", 1), `no "keys"`},
		{"keys is null", `{"keys":null}`, "not a list"},
		{"keys is an object", `{"keys":{}}`, "not a list"},
		{"keys twice", `{"keys":[],"keys":[` + ec + `]}`, "stands twice"},
		{"something behind it", set(ec) + "{}", "follows"},
		{"cut off", set(ec)[:len(ec)], "not well-formed JSON"},
		{"without an end", `{"keys":[]`, "not well-formed JSON"},
		{"with a comma too many", `{"keys":[],}`, "not well-formed JSON"},
		{"deep", `{"keys":[` + strings.Repeat("[", 500_000), "not well-formed JSON"},
		{"501 keys", set(strings.Split(strings.Repeat("{} ", 501), " ")[:501]...), "501 keys, more than 500"},
		{"over a MiB", set(ec) + strings.Repeat(" ", jwks.MaxBytes), "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			keys, _, err := jwks.Decode([]byte(tt.raw))
			if !errors.Is(err, jwks.ErrDocument) || !strings.Contains(err.Error(), tt.want) || keys != nil {
				t.Errorf("Decode = %v, %v, want ErrDocument with %q", keys, err, tt.want)
			}
		})
	}
}

func TestADocumentMayHoldNoUsableKey(t *testing.T) {
	for raw, want := range map[string]int{`{"keys":[]}`: 0, " \n{ \"keys\" : [ ] , \"more\" : {} }\n": 0, `{"keys":[{},{}]}`: 2} {
		keys, skipped, err := jwks.Decode([]byte(raw))
		if err != nil || len(keys) != 0 || len(skipped) != want {
			t.Errorf("Decode(%s) = %v, %v, %v", raw, keys, skipped, err)
		}
	}
	if _, skipped, err := jwks.Decode([]byte(set(strings.Split(strings.Repeat("{} ", 500), " ")[:500]...))); err != nil || len(skipped) != 500 {
		t.Errorf("500 keys: %d skipped, %v", len(skipped), err)
	}
}

func TestWhatAStrangerWroteIsToldPrintableAndShort(t *testing.T) {
	evil := "\x1b[2J\n" + strings.Repeat("ü", 5000)
	raw := set(fmt.Sprintf(`{"kty":"EC","kid":%q,"use":%q}`, evil, evil))
	_, skipped, err := jwks.Decode([]byte(strings.ReplaceAll(raw, `\x1b`, `\u001b`)))
	if err != nil || len(skipped) != 1 {
		t.Fatalf("skipped: %v, %v", skipped, err)
	}
	for _, text := range []string{skipped[0].ID, skipped[0].Reason} {
		if strings.ContainsAny(text, "\x1b\n") || len(text) > 1000 {
			t.Errorf("told is %q", text)
		}
	}
}

// Whatever comes in: no panic, every key counted once, and no usable key that
// NewKey would refuse.
func FuzzDecode(f *testing.F) {
	ec := ecKey(elliptic.P256())
	f.Add([]byte(set(jwk("a", ec), jwk("b", rsaKey(), "use", `"enc"`), jwk("c", edKey(), "alg", `"EdDSA"`))))
	f.Add([]byte(set(`{"kty":"oct","k":"AAAA"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `{"kty":"RSA","n":"AA","e":"AQAB"}`)))
	f.Add([]byte(set(jwk("a", ec, "d", `"AA"`), `null`, `[[[[`)))
	f.Add([]byte(`{"keys":[],"keys":[]}`))
	f.Add([]byte(`{"keys":[],"keYs":[2]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, skipped, err := jwks.Decode(raw)
		if err != nil {
			if !errors.Is(err, jwks.ErrDocument) || len(keys)+len(skipped) > 0 {
				t.Errorf("Decode = %v, %v, %v", keys, skipped, err)
			}
			return
		}
		var document map[string]json.RawMessage // a struct would take "KEYS", too
		var elements []json.RawMessage
		if err := errors.Join(json.Unmarshal(raw, &document), json.Unmarshal(document["keys"], &elements)); err != nil || len(elements) != len(keys)+len(skipped) {
			t.Errorf("%d usable and %d skipped of %d, %v", len(keys), len(skipped), len(elements), err)
		}
		for _, key := range keys {
			if again, err := jwks.NewKey(key.ID, key.Algorithm, key.Public); err != nil || again.Thumbprint != key.Thumbprint {
				t.Errorf("a decoded key is refused: %v", err)
			}
			if _, private := key.Public.(crypto.Signer); private || key.Thumbprint == "" {
				t.Errorf("a decoded key is %T", key.Public)
			}
		}
	})
}
