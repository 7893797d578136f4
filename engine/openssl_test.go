package engine_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/oauth2"
)

// openssl is a folder in which openssl makes files.
type openssl struct {
	t   *testing.T
	dir string
}

// newOpenSSL leaves the test out where openssl is missing.
func newOpenSSL(t *testing.T) openssl {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	return openssl{t, t.TempDir()}
}

// run runs openssl with a command line of words without spaces.
func (o openssl) run(line string) {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "openssl", strings.Fields(line)...)
	cmd.Dir = o.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		o.t.Fatalf("openssl %s: %s\n%s", line, err, out)
	}
}

func (o openssl) read(name string) engine.Secret {
	o.t.Helper()
	content, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return engine.Secret(content)
}

// key reads a private key that openssl wrote as PKCS #8.
func (o openssl) key(name, algorithm string) *enginetest.Key {
	o.t.Helper()
	block, _ := pem.Decode([]byte(o.read(name)))
	if block == nil {
		o.t.Fatalf("%s is no PEM", name)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		o.t.Fatal(err)
	}
	return &enginetest.Key{Algorithm: algorithm, Private: private.(crypto.Signer)}
}

// partner is a configuration whose only source is a certificate.
func partner(content engine.Secret) engine.Spec {
	spec := oneAccess("verification_certificate.partner")
	spec.Certificates = []engine.VerificationCertificate{{
		Decl:        enginetest.Declare("partner", 30, "certificate_file"),
		Trust:       engine.Trust{Issuer: "https://ci.partner.example", Audiences: []string{audience}},
		Certificate: engine.File{Content: content},
	}}
	return spec
}

func partnerClaims(now time.Time) map[string]any {
	return enginetest.With(enginetest.GitHubClaims(now, audience), map[string]any{"iss": "https://ci.partner.example", "sub": "build"})
}

func TestVerificationCertificatesOfOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	tests := []struct {
		algorithm string
		newkey    string
	}{
		{"RS256", "rsa:2048"}, {"RS512", "rsa:2048"}, {"PS256", "rsa:3072"}, {"RS256", "rsa:4096"},
		{"ES256", "ec -pkeyopt ec_paramgen_curve:P-256"},
		{"ES384", "ec -pkeyopt ec_paramgen_curve:P-384"},
		{"ES512", "ec -pkeyopt ec_paramgen_curve:P-521"},
		{"EdDSA", "ed25519"},
	}
	for _, tt := range tests {
		t.Run(tt.algorithm+" by "+tt.newkey, func(t *testing.T) {
			o.t = t
			o.run("req -x509 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=ci -newkey " + tt.newkey)
			o.run("pkey -in key.pem -pubout -out public.pem")
			key := o.key("key.pem", tt.algorithm)
			for _, file := range []string{"cert.pem", "public.pem"} {
				d := newDaemon(t)
				d.Serve(t, partner(o.read(file)))
				claims := partnerClaims(d.Clock.Now())
				if got := accepted(t, d, key.Mint(claims)); got.Subject != "partner/build" || got.Source != "verification_certificate.partner" {
					t.Errorf("%s: the decision is %+v", file, got)
				}
				// The kid of a token says nothing about a certificate.
				accepted(t, d, key.MintWith(map[string]any{"kid": "whatever"}, claims))
				refused(t, d, enginetest.NewKey(t, "", tt.algorithm).Mint(claims), "no key of verification_certificate.partner")
				refused(t, d, enginetest.HMAC("HS256", []byte(o.read(file)), `{"alg":"HS256"}`, `{"iss":"https://ci.partner.example"}`), "no key of verification_certificate.partner")
				refused(t, d, key.Mint(enginetest.With(claims, map[string]any{"iss": "https://other.example"})), "whose issuer is")
			}
		})
	}
}

func TestACertificateCountsWithinItsValidityOnly(t *testing.T) {
	o := newOpenSSL(t)
	o.run("req -x509 -nodes -keyout key.pem -out cert.pem -days 60 -subj /CN=ci -newkey ec -pkeyopt ec_paramgen_curve:P-256")
	o.run("pkey -in key.pem -pubout -out public.pem")
	key := o.key("key.pem", "ES256")
	d := newDaemon(t)
	if _, found := d.Compile(partner(o.read("cert.pem"))); len(found) != 0 {
		t.Fatalf("told %s", found)
	}
	d.Serve(t, partner(o.read("cert.pem")))
	mint := func() string { return key.Mint(partnerClaims(d.Clock.Now())) }
	accepted(t, d, mint())
	for _, away := range []time.Duration{61 * 24 * time.Hour, -24 * time.Hour} {
		d.Clock.Advance(away)
		refused(t, d, mint(), "no key of verification_certificate.partner")
		_, found := d.Compile(partner(o.read("cert.pem")))
		if len(found) != 1 || found[0].Severity != engine.Warning || found[0].Summary != "a certificate is outside its validity" || found[0].At.Start.Line != 31 {
			t.Errorf("%s away: told %s", away, explain(found))
		}
		d.Clock.Advance(-away)
	}
	d.Serve(t, partner(o.read("public.pem")))
	d.Clock.Advance(10 * 365 * 24 * time.Hour) // a bare key has no validity
	accepted(t, d, mint())
}

func TestAChainOfCertificates(t *testing.T) {
	o := newOpenSSL(t)
	o.run("req -x509 -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=ca -newkey rsa:2048")
	o.run("req -nodes -keyout key.pem -out csr.pem -subj /CN=ci -newkey ec -pkeyopt ec_paramgen_curve:P-256")
	o.run("x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -out cert.pem")
	d := newDaemon(t)
	d.Serve(t, partner(o.read("cert.pem")+o.read("ca.pem")))
	claims := partnerClaims(d.Clock.Now())
	accepted(t, d, o.key("key.pem", "ES256").Mint(claims))
	refused(t, d, enginetest.NewKey(t, "", "ES256").Mint(claims), "no key")
}

func TestSigningKeysOfOpenSSL(t *testing.T) {
	o := newOpenSSL(t)
	tests := []struct {
		name      string
		commands  []string // that write key.pem
		algorithm string   // as the configuration says
		signs     string   // "" for a refusal
	}{
		{"RSA as PKCS #8", []string{"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"}, "", "RS256"},
		{"RSA as PKCS #8 for PS384", []string{"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem"}, "PS384", "PS384"},
		{"RSA as PKCS #1", []string{"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem", "rsa -in pkcs8.pem -traditional -out key.pem"}, "", "RS256"},
		{"P-256 as PKCS #8", []string{"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"}, "", "ES256"},
		{"P-256 as SEC 1 with parameters", []string{"ecparam -genkey -name prime256v1 -out key.pem"}, "ES256", "ES256"},
		{"P-384 as SEC 1", []string{"ecparam -genkey -noout -name secp384r1 -out key.pem"}, "", "ES384"},
		{"P-521 as PKCS #8", []string{"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out key.pem"}, "", "ES512"},
		{"Ed25519", []string{"genpkey -algorithm ED25519 -out key.pem"}, "", "EdDSA"},

		{"an encrypted key", []string{"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:x -out key.pem"}, "", ""},
		{"an encrypted key in the old form", []string{"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem", "rsa -in pkcs8.pem -traditional -aes128 -passout pass:x -out key.pem"}, "", ""},
		{"a key on secp256k1", []string{"ecparam -genkey -name secp256k1 -out key.pem"}, "", ""},
		{"a key for X25519", []string{"genpkey -algorithm X25519 -out key.pem"}, "", ""},
		{"a key on P-224", []string{"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -out key.pem"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o.t = t
			for _, command := range tt.commands {
				o.run(command)
			}
			d := newDaemon(t)
			spec := oneAccess("service_account.ci")
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
			spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("own", 5, "private_key_file"), Algorithm: tt.algorithm, PrivateKey: engine.File{Content: o.read("key.pem")}}}
			if tt.signs == "" {
				e, found := d.Compile(spec)
				if e != nil || len(found) != 1 || found[0].At.Start.Line != 6 {
					t.Fatalf("compiled %v, told %s", e != nil, explain(found))
				}
				for line := range strings.SplitSeq(string(spec.SigningKeys[0].PrivateKey.Content), "\n") {
					if len(line) > 30 && strings.Contains(explain(found), line) {
						t.Errorf("key material is told: %s", explain(found))
					}
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
			if stored, err := d.Store.SigningKeys(t.Context()); err != nil || len(stored) != 0 {
				t.Errorf("a brought key was kept: %d (%v)", len(stored), err)
			}
		})
	}
}

// verifyByMetadata verifies a token of the provider p with go-jose, by the
// keys that the provider publishes.
func verifyByMetadata(t *testing.T, e *engine.Engine, token, algorithm string) {
	t.Helper()
	metadata, _ := e.Metadata("p")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(metadata.JWKS, &set); err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := parsed.Claims(set, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "ci" || !strings.Contains(string(metadata.Discovery), `"id_token_signing_alg_values_supported":["`+algorithm+`"]`) {
		t.Errorf("sub = %q, discovery %s", claims.Subject, metadata.Discovery)
	}
}
