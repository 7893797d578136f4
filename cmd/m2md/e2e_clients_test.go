//go:build unix

package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/m2md/m2md/engine/enginetest"
)

// platform is a CI platform that signs with one key and shows the certificate.
const platform = `
service_account "backup" {}

verification_certificate "ci" {
  certificate_file = "../ci.pem"
  issuer           = "https://ci.example.com"
  audiences        = ["m2md"]
}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
  access "ci" {
    from           = [verification_certificate.ci]
    require_claims = { ref = "refs/heads/main" }
  }
  forward_auth {
    external_host = "files.localhost"
  }
}
`

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// jobClaims are what the platform says of a job.
func jobClaims(issuer string) map[string]any {
	return map[string]any{
		"iss": issuer, "sub": "job/7", "aud": "m2md", "ref": "refs/heads/main",
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
	}
}

// opensslKey has openssl make a key and a certificate, and returns the key.
func opensslKey(t *testing.T, certificate, algorithm string, newkey ...string) *enginetest.Key {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	args := append([]string{"req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=ci.example.com", "-keyout", file, "-out", certificate, "-newkey"}, newkey...)
	if out, err := exec.Command(needs(t, "openssl"), args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl: %s\n%s", err, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		t.Fatalf("openssl wrote no PEM to %s", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return &enginetest.Key{Algorithm: algorithm, Private: parsed.(crypto.Signer)}
}

func TestE2ECertificatesOfOpenSSLVerify(t *testing.T) {
	tests := []struct {
		name      string
		algorithm string
		newkey    []string
	}{
		{"RSA", "RS256", []string{"rsa:2048"}},
		{"RSA-PSS signatures of an RSA key", "PS256", []string{"rsa:2048"}},
		{"RSA 4096", "RS512", []string{"rsa:4096"}},
		{"P-256", "ES256", []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-256"}},
		{"P-384", "ES384", []string{"ec", "-pkeyopt", "ec_paramgen_curve:P-384"}},
		{"Ed25519", "EdDSA", []string{"ed25519"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, platform)
			key := opensslKey(t, filepath.Join(s.dir, "ci.pem"), tt.algorithm, tt.newkey...)
			s.serve()
			s.token("files", key.Mint(jobClaims("https://ci.example.com")))

			stranger := enginetest.NewKey(t, "", tt.algorithm)
			answer, err := s.ask(t.Context(), credentials("files", stranger.Mint(jobClaims("https://ci.example.com"))))
			if err != nil || answer.Status == http.StatusOK {
				t.Errorf("a stranger's signature: %v %+v", err, answer)
			}
		})
	}
}

func TestE2ECurlGetsTokensInEveryForm(t *testing.T) {
	curl := needs(t, "curl")
	s := newSite(t, platform)
	key := opensslKey(t, filepath.Join(s.dir, "ci.pem"), "RS256", "rsa:2048")
	s.serve()
	password := s.password("backup")
	jwt := key.Mint(jobClaims("https://ci.example.com"))
	pair := base64.StdEncoding.EncodeToString([]byte("backup:" + password))
	tests := []struct {
		name string
		args []string
	}{
		{"username and password", []string{"-d", "client_id=files", "-d", "username=backup", "-d", "password=" + password}},
		{"username and password, client_id by Basic", []string{"-u", "files:", "-d", "username=backup", "-d", "password=" + password}},
		{"app password as the secret", []string{"-d", "client_id=files", "-d", "client_secret=" + password}},
		{"app password as the secret, by Basic", []string{"-u", "files:" + password}},
		{"base64 of account and app password", []string{"-d", "client_id=files", "--data-urlencode", "client_secret=" + pair}},
		{"base64 of account and app password, by Basic", []string{"-u", "files:" + pair}},
		{"base64 with white space at its ends", []string{"-d", "client_id=files", "--data-urlencode", "client_secret= " + pair + "\n"}},
		{"JWT as the assertion", []string{"-d", "client_id=files", "-d", "client_assertion_type=" + jwtBearer, "-d", "client_assertion=" + jwt}},
		{"JWT as the assertion, client_id by Basic", []string{"-u", "files:", "-d", "client_assertion_type=" + jwtBearer, "-d", "client_assertion=" + jwt}},
		{"JWT as the secret", []string{"-d", "client_id=files", "-d", "client_secret=" + jwt}},
		{"JWT as the secret, by Basic", []string{"-u", "files:" + jwt}},
		{"JWT as the secret, with the type", []string{"-d", "client_id=files", "-d", "client_assertion_type=" + jwtBearer, "-d", "client_secret=" + jwt}},
		{"JWT as the secret, by Basic, with the type", []string{"-u", "files:" + jwt, "-d", "client_assertion_type=" + jwtBearer}},
	}
	for _, path := range []string{"/oauth2/token", "/application/o/token/"} {
		for _, tt := range tests {
			t.Run(path+" "+tt.name, func(t *testing.T) {
				args := append([]string{"-sS", "--fail-with-body", s.url + path, "-d", "grant_type=client_credentials"}, tt.args...)
				out, err := exec.CommandContext(t.Context(), curl, args...).CombinedOutput()
				var got tokenAnswer
				if err != nil || json.Unmarshal(out, &got) != nil || got.AccessToken == "" || got.TokenType != "Bearer" {
					t.Errorf("curl: %v, %s", err, out)
				}
			})
		}
	}
}

func TestE2EClientOfGoComesThroughNginx(t *testing.T) {
	s := newSite(t, guardedFiles)
	nginx := startNginx(t, s, "files", echo(t))
	s.serve()
	password := s.password("backup")
	for name, style := range map[string]oauth2.AuthStyle{
		"finding out by itself": oauth2.AuthStyleAutoDetect, "by Basic": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams,
	} {
		t.Run(name, func(t *testing.T) {
			config := clientcredentials.Config{ClientID: "files", ClientSecret: password, TokenURL: s.url + "/oauth2/token", AuthStyle: style}
			res, err := config.Client(t.Context()).Get("http://" + nginx + "/reports")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var got seen
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != http.StatusOK || got.Header.Get("X-M2md-Subject") != "backup" {
				t.Errorf("status %s, decoding %v, backend saw %v", res.Status, err, got.Header)
			}
		})
	}
}

func TestE2EIssuerOverHTTPIsFollowedWhenItsKeysChange(t *testing.T) {
	first, second := enginetest.NewKey(t, "first", "ES256"), enginetest.NewKey(t, "second", "RS256")
	issuer := enginetest.NewIssuer(t, first)
	s := newSite(t, `
oauth_source "by_jwks" {
  issuer        = "`+issuer.URL+`"
  oidc_jwks_url = "`+issuer.JWKSURL()+`"
  allow_http    = true
  audiences     = ["m2md"]
}
oauth_source "by_discovery" {
  issuer              = "`+issuer.URL+`"
  oidc_well_known_url = "`+issuer.WellKnownURL()+`"
  allow_http          = true
  audiences           = ["m2md"]
}
provider "one" {
  access "jobs" {
    from           = [oauth_source.by_jwks]
    require_claims = { ref = "refs/heads/main" }
  }
}
provider "two" {
  access "jobs" {
    from           = [oauth_source.by_discovery]
    require_claims = { ref = "refs/heads/main" }
  }
}
`)
	s.serve()
	for _, provider := range []string{"one", "two"} {
		s.token(provider, first.Mint(jobClaims(issuer.URL)))
	}
	issuer.Publish(first, second)
	for _, provider := range []string{"one", "two"} {
		eventually(t, "taken from the issuer: the new key, for "+provider, func() bool {
			answer, err := s.ask(t.Context(), credentials(provider, second.Mint(jobClaims(issuer.URL))))
			return err == nil && answer.Status == http.StatusOK
		})
		s.token(provider, first.Mint(jobClaims(issuer.URL)))
	}
	issuer.Stop()
	s.token("one", second.Mint(jobClaims(issuer.URL))) // what is known goes on counting
}

func TestE2EIssuedTokensAreVerifiedByAnOpenIDClient(t *testing.T) {
	s := newSite(t, guardedFiles)
	s.serve()
	token := s.token("files", s.password("backup"))
	provider, err := oidc.NewProvider(t.Context(), s.url+"/providers/files")
	if err != nil {
		t.Fatal(err)
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: "files"}).Verify(t.Context(), token)
	if err != nil || verified.Subject != "backup" {
		t.Fatalf("verifying: %v, %+v", err, verified)
	}
	for _, path := range []string{"/providers/files/jwks", "/application/o/files/jwks/"} {
		keys := oidc.NewRemoteKeySet(t.Context(), s.url+path)
		if _, err := keys.VerifySignature(t.Context(), token); err != nil {
			t.Errorf("%s: %s", path, err)
		}
	}
	ours := published(t, s.url+"/providers/files/.well-known/openid-configuration")
	if theirs := published(t, s.url+"/application/o/files/.well-known/openid-configuration"); !bytes.Equal(ours, theirs) || !strings.Contains(string(ours), s.url+"/providers/files") {
		t.Errorf("the documents are\n%s\n%s", ours, theirs)
	}
}

func published(t *testing.T, address string) []byte {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, res.Status, err)
	}
	return body.Bytes()
}
