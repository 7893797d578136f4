package engine_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// sentinel stands in every value of the faulty configurations that could have
// come from env() or file(): no finding may hold it.
const sentinel = "s3nt1nel"

// fixtures are keys for the configurations of these tests, made once.
type fixtures struct {
	es, es2  *enginetest.Key
	pkcs8    engine.Secret // of an RSA key
	p256     engine.Secret
	weak     engine.Secret // RSA with 1024 bits
	weakCert engine.Secret
}

func newFixtures(t *testing.T) fixtures {
	t.Helper()
	// The only way to a key that is too short.
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return fixtures{
		es: enginetest.NewKey(t, "es", "ES256"), es2: enginetest.NewKey(t, "es2", "ES256"),
		pkcs8: pkcs8(t, enginetest.NewKey(t, "", "RS256").Private), p256: pkcs8(t, p256), weak: pkcs8(t, weak),
		weakCert: engine.Secret((&enginetest.Key{Private: weak}).PublicPEM()),
	}
}

func pkcs8(t testing.TB, private any) engine.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// faultless is a configuration that nothing is told of.
func (f fixtures) faultless() engine.Spec {
	return engine.Spec{
		Server:   engine.Server{Decl: enginetest.Declare("", 1, "external_url"), ExternalURL: "https://" + sentinel + ".example", TrustUnix: true},
		Accounts: []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10, "groups"), Groups: []string{"metrics"}}},
		Sources: []engine.OAuthSource{{
			Decl:  enginetest.Declare("gh", 20, "issuer", "audiences", "oidc_jwks"),
			Trust: engine.Trust{Issuer: "https://" + sentinel + ".example", Audiences: []string{sentinel}},
			JWKS:  engine.File{Content: engine.Secret(enginetest.JWKS(f.es))},
		}},
		Certificates: []engine.VerificationCertificate{{
			Decl:        enginetest.Declare("partner", 30, "issuer", "audiences", "certificate"),
			Trust:       engine.Trust{Issuer: "https://" + sentinel + ".example", Audiences: []string{sentinel}},
			Certificate: engine.File{Content: engine.Secret(f.es2.PublicPEM())},
		}},
		Policies: []engine.PolicySource{{Decl: enginetest.Declare("yes", 40, "script"), Script: engine.Script{Text: "return true;", At: enginetest.At(41)}}},
		Providers: []engine.Provider{{
			Decl:     enginetest.Declare("p", 50, "client_id"),
			ClientID: sentinel,
			Accesses: []engine.Access{{
				Decl:     enginetest.Declare("all", 55, "from", "policies"),
				From:     enginetest.Refs("service_account.ci", "oauth_source.gh", "verification_certificate.partner"),
				Policies: enginetest.Refs("policy.yes"),
			}},
			ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 60, "external_host"), ExternalHost: sentinel + ".example", SkipPaths: []string{"/ready"}, Policies: enginetest.Refs("policy.yes")},
		}},
	}
}

// told is one finding as these tests expect it.
type told struct {
	severity engine.Severity
	summary  string
	detail   string // part of it
	line     int    // of main.hcl
}

func fault(summary, detail string, line int) []told {
	return []told{{engine.Error, summary, detail, line}}
}

func warning(summary, detail string, line int) []told {
	return []told{{engine.Warning, summary, detail, line}}
}

// faulty are all the ways in which a configuration can be wrong, each a change
// to a faultless one.
type faulty struct {
	name   string
	change func(*engine.Spec)
	told   []told
}

func (f fixtures) faults() []faulty {
	key := func(content engine.Secret, algorithm string) func(*engine.Spec) {
		return func(s *engine.Spec) {
			s.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("own", 5, "private_key"), Algorithm: algorithm, PrivateKey: engine.File{Content: content}}}
		}
	}
	jwks := func(text string) func(*engine.Spec) {
		return func(s *engine.Spec) { s.Sources[0].JWKS.Content = engine.Secret(text) }
	}
	remote := func(change func(*engine.OAuthSource)) func(*engine.Spec) {
		return func(s *engine.Spec) {
			s.Sources[0].Decl = enginetest.Declare("gh", 20, "issuer", "audiences", "oidc_jwks_url")
			s.Sources[0].JWKS, s.Sources[0].JWKSURL = engine.File{}, "https://"+sentinel+".example/jwks"
			change(&s.Sources[0])
		}
	}
	certificate := func(content engine.Secret) func(*engine.Spec) {
		return func(s *engine.Spec) { s.Certificates[0].Certificate.Content = content }
	}
	refer := func(change func(*engine.Provider)) func(*engine.Spec) {
		return func(s *engine.Spec) { change(&s.Providers[0]) }
	}
	from := func(names ...string) func(*engine.Spec) {
		return refer(func(p *engine.Provider) { p.Accesses[0].From = enginetest.Refs(names...) })
	}
	// shared makes the source one of many tenants that nothing narrows.
	shared := func(change func(*engine.OAuthSource)) func(*engine.Spec) {
		return func(s *engine.Spec) {
			s.Providers[0].Accesses[0].Policies = nil
			s.Providers[0].Accesses[0].From = enginetest.Refs("oauth_source.gh")
			change(&s.Sources[0])
		}
	}
	wide := fault(`access "all" lets every tenant of oauth_source.gh in`, "Add require_claims", 9000)
	broken := `{"keys":[{"kty":"EC","crv":"P-256","x":"` + sentinel + `","y":""}]}`
	good := strings.TrimSuffix(strings.TrimPrefix(string(enginetest.JWKS(f.es)), `{"keys":[`), "]}")
	oct := `{"kty":"oct","k":"` + sentinel + `"}`

	return []faulty{
		{"a public listener without external_url", func(s *engine.Spec) { s.Server.ExternalURL, s.Server.Listen = "", "0.0.0.0:9440" }, fault(`"external_url" is missing`, "external_url =", 1)},
		{"a unix socket without external_url", func(s *engine.Spec) { s.Server.ExternalURL, s.Server.Listen = "", "unix:///run/m2md.sock" }, fault(`"external_url" is missing`, "external_url =", 1)},
		{"a TLS key of another certificate", func(s *engine.Spec) {
			s.Server.TLS = &engine.TLS{Decl: enginetest.Declare("", 3), Certificate: engine.File{Content: sentinel}, PrivateKey: engine.File{Content: sentinel}}
		}, fault("the TLS certificate and key cannot be used together", "PEM", 3)},

		{"a source without issuer", func(s *engine.Spec) { s.Sources[0].Issuer = "" }, fault(`"issuer" is missing`, "allow_any_issuer = true", 20)},
		{"a source with any and one issuer", func(s *engine.Spec) { s.Sources[0].AllowAnyIssuer = true }, fault(`"allow_any_issuer" contradicts "issuer"`, "Remove one", 20)},
		{"a source without audiences", func(s *engine.Spec) { s.Sources[0].Audiences = nil }, fault(`"audiences" is missing`, "allow_any_audience = true", 20)},
		{"a source with any and some audiences", func(s *engine.Spec) { s.Sources[0].AllowAnyAudience = true }, fault(`"allow_any_audience" contradicts "audiences"`, "Remove one", 20)},
		{"a certificate without issuer", func(s *engine.Spec) { s.Certificates[0].Issuer = "" }, fault(`"issuer" is missing`, "allow_any_issuer = true", 30)},
		{"a certificate without audiences", func(s *engine.Spec) { s.Certificates[0].Audiences = nil }, fault(`"audiences" is missing`, "allow_any_audience = true", 30)},
		{"an unknown profile", func(s *engine.Spec) { s.Sources[0].Profile = sentinel }, fault("the profile is not known", "github-actions", 20)},
		{"any issuer of a shared profile", func(s *engine.Spec) {
			s.Sources[0].Profile, s.Sources[0].Issuer, s.Sources[0].AllowAnyIssuer = "github-actions", "", true
		}, fault(`"allow_any_issuer" is refused for shared keys`, "must be pinned", 20)},
		{"any issuer of Entra", func(s *engine.Spec) {
			s.Sources[0].Profile, s.Sources[0].Issuer, s.Sources[0].AllowAnyIssuer = "azure", "", true
		}, fault(`"allow_any_issuer" is refused for shared keys`, "must be pinned", 20)},
		{"any issuer of shared keys, which no profile says", remote(func(s *engine.OAuthSource) {
			s.JWKSURL, s.Issuer, s.AllowAnyIssuer = "https://token.actions.githubusercontent.com/.well-known/jwks", "", true
		}), fault(`"allow_any_issuer" is refused for shared keys`, "must be pinned", 20)},

		{"no certificate", certificate(sentinel), fault("the certificate cannot be used", "no PEM block", 33)},
		{"an empty certificate", certificate(""), fault("the certificate cannot be used", "no PEM block", 33)},
		{"a private key as certificate", certificate(f.p256), fault("the certificate cannot be used", "never private keys", 33)},
		{"a certificate with a broken body", certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), fault("the certificate cannot be used", "cannot be read", 33)},
		{"a public key of 1024 bits", certificate(f.weakCert), fault("the certificate cannot be used", "1024 bits", 33)},
		{"a good key and garbage behind it", certificate(engine.Secret(f.es2.PublicPEM()) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), fault("the certificate cannot be used", "cannot be read", 33)},

		{"no JWK set", jwks(sentinel), fault("the keys of the source cannot be read", "JSON Web Key Set", 23)},
		{"nothing for a JWK set", jwks(""), fault("the keys of the source cannot be read", "JSON Web Key Set", 23)},
		{"an empty JWK set", jwks(`{"keys":[]}`), fault("the source has no usable key", "no token of this source", 23)},
		{"a JWK set of one broken key", jwks(broken), []told{
			{engine.Warning, "key 1 of the set is not used", "", 23}, {engine.Error, "the source has no usable key", "", 23},
		}},
		{"a JWK set of a secret alone", jwks(`{"keys":[` + oct + `]}`), []told{
			{engine.Warning, "key 1 of the set is not used", "symmetric", 23}, {engine.Error, "the source has no usable key", "", 23},
		}},
		{"a secret beside a good key", jwks(`{"keys":[` + oct + `,` + good + `]}`), warning("key 1 of the set is not used", "symmetric", 23)},
		{"keys over HTTP", remote(func(s *engine.OAuthSource) { s.JWKSURL = "http://" + sentinel + ".example" }), fault("the keys of the source cannot be fetched from there", "http is not allowed", 23)},
		{"keys over FTP", remote(func(s *engine.OAuthSource) { s.JWKSURL = "ftp://" + sentinel + ".example" }), fault("the keys of the source cannot be fetched from there", "not https", 23)},
		{"keys from nowhere", remote(func(s *engine.OAuthSource) { s.JWKSURL = "://" + sentinel }), fault("the keys of the source cannot be fetched from there", "", 23)},
		{"keys under a CA that is none", remote(func(s *engine.OAuthSource) { s.CA.Content, s.Attrs["ca"] = sentinel, enginetest.At(24) }), fault("the keys of the source cannot be fetched from there", "CA", 23)},
		{"keys under a CA in an empty file", remote(func(s *engine.OAuthSource) { s.Attrs["ca_file"] = enginetest.At(24) }), fault("the CA is empty", "the system's", 24)},

		{"two sources of one name", func(s *engine.Spec) {
			again := s.Sources[0]
			again.Decl, again.Issuer = enginetest.Declare("gh", 25), "https://b.example"
			s.Sources = append(s.Sources, again)
		}, fault(`the source "gh" is declared twice`, "main.hcl:20,1", 25)},
		{"a source and a certificate of one name", func(s *engine.Spec) {
			s.Certificates[0].Label = "gh"
			s.Providers[0].Accesses[0].From = enginetest.Refs("service_account.ci")
		}, fault(`the source "gh" is declared twice`, "main.hcl:20,1", 30)},
		{"two accounts of one name", func(s *engine.Spec) {
			s.Accounts = append(s.Accounts, engine.ServiceAccount{Decl: enginetest.Declare("ci", 12)})
		}, fault(`the service account "ci" is declared twice`, "main.hcl:10,1", 12)},
		{"two policies of one name", func(s *engine.Spec) {
			s.Policies = append(s.Policies, engine.PolicySource{Decl: enginetest.Declare("yes", 42), Script: engine.Script{Text: "return true;"}})
		}, fault(`the policy "yes" is declared twice`, "main.hcl:40,1", 42)},
		{"two keys of one name", func(s *engine.Spec) {
			s.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("k", 6)}, {Decl: enginetest.Declare("k", 7)}}
			s.Providers[0].SigningKey = &engine.Ref{Kind: engine.KindSigningKey, Label: "k"}
		}, fault(`the signing key "k" is declared twice`, "main.hcl:6,1", 7)},
		{"two providers of one name", func(s *engine.Spec) {
			s.Providers = append(s.Providers, engine.Provider{Decl: enginetest.Declare("p", 70), ClientID: "other"})
		}, fault(`the provider "p" is declared twice`, "main.hcl:50,1", 70)},
		{"two accesses of one name", refer(func(p *engine.Provider) {
			p.Accesses = append(p.Accesses, engine.Access{Decl: enginetest.Declare("all", 58), From: enginetest.Refs("service_account.ci")})
		}), fault(`the access "all" is declared twice`, "main.hcl:55,1", 58)},
		{"a client_id that another has", func(s *engine.Spec) {
			s.Providers = append(s.Providers, engine.Provider{Decl: enginetest.Declare("q", 70, "client_id"), ClientID: sentinel, Accesses: s.Providers[0].Accesses})
		}, fault("the client_id is taken", `Provider "p" at main.hcl:50,1`, 71)},
		{"a label that is another's client_id", func(s *engine.Spec) {
			s.Providers[0].ClientID = "q"
			s.Providers = append(s.Providers, engine.Provider{Decl: enginetest.Declare("q", 70), Accesses: s.Providers[0].Accesses})
		}, fault("the client_id is taken", `Provider "p" at main.hcl:50,1`, 70)},
		{"an external_host that another has", func(s *engine.Spec) {
			s.Providers = append(s.Providers, engine.Provider{
				Decl: enginetest.Declare("q", 70), Accesses: s.Providers[0].Accesses,
				ForwardAuth: &engine.ForwardAuth{Decl: enginetest.Declare("", 75, "external_host"), ExternalHost: sentinel + ".example"},
			})
		}, fault("the external_host is taken", `Provider "p" at main.hcl:50,1`, 76)},

		{"a separator in a group", func(s *engine.Spec) { s.Accounts[0].Groups = []string{sentinel + "|admin"} }, fault("a group's name holds a character that none may have", "|", 11)},
		{"a line break in a group", func(s *engine.Spec) { s.Accounts[0].Groups = []string{sentinel + "\n"} }, fault("a group's name holds a character that none may have", "control", 11)},
		{"a policy that does not parse", func(s *engine.Spec) { s.Policies[0].Script.Text = "return (" }, []told{{engine.Error, "", "", 41}}},

		{"an unknown account", from("service_account.cj"), fault("service_account.cj is not declared", `Did you mean "ci"?`, 9000)},
		{"an unknown source", from("oauth_source.github"), fault("oauth_source.github is not declared", `No file has a block oauth_source "github"`, 9000)},
		{"an unknown certificate", from("verification_certificate.partners"), fault("verification_certificate.partners is not declared", `Did you mean "partner"?`, 9000)},
		{"a certificate as a source", from("oauth_source.partner"), fault("oauth_source.partner is not declared", "No file has a block", 9000)},
		{"an unknown policy", refer(func(p *engine.Provider) { p.Accesses[0].Policies = enginetest.Refs("policy.yess") }), fault("policy.yess is not declared", `Did you mean "yes"?`, 9000)},
		{"an unknown policy at the door", refer(func(p *engine.Provider) { p.ForwardAuth.Policies = enginetest.Refs("policy.yess") }), fault("policy.yess is not declared", `Did you mean "yes"?`, 9000)},
		{"an unknown key", refer(func(p *engine.Provider) { p.SigningKey = &enginetest.Refs("signing_key.main")[0] }), fault("signing_key.main is not declared", "No file has a block", 9000)},
		{"an unknown provider as proof", from("provider.q"), fault("provider.q is not declared", "No file has a block", 9000)},
		{"a provider of which only its own tokens are proof", from("provider.p"), warning(`nobody gets into provider "p"`, "themselves let nobody in", 50)},
		{"several keys, and none chosen", func(s *engine.Spec) {
			s.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("a", 6)}, {Decl: enginetest.Declare("b", 7)}}
		}, fault(`provider "p" does not say which key signs`, "signing_key = signing_key.a", 50)},
		{"a provider without access", refer(func(p *engine.Provider) { p.Accesses = nil }), warning(`nobody gets into provider "p"`, "no access block", 50)},
		{"claims asked of an account", refer(func(p *engine.Provider) {
			p.Accesses[0].Decl = enginetest.Declare("all", 55, "from", "require_claims")
			p.Accesses[0].Require = enginetest.Require(map[string]any{"sub": sentinel})
		}), warning("service_account.ci never gets in by this access", "an access of its own", 57)},

		{"a shared profile that nothing narrows", shared(func(s *engine.OAuthSource) { s.Profile = "github-actions" }), append(warning("the issuer is none of GitHub Actions", "Check the issuer", 21), wide...)},
		{"a shared issuer that nothing narrows", shared(func(s *engine.OAuthSource) { s.Issuer = enginetest.GitLab }), wide},
		{"any tenant of Entra", shared(func(s *engine.OAuthSource) {
			s.Profile, s.Issuer = "azure", "https://login.microsoftonline.com/common/v2.0"
		}), append(warning("the issuer is none of Microsoft Entra ID", "Check the issuer", 21), wide...)},
		{"one tenant of Entra", shared(func(s *engine.OAuthSource) {
			s.Profile, s.Issuer = "azure", "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
		}), nil},
		{"a cluster", shared(func(s *engine.OAuthSource) { s.Profile = "kubernetes" }), nil},
		{"a shared issuer that the source narrows", shared(func(s *engine.OAuthSource) {
			s.Issuer, s.Require = enginetest.GitHub, enginetest.Require(map[string]any{"repository_owner_id": "1"})
		}), nil},
		{"a shared issuer that is meant", func(s *engine.Spec) {
			shared(func(s *engine.OAuthSource) { s.Issuer = enginetest.GitHub })(s)
			s.Providers[0].Accesses[0].AllowAnySubject = true
		}, nil},
		{"a shared issuer that a policy narrows", func(s *engine.Spec) { s.Sources[0].Issuer = enginetest.GitHub }, nil},

		{"one key under one issuer in two sources", func(s *engine.Spec) {
			again := s.Sources[0]
			again.Decl = enginetest.Declare("gh2", 25, "issuer")
			s.Sources = append(s.Sources, again)
		}, fault(`"gh" and "gh2" share a key and an issuer`, "two identities", 26)},
		{"one key under one issuer in a source and a certificate", certificate(engine.Secret(f.es.PublicPEM())), fault(`"gh" and "partner" share a key and an issuer`, "two identities", 31)},
		{"one key under one issuer and under any", func(s *engine.Spec) {
			again := s.Sources[0]
			again.Decl, again.Issuer, again.AllowAnyIssuer = enginetest.Declare("gh2", 25), "", true
			s.Sources = append(s.Sources, again)
		}, fault(`"gh" and "gh2" share a key and an issuer`, "two identities", 25)},
		{"one key under any issuer and under one", func(s *engine.Spec) {
			again := s.Sources[0]
			again.Decl = enginetest.Declare("gh2", 25, "issuer")
			s.Sources[0].Issuer, s.Sources[0].AllowAnyIssuer = "", true
			s.Sources = append(s.Sources, again)
		}, fault(`"gh" and "gh2" share a key and an issuer`, "two identities", 26)},
		{"one key under two issuers", func(s *engine.Spec) {
			again := s.Sources[0]
			again.Decl, again.Issuer = enginetest.Declare("gh2", 25, "issuer"), "https://b.example"
			s.Sources = append(s.Sources, again)
		}, nil},
		{"one URL under one issuer in two sources", func(s *engine.Spec) {
			remote(func(*engine.OAuthSource) {})(s)
			again := s.Sources[0]
			again.Decl = enginetest.Declare("gh2", 25, "oidc_jwks_url")
			s.Sources = append(s.Sources, again)
		}, fault(`"gh" and "gh2" share a key and an issuer`, "two identities", 26)},

		{"a private key that is none", key(sentinel, ""), fault("the private key cannot be read", "PEM", 6)},
		{"an empty private key", key("", ""), fault("the private key cannot be read", "PEM", 6)},
		{"a private key with a broken body", key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ""), fault("the private key cannot be read", "cannot be read", 6)},
		{"a public key for a private one", key(engine.Secret(f.es.PublicPEM()), ""), fault("the private key cannot be read", "no PEM block with a private key", 6)},
		{"an RSA key of 1024 bits", key(f.weak, ""), fault("the private key does not fit", "1024 bits", 6)},
		{"an RSA key for ES256", key(f.pkcs8, "ES256"), fault("the private key does not fit", "ES256", 6)},
		{"a P-256 key for ES384", key(f.p256, "ES384"), fault("the private key does not fit", "ES384", 6)},
		{"a P-256 key for RS256", key(f.p256, "RS256"), fault("the private key does not fit", "RS256", 6)},
		{"a P-256 key for EdDSA", key(f.p256, "EdDSA"), fault("the private key does not fit", "EdDSA", 6)},
		{"an RSA key for an algorithm that is none", key(f.pkcs8, "none"), fault("the private key does not fit", "", 6)},
		{"an RSA key for HS256", key(f.pkcs8, "HS256"), fault("the private key does not fit", "", 6)},
		{"an RSA key for PS512", key(f.pkcs8, "PS512"), nil},
	}
}

func TestCompileTellsEveryFaultAtItsPlace(t *testing.T) {
	f := newFixtures(t)
	d := newDaemon(t)
	if _, found := d.Compile(f.faultless()); len(found) != 0 {
		t.Fatalf("the faultless configuration: %s", found)
	}
	for _, tt := range f.faults() {
		t.Run(tt.name, func(t *testing.T) {
			spec := f.faultless()
			tt.change(&spec)
			e, found := d.Compile(spec)
			if (e == nil) != (found.Err() != nil) {
				t.Errorf("the engine is %v beside %v", e != nil, found)
			}
			if len(found) != len(tt.told) {
				t.Fatalf("told %d findings, want %d:\n%s", len(found), len(tt.told), explain(found))
			}
			for i, want := range tt.told {
				got := found[i]
				if got.Severity != want.severity || want.summary != "" && got.Summary != want.summary || !strings.Contains(got.Detail, want.detail) {
					t.Errorf("told %s, want %s: %s: …%s…", explain(found[i:i+1]), want.severity, want.summary, want.detail)
				}
				if got.At.File != "main.hcl" || got.At.Start.Line != want.line {
					t.Errorf("it stands at %s, want line %d", got.At, want.line)
				}
			}
			checkProse(t, found)
		})
	}
}

// checkProse checks how findings are written, and that they hold no value.
func checkProse(t *testing.T, found engine.Findings) {
	t.Helper()
	for _, one := range found {
		if one.Summary == "" || strings.HasSuffix(one.Summary, ".") || strings.Contains(one.Summary, "\n") {
			t.Errorf("the summary is %q", one.Summary)
		}
		if one.Detail == "" || !strings.HasSuffix(one.Detail, ".") && !strings.HasSuffix(one.Detail, "?") || strings.Contains(one.Detail, "..") {
			t.Errorf("the detail is %q", one.Detail)
		}
	}
	if text := explain(found); strings.Contains(text, sentinel) || strings.Contains(text, "sensitive") {
		t.Errorf("a value is told: %s", text)
	}
}

func explain(found engine.Findings) string {
	var all strings.Builder
	for _, one := range found {
		fmt.Fprintf(&all, "%s: %s: %s: %s\n", one.At, one.Severity, one.Summary, one.Detail)
	}
	return all.String()
}

func TestCompileTellsAllFaultsAtOnceAndInOrder(t *testing.T) {
	f := newFixtures(t)
	spec := f.faultless()
	var want []string
	// Those that do not stand in each other's way.
	for _, name := range []string{
		"a public listener without external_url", "a private key that is none", "a line break in a group",
		"a source without audiences", "no JWK set", "an empty certificate", "a certificate without issuer",
		"a policy that does not parse", "an unknown policy", "an unknown account", "an external_host that another has",
	} {
		all := f.faults()
		i := slices.IndexFunc(all, func(one faulty) bool { return one.name == name })
		if i < 0 {
			t.Fatalf("there is no fault %q", name)
		}
		all[i].change(&spec)
		want = append(want, all[i].told[0].summary)
	}
	e, found := newDaemon(t).Compile(spec)
	if e != nil || found.Err() == nil {
		t.Fatal("a faulty configuration was compiled")
	}
	text := explain(found)
	for _, summary := range want {
		if !strings.Contains(text, summary) {
			t.Errorf("%q is not told in\n%s", summary, text)
		}
	}
	if !slices.IsSortedFunc(found, func(a, b engine.Finding) int { return a.At.Start.Byte - b.At.Start.Byte }) {
		t.Errorf("the order is\n%s", text)
	}
	checkProse(t, found)
}

// Values that were absent and allowed to be are not checked, and nothing is
// told of them.
func TestCompileLeavesUnknownValuesAlone(t *testing.T) {
	f := newFixtures(t)
	spec := f.faultless()
	spec.Incomplete = true
	unknown := func(names ...string) map[string]bool {
		all := map[string]bool{}
		for _, name := range names {
			all[name] = true
		}
		return all
	}
	spec.Server.ExternalURL, spec.Server.Listen, spec.Server.Unknown = "", ":9440", unknown("external_url")
	spec.Sources[0].JWKS.Content, spec.Sources[0].Issuer, spec.Sources[0].Audiences = "", "", nil
	spec.Sources[0].Unknown = unknown("oidc_jwks", "issuer", "audiences")
	spec.Certificates[0].Certificate.Content, spec.Certificates[0].Unknown = "", unknown("certificate")
	spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("own", 5, "private_key")}}
	spec.SigningKeys[0].Unknown = unknown("private_key")
	e, found := newDaemon(t).Compile(spec)
	if e == nil || len(found) != 0 {
		t.Errorf("told %s", explain(found))
	}
}

// keyless is a storage whose signing keys cannot be read, or not be kept.
type keyless struct {
	*memory.Store
	unreadable bool
}

func (k keyless) SigningKeys(ctx context.Context) ([]engine.StoredKey, error) {
	if k.unreadable {
		return nil, errors.New("the disk is gone")
	}
	return k.Store.SigningKeys(ctx)
}

func (keyless) ChangeSigningKeys(context.Context, []engine.StoredKey, []string) error {
	return errors.New("the disk is full")
}

func TestASigningKeyThatCannotBeKeptSignsNothing(t *testing.T) {
	f := newFixtures(t)
	for _, unreadable := range []bool{true, false} {
		d := enginetest.NewDaemon(t, enginetest.Parts{Store: keyless{memory.New(), unreadable}, Policies: scripting.New(scripting.Options{})})
		e, found := d.Compile(f.faultless())
		if e != nil || !strings.Contains(explain(found), "the disk is") {
			t.Errorf("compiled %v, told %s", e != nil, explain(found))
		}
	}
}

// published are the kids that a provider publishes, the signing one first.
func published(t *testing.T, e *engine.Engine, provider string) (kids, algorithms []string) {
	t.Helper()
	metadata, found := e.Metadata(provider)
	if !found {
		t.Fatalf("%s has no metadata", provider)
	}
	var set struct {
		Keys []struct{ Kid, Alg, Use string }
	}
	if err := json.Unmarshal(metadata.JWKS, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		kids, algorithms = append(kids, key.Kid), append(algorithms, key.Alg)
		if key.Use != "sig" {
			t.Errorf("use = %q", key.Use)
		}
	}
	if len(kids) == 0 {
		t.Fatal("no key is published")
	}
	return kids, algorithms
}

func TestASigningKeyIsMadeOnceAndKept(t *testing.T) {
	d := newDaemon(t)
	spec := oneAccess()
	named := spec
	named.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5)}}
	first, algorithms := published(t, d.Serve(t, named), "p")
	if len(first) != 1 || algorithms[0] != "ES256" {
		t.Fatalf("published %v for %v", first, algorithms)
	}
	named.SigningKeys[0].Algorithm = "ES256"
	if again, _ := published(t, d.Serve(t, named), "p"); !slices.Equal(again, first) {
		t.Errorf("published %v, then %v", first, again)
	}
	unnamed, _ := published(t, d.Serve(t, spec), "p")
	if len(unnamed) != 2 || unnamed[0] == first[0] || unnamed[1] != first[0] {
		t.Errorf("without a block: %v; want another key to sign, and the one before to verify", unnamed)
	}
	stored, err := d.Store.SigningKeys(t.Context())
	if err != nil || len(stored) != 2 {
		t.Errorf("%d keys are kept (%v), want 2", len(stored), err)
	}
}

func TestADamagedStoredKeyIsToldAndNotReplaced(t *testing.T) {
	d := newDaemon(t)
	damaged := engine.StoredKey{Name: "main", ID: "x", Algorithm: "ES256", PKCS8: []byte("x"), CreatedAt: d.Clock.Now()}
	if err := d.Store.ChangeSigningKeys(t.Context(), []engine.StoredKey{damaged}, nil); err != nil {
		t.Fatal(err)
	}
	spec := oneAccess()
	spec.SigningKeys = []engine.SigningKey{{Decl: enginetest.Declare("main", 5)}}
	e, found := d.Compile(spec)
	if e != nil || !strings.Contains(explain(found), "the stored key is damaged") {
		t.Errorf("compiled %v, told %s", e != nil, explain(found))
	}
}
