package engine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// signES256 signs a header and a payload as they are, without the code under test.
func signES256(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	input := segmentEncoding.EncodeToString([]byte(header)) + "." + segmentEncoding.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + segmentEncoding.EncodeToString(signature)
}

func newP256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

const (
	es256Header  = `{"alg":"ES256","kid":"k","typ":"JWT"}`
	es256Payload = `{"iss":"https://issuer.example","sub":"a","aud":["x"],"exp":4102444800,"n":1e400,"o":{"a":[1,{"b":null}]}}`
)

// FuzzParseJWS wants no panic of any text, and that what parses is verified by
// the key that signed it and by no other: whatever a key verifies is, but for
// its signature, what that key signed.
func FuzzParseJWS(f *testing.F) {
	key, other := newP256(f), newP256(f)
	honest := signES256(f, key, es256Header, es256Payload)
	signed := honest[:strings.LastIndexByte(honest, '.')]
	f.Add(honest)
	f.Add(honest + ".")
	f.Add(signed + ".")
	f.Add("..")
	f.Add(signES256(f, other, `{"alg":"none","alg":"ES256"}`, `{"a":{"b":1,"b":2}}`))
	f.Add(signES256(f, other, `{"alg":"ES256","crit":["b64"],"b64":false}`, `{}`))
	f.Add(signES256(f, other, `{"alg":"EdDSA"}`, strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)))
	f.Add(signES256(f, other, `{"alg":"RS256"} `, `{"exp":1e400}}`))
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := parseJWS(raw)
		if err != nil {
			if strings.Contains(err.Error(), raw) && len(raw) > 10 {
				t.Errorf("the error repeats the input: %s", err)
			}
			return
		}
		if token.signed+"."+segmentEncoding.EncodeToString(token.signature) != raw {
			t.Error("two texts are one token")
		}
		if token.verifiedBy(&key.PublicKey) && token.signed != signed {
			t.Error("a key verifies what it did not sign")
		}
		_, _ = token.claims.checkTimes(time.Now(), timeRules{})
		_ = token.claims.checkAudience([]string{"x"})
		if sub, err := token.claims.subject(); err == nil {
			if text := headerText(sub); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("the subject %q reaches a header as %q", sub, text)
			}
		}
	})
}

func TestAParsedJWTIsVerifiedByTheRightKeyAlone(t *testing.T) {
	key, other := newP256(t), newP256(t)
	token, err := parseJWS(signES256(t, key, es256Header, es256Payload))
	if err != nil {
		t.Fatal(err)
	}
	if !token.verifiedBy(&key.PublicKey) || token.verifiedBy(&other.PublicKey) {
		t.Error("the wrong key verifies it, or the right one does not")
	}
	for i := range token.signature {
		token.signature[i] ^= 1
		if token.verifiedBy(&key.PublicKey) {
			t.Errorf("it is verified with another byte %d of its signature", i)
		}
		token.signature[i] ^= 1
	}
}

// "exp at or before now is refused" (product.md §2): the borders, to the second.
func TestATokenEndsAtItsExpAndBeginsAtItsNotBefore(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	number := func(offset int64) json.Number { return json.Number(fmt.Sprint(now.Unix() + offset)) }
	tests := []struct {
		claims Claims
		ok     bool
	}{
		{Claims{"exp": number(0)}, false},
		{Claims{"exp": number(1)}, true},
		{Claims{"exp": number(-1)}, false},
		{Claims{"exp": json.Number("1700000000.5")}, true},
		{Claims{"exp": number(9), "nbf": number(0)}, true},
		{Claims{"exp": number(9), "nbf": number(1)}, false},
		{Claims{"exp": number(9), "iat": number(60)}, true},
		{Claims{"exp": number(9), "iat": number(61)}, false},
	}
	for _, tt := range tests {
		if _, err := tt.claims.checkTimes(now, timeRules{}); (err == nil) != tt.ok {
			t.Errorf("%v at %d: %v", tt.claims, now.Unix(), err)
		}
	}
}

// Numbers keep their digits, as encoding/json's own Number.
func TestNumbersOfAJWTKeepTheirDigits(t *testing.T) {
	token, err := parseJWS(signES256(t, newP256(t), es256Header, `{"a":9007199254740993,"b":[1.50,{"c":1e400}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Claims{"a": json.Number("9007199254740993"), "b": []any{json.Number("1.50"), map[string]any{"c": json.Number("1e400")}}}
	if fmt.Sprintf("%#v", token.claims) != fmt.Sprintf("%#v", want) {
		t.Errorf("got %#v", token.claims)
	}
}

func BenchmarkParseJWS(b *testing.B) {
	raw := signES256(b, newP256(b), es256Header, githubPayload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseJWS(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyES256(b *testing.B) {
	key := newP256(b)
	token, err := parseJWS(signES256(b, key, es256Header, githubPayload))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !token.verifiedBy(&key.PublicKey) {
			b.Fatal("not verified")
		}
	}
}

// githubPayload is that of a job of GitHub Actions.
const githubPayload = `{"iss":"https://token.actions.githubusercontent.com","aud":"https://m2md.example","sub":"repo:acme@1234/api@5678:ref:refs/heads/main","repository":"acme/api","repository_id":"5678","repository_owner":"acme","repository_owner_id":"1234","repository_visibility":"private","ref":"refs/heads/main","ref_type":"branch","event_name":"push","workflow_ref":"acme/api/.github/workflows/d.yml@refs/heads/main","job_workflow_ref":"acme/api/.github/workflows/d.yml@refs/heads/main","runner_environment":"github-hosted","actor":"bo","actor_id":"9","run_id":"1","iat":1717674400,"nbf":1717674395,"exp":4102444800,"jti":"5f2c7a7e-1111-4a4c-9b60-1f8f0c2f0d6e"}`
