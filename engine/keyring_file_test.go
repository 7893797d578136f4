package engine_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/oauth2"
)

// certificateOf is a self-signed certificate of a key.
func certificateOf(t *testing.T, private crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// privateJWK is a private key as a JWK, with members added, replaced, or taken
// out where they are nil.
func privateJWK(t *testing.T, private crypto.Signer, change map[string]any) string {
	t.Helper()
	raw, err := jose.JSONWebKey{Key: private, KeyID: "of its owner"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range change {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	if raw, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func pkcs12Of(t *testing.T, encoder *pkcs12.Encoder, private crypto.Signer, password string) string {
	t.Helper()
	raw, err := encoder.Encode(private, certificateOf(t, private), nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// broughtSpec is a configuration of provider p, whose key is brought along.
func broughtSpec(content, password, algorithm string) engine.Spec {
	spec := oneAccess("service_account.ci")
	spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
	key := engine.SigningKey{Decl: enginetest.Declare("own", 5, "private_key_file"), Algorithm: algorithm, PrivateKey: engine.File{Content: engine.Secret(content)}}
	if password != "" {
		key.Decl = enginetest.Declare("own", 5, "private_key_file", "password_file")
		key.Password.Content = engine.Secret(password)
	}
	spec.SigningKeys = []engine.SigningKey{key}
	return spec
}

func TestABroughtKeySignsWhateverFormItHas(t *testing.T) {
	ec, ec384, ed, rs := enginetest.NewKey(t, "", "ES256").Private, enginetest.NewKey(t, "", "ES384").Private, enginetest.NewKey(t, "", "EdDSA").Private, enginetest.NewKey(t, "", "RS256").Private
	other := enginetest.NewKey(t, "", "ES256").Private
	otherEd := enginetest.NewKey(t, "", "EdDSA").Private
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pub := func(private crypto.Signer, name string) any {
		var members map[string]any
		if err := json.Unmarshal([]byte(privateJWK(t, private, nil)), &members); err != nil {
			t.Fatal(err)
		}
		return members[name]
	}
	tests := []struct {
		name      string
		content   string
		password  string
		algorithm string // as the files say
		signs     string // "" for a refusal
		because   string // of it
	}{
		{"a JWK on P-256", privateJWK(t, ec, nil), "", "", "ES256", ""},
		{"a JWK on P-384", privateJWK(t, ec384, nil), "", "", "ES384", ""},
		{"a JWK of Ed25519", privateJWK(t, ed, nil), "", "", "EdDSA", ""},
		{"a JWK of RSA", privateJWK(t, rs, nil), "", "", "RS256", ""},
		{"a JWK that names its algorithm", privateJWK(t, rs, map[string]any{"alg": "PS256"}), "", "", "PS256", ""},
		{"a JWK for another algorithm than the files say", privateJWK(t, rs, map[string]any{"alg": "PS256"}), "", "RS256", "RS256", ""},
		{"a JWK with space around it", "\n " + privateJWK(t, ec, nil) + "\n", "", "", "ES256", ""},
		{"PKCS #12 of today", pkcs12Of(t, pkcs12.Modern, rs, "changeit"), "changeit", "", "RS256", ""},
		{"PKCS #12 of yesterday", pkcs12Of(t, pkcs12.LegacyRC2, ec, "changeit"), "changeit", "", "ES256", ""},
		{"PKCS #12 of yesterday with triple DES", pkcs12Of(t, pkcs12.LegacyDES, ec, "changeit"), "changeit", "", "ES256", ""},
		{"PKCS #12 without a password", pkcs12Of(t, pkcs12.Passwordless, ec, ""), "", "", "ES256", ""},
		{"a password with a line break behind it", pkcs12Of(t, pkcs12.Modern, ec, "pass word "), "pass word \r\n", "", "ES256", ""},

		{"a public JWK", privateJWK(t, ec, map[string]any{"d": nil}), "", "", "", "no JWK of a private key"},
		{"a secret as a JWK", `{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`, "", "", "", "no JWK of a private key"},
		{"a JWK with another's public key", privateJWK(t, ec, map[string]any{"x": pub(other, "x"), "y": pub(other, "y")}), "", "", "", "the public part of the JWK is not that of its private part"},
		{"a JWK of Ed25519 with another's public key", privateJWK(t, ed, map[string]any{"x": pub(otherEd, "x")}), "", "", "", "no JWK of a private key"},
		{"a JWK of RSA with another exponent", privateJWK(t, rs, map[string]any{"e": "Aw"}), "", "", "", "no JWK of a private key"},
		{"a JWK with a member twice", strings.Replace(privateJWK(t, ec, nil), `{`, `{"kty":"EC",`, 1), "", "", "", "names a member twice"},
		{"a JWK cut off", privateJWK(t, ec, nil)[:40], "", "", "", "well-formed"},
		{"a JWK for HMAC", privateJWK(t, ec, map[string]any{"alg": "HS256"}), "", "", "", "none that m2md signs with"},
		{"a JWK for another kind of key", privateJWK(t, ec, map[string]any{"alg": "RS256"}), "", "", "", "does not fit"},
		{"a JWK of few bits", privateJWK(t, enginetest.NewKey(t, "", "RS256").Private, map[string]any{"n": "AQAB"}), "", "", "", "no JWK of a private key"},
		{"a JWK set", `{"keys":[` + privateJWK(t, ec, nil) + `]}`, "", "", "", "no JWK of a private key"},
		{"a curve that is not for JWS", string(pkcs8(t, p224)), "", "", "", "P-256, P-384 nor P-521"},
		{"PKCS #12 with another password", pkcs12Of(t, pkcs12.Modern, rs, "changeit"), "changed", "", "", "another"},
		{"PKCS #12 with its password missing", pkcs12Of(t, pkcs12.Modern, rs, "changeit"), "", "", "", "password_file is to name"},
		{"PKCS #12 cut off", pkcs12Of(t, pkcs12.Modern, rs, "changeit")[:100], "changeit", "", "", "no PKCS #12 file"},
		{"a password for PEM", string(pkcs8(t, ec)), "changeit", "", "", "a password opens nothing else"},
		{"a password for a JWK", privateJWK(t, ec, nil), "changeit", "", "", "a password opens nothing else"},
		{"a bare DER key", string(must(x509.MarshalPKCS8PrivateKey(ec))), "", "", "", "no PKCS #12 file"},
		{"text", "my key", "", "", "", "neither PEM, JWK nor PKCS #12"},
		{"nothing", "", "", "", "", "neither PEM, JWK nor PKCS #12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDaemon(t)
			spec := broughtSpec(tt.content, tt.password, tt.algorithm)
			if tt.signs == "" {
				e, found := d.Compile(spec)
				if e != nil || len(found) != 1 || found[0].At.Start.Line != 6 || !strings.Contains(explain(found), tt.because) {
					t.Fatalf("compiled %t, told %s; want a refusal because %q", e != nil, explain(found), tt.because)
				}
				return
			}
			e := d.Serve(t, spec)
			token, err := e.Token(t.Context(), engine.Caller{}, &oauth2.Request{
				GrantType: oauth2.ClientCredentials, Client: oauth2.Credentials{ID: "p", Secret: d.Password(t, "ci", nil)},
			})
			if err != nil {
				t.Fatal(err)
			}
			verifyByMetadata(t, e, token.AccessToken, tt.signs)
			checkPublic(t, e)
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// checkPublic wants what provider p publishes to hold nothing private, and each
// kid to be the thumbprint of its key (RFC 7638).
func checkPublic(t *testing.T, e *engine.Engine) {
	t.Helper()
	metadata, _ := e.Metadata("p")
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(metadata.JWKS, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("%s: %v", metadata.JWKS, err)
	}
	for _, key := range set.Keys {
		for name := range key {
			if !slices.Contains([]string{"kty", "crv", "x", "y", "n", "e", "use", "alg", "kid"}, name) {
				t.Errorf("the set has a member %q", name)
			}
		}
	}
	keys, skipped, err := jwks.Decode(metadata.JWKS)
	if err != nil || len(skipped) > 0 || len(keys) != len(set.Keys) {
		t.Fatalf("skipped %v, %v", skipped, err)
	}
	for _, key := range keys {
		if key.ID != key.Thumbprint {
			t.Errorf("the kid %s is not the thumbprint %s", key.ID, key.Thumbprint)
		}
	}
}

func TestNoKeySetHoldsAnythingPrivate(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"} {
		l := newKeyLife(t, func() engine.Spec {
			spec := rotating(2*time.Hour, engine.Lifetime(time.Hour))
			spec.SigningKeys[0].Algorithm = algorithm
			return spec
		}())
		for len(l.signers) < 2 {
			l.advance(time.Hour)
			checkPublic(t, l.d.Live.Load())
		}
		stored, err := l.store.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range stored {
			if k.Algorithm != algorithm {
				t.Errorf("a key is for %s, want %s", k.Algorithm, algorithm)
			}
		}
	}
}

func TestKeysThatAreAlsoPublishedVerify(t *testing.T) {
	before := enginetest.NewKey(t, "", "RS256")
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(before.Private.Public().(*rsa.PublicKey))})
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateOf(t, before.Private).Raw})
	other := enginetest.NewKey(t, "", "ES256")
	tests := []struct {
		name    string
		also    string
		keys    int    // beside the one that signs
		because string // of a refusal
	}{
		{"a public key", string(before.PublicPEM()), 1, ""},
		{"a public key as PKCS #1", string(pkcs1), 1, ""},
		{"a certificate", string(certificate), 1, ""},
		{"a private key", string(pkcs8(t, before.Private)), 1, ""},
		{"a JWK set", string(enginetest.JWKS(before)), 1, ""},
		{"several, and one twice", string(before.PublicPEM()) + string(other.PublicPEM()) + string(certificate), 2, ""},
		{"text before it", "of last year\n" + string(before.PublicPEM()), 1, ""},

		{"text", "mine", 0, "no PEM block"},
		{"nothing", "", 0, "no PEM block"},
		{"a broken block", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0, "cannot be read"},
		{"a broken private key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0, "cannot be read"},
		{"a private JWK set", `{"keys":[` + privateJWK(t, before.Private, nil) + `]}`, 0, "private part is published"},
		{"an empty set", `{"keys":[]}`, 0, "no keys"},
		{"no set", `{}`, 0, "keys"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newKeyLife(t, func() engine.Spec {
				spec := rotating(0, engine.Lifetime(time.Hour))
				spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5, "private_key_file"), PrivateKey: engine.File{Content: pkcs8(t, before.Private)}}}
				return spec
			}())
			old := l.tokens[0]
			replaced := enginetest.NewKey(t, "", "ES384")
			key := &l.spec.SigningKeys[0]
			key.PrivateKey.Content = pkcs8(t, replaced.Private)
			l.compile()
			if err := l.knock(old.raw); err == nil {
				t.Fatal("a token of a key that nothing names any more is taken")
			}
			key.Decl, key.AlsoPublish.Content = enginetest.Declare("main", 5, "private_key_file", "also_publish_file"), engine.Secret(tt.also)
			if tt.because != "" {
				e, found := l.d.Compile(l.spec)
				if e != nil || len(found) != 1 || found[0].At.Start.Line != 7 || !strings.Contains(explain(found), tt.because) {
					t.Fatalf("compiled %t, told %s; want a refusal because %q", e != nil, explain(found), tt.because)
				}
				return
			}
			l.compile()
			checkPublic(t, l.d.Live.Load())
			if err := l.knock(old.raw); err != nil {
				t.Errorf("a token of the key before is refused: %s", err)
			}
			kids, algorithms := published(t, l.d.Live.Load(), "p")
			if len(kids) != 1+tt.keys || algorithms[0] != "ES384" {
				t.Errorf("published %v for %v", kids, algorithms)
			}
		})
	}
}

func TestAKeptKeyHasACertificate(t *testing.T) {
	for _, algorithm := range []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"} {
		d := newDaemon(t)
		spec := oneAccess()
		spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5), Algorithm: algorithm}}
		e := d.Serve(t, spec)
		stored, err := d.Store.SigningKeys(t.Context())
		if err != nil || len(stored) != 1 {
			t.Fatal(stored, err)
		}
		made, err := stored[0].Certificate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		again, err := stored[0].Certificate(rand.Reader)
		if err != nil || string(again) != string(made) && algorithm != "PS256" {
			t.Errorf("%s: made again, it is another (%v)", algorithm, err)
		}
		block, rest := pem.Decode(made)
		if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
			t.Fatalf("%s: %s", algorithm, made)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := e.ProviderKeys("p")
		if public := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !public.Equal(keys[0].Public) {
			t.Errorf("%s: it is another key's", algorithm)
		}
		if err := certificate.CheckSignature(certificate.SignatureAlgorithm, certificate.RawTBSCertificate, certificate.Signature); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if certificate.Subject.CommonName != "main" || certificate.IsCA || certificate.NotAfter.Before(time.Now().AddDate(9, 0, 0)) {
			t.Errorf("%s: CN %s, until %s", algorithm, certificate.Subject.CommonName, certificate.NotAfter)
		}
	}
}

func FuzzReadingAKeyThatIsBroughtAlong(f *testing.F) {
	ec := enginetest.NewKey(f, "", "ES256").Private
	f.Add([]byte(pkcs8(f, ec)), "")
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}`), "")
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB","p":"Aw","q":"BQ"}`), "")
	f.Add([]byte(`{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}`), "")
	f.Add([]byte("\x30\x82\x01\x00\x02\x01\x03"), "x")
	d := newDaemon(f)
	f.Fuzz(func(t *testing.T, content []byte, password string) {
		spec := broughtSpec(string(content), password, "")
		spec.SigningKeys[0].AlsoPublish.Content = engine.Secret(content)
		spec.SigningKeys[0].Decl = enginetest.Declare("own", 5, "private_key_file", "also_publish_file")
		if e, found := d.Compile(spec); e == nil && len(found) == 0 {
			t.Error("refused without a finding")
		} else if e != nil {
			checkPublic(t, e)
		}
	})
}
