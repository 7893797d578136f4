package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/issuer"
)

// needsBuilt finds a program that is built from source, which `make e2e` does
// into the folder that M2MD_BUILT_SERVERS names. Without that the test is
// skipped by name; with it the program must be there.
func needsBuilt(t testing.TB, program string) string {
	t.Helper()
	folder := os.Getenv("M2MD_BUILT_SERVERS")
	if folder == "" {
		t.Skipf("left out: %s is built by make e2e alone, which says so by M2MD_BUILT_SERVERS", program)
	}
	path, err := exec.LookPath(filepath.Join(folder, program))
	if err != nil {
		t.Fatalf("M2MD_BUILT_SERVERS says that %s was built: %s", program, err)
	}
	return path
}

// cluster is what Kubernetes' own code made: testdata/e2e/kubernetes.
type cluster struct {
	Issuer        string
	Account       string // uid of prom/prom-sa
	Configuration json.RawMessage
	Keys          json.RawMessage
	MaxAge        int `json:"max_age"`
	Tokens        map[string]string
}

// newCluster makes a cluster with keys of its own.
func newCluster(t testing.TB, args ...string) cluster {
	t.Helper()
	cmd := exec.Command(needsBuilt(t, "kubernetes-tokens"), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %s\n%s", cmd, err, errs.String())
	}
	var made cluster
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// decided asks for a token with an input JWT, and returns the answer and its
// audit record.
func (s *site) decided(daemon *process, provider, jwt string) (tokenAnswer, map[string]string) {
	s.t.Helper()
	before := strings.Count(daemon.stdout.String(), "\n")
	answer, err := s.ask(s.t.Context(), credentials(provider, jwt))
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	eventually(s.t, "a decision", func() bool {
		lines = strings.SplitAfter(daemon.stdout.String(), "\n")
		return len(lines) > before+1 // what follows the last line break is the last of them
	})
	if strings.Contains(lines[before], jwt[strings.LastIndexByte(jwt, '.'):]) {
		s.t.Errorf("the decision holds the token's signature: %s", lines[before])
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(lines[before]), &record); err != nil {
		s.t.Fatalf("%s in %q", err, lines[before])
	}
	texts := map[string]string{}
	for name, value := range record {
		texts[name] = fmt.Sprint(value)
	}
	return answer, texts
}

// promOnly is an access for one service account, as its namespace, name and uid say.
const promOnly = `{
      "kubernetes.io" = {
        namespace      = "prom"
        serviceaccount = { name = "prom-sa", uid = %q }
      }
    }`

// twoClusters has two clusters that call themselves by the same iss. Each has a
// provider of its own, and one lets both in.
const twoClusters = `
oauth_source "cluster_a" {
  profile        = "kubernetes"
  issuer         = %[1]q
  oidc_jwks_file = "jwks/cluster-a.json"
  audiences      = ["m2md"]
}
oauth_source "cluster_b" {
  profile        = "kubernetes"
  issuer         = %[1]q
  oidc_jwks_file = "jwks/cluster-b.json"
  audiences      = ["m2md"]
}
provider "metrics" {
  access "prometheus" {
    from           = [oauth_source.cluster_a]
    require_claims = %[2]s
  }
}
provider "both" {
  access "prometheus" {
    from           = [oauth_source.cluster_a, oauth_source.cluster_b]
    require_claims = %[2]s
  }
}
`

// The keys come from files, as kubectl get --raw /openid/v1/jwks writes them.
func TestE2EKubernetesTokensGetInByWhatTheirClusterSays(t *testing.T) {
	a, b := newCluster(t), newCluster(t)
	s := newSite(t, fmt.Sprintf(twoClusters, a.Issuer, fmt.Sprintf(promOnly, a.Account)))
	s.write("jwks/cluster-a.json", string(a.Keys))
	s.write("jwks/cluster-b.json", string(b.Keys))
	if out, errs, code := s.command("validate", "--config", s.config); code != 0 {
		t.Fatalf("validate exits with %d:\n%s%s", code, out, errs)
	}
	daemon := s.serve()
	spoilt := a.Tokens["projected"]
	spoilt = spoilt[:len(spoilt)-8] + "AAAAAAAA"

	tests := []struct {
		name, provider, jwt string
		source              string // "" where it is refused
		refusal, reason     string
	}{
		{"a projected token, signed with RSA", "metrics", a.Tokens["projected"], "oauth_source.cluster_a", "", ""},
		{"a projected token, signed with ECDSA", "metrics", a.Tokens["projected_ec"], "oauth_source.cluster_a", "", ""},
		{"a projected token, once more", "metrics", a.Tokens["projected"], "oauth_source.cluster_a", "", ""},
		{"that of the other cluster, where both may", "both", b.Tokens["projected"], "oauth_source.cluster_b", "", ""},
		{"that of the first cluster, where both may", "both", a.Tokens["projected_ec"], "oauth_source.cluster_a", "", ""},

		{"that of the other cluster with the same iss", "metrics", b.Tokens["projected"], "", "invalid_client", "no key of oauth_source.cluster_a"},
		{"another account of the namespace", "metrics", a.Tokens["other_account"], "", "unauthorized_client", "do not fulfil require_claims"},
		{"an account of that name in another namespace", "metrics", a.Tokens["other_namespace"], "", "unauthorized_client", "do not fulfil require_claims"},
		{"the token for the API server", "metrics", a.Tokens["api_server"], "", "invalid_client", "none of the accepted"},
		{"an expired token", "metrics", a.Tokens["expired"], "", "invalid_client", "it expired at"},
		{"a token kept in a secret", "metrics", a.Tokens["legacy"], "", "invalid_client", "whose issuer is"},
		{"another signature", "metrics", spoilt, "", "invalid_client", "no key of oauth_source.cluster_a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, record := s.decided(daemon, tt.provider, tt.jwt)
			if tt.source == "" {
				if answer.AccessToken != "" || answer.Error != tt.refusal || record["outcome"] != "deny" || !strings.Contains(record["reason"], tt.reason) {
					t.Errorf("the answer is %+v, the decision %v", answer, record)
				}
				return
			}
			_, label, _ := strings.Cut(tt.source, ".")
			want := label + "/system:serviceaccount:prom:prom-sa"
			if answer.AccessToken == "" || record["outcome"] != "allow" || record["source"] != tt.source || record["subject"] != want || record["rule"] != "prometheus" {
				t.Errorf("the answer is %+v, the decision %v", answer, record)
			}
		})
	}
}

// A token kept in a secret has neither exp nor aud, so no source can take it.
func TestE2EKubernetesTokensKeptInSecretsAreNeverTaken(t *testing.T) {
	a := newCluster(t)
	s := newSite(t, `
oauth_source "old" {
  issuer             = "kubernetes/serviceaccount"
  oidc_jwks_file     = "jwks/cluster-a.json"
  allow_any_audience = true
}
provider "metrics" {
  access "any" {
    from              = [oauth_source.old]
    allow_any_subject = true
  }
}
`)
	s.write("jwks/cluster-a.json", string(a.Keys))
	daemon := s.serve()
	answer, record := s.decided(daemon, "metrics", a.Tokens["legacy"])
	if answer.Error != "invalid_client" || !strings.Contains(record["reason"], `the claim "exp" is missing`) {
		t.Errorf("the answer is %+v, the decision %v", answer, record)
	}
}

// The keys come by discovery, as the API server has it where
// --service-account-issuer is its own address.
func TestE2EKubernetesKeysAreFoundByDiscovery(t *testing.T) {
	needsBuilt(t, "kubernetes-tokens")
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	c := newCluster(t, "-issuer", server.URL)
	for path, document := range map[string]struct {
		kind string
		body []byte
	}{ // as pkg/routes/openidmetadata.go of Kubernetes has them
		"/.well-known/openid-configuration": {"application/json", c.Configuration},
		"/openid/v1/jwks":                   {"application/jwk-set+json", c.Keys},
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", document.kind)
			w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", c.MaxAge))
			w.Write(document.body) //nolint:errcheck // a client that went away is no fault of ours
		})
	}
	s := newSite(t, fmt.Sprintf(`
oauth_source "cluster" {
  profile             = "kubernetes"
  issuer              = %[1]q
  oidc_well_known_url = "%[1]s/.well-known/openid-configuration"
  ca_file             = "ca.pem"
  audiences           = ["m2md"]
}
provider "metrics" {
  access "prometheus" {
    from           = [oauth_source.cluster]
    require_claims = %[2]s
  }
}
`, server.URL, fmt.Sprintf(promOnly, c.Account)))
	s.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	daemon := s.serve()
	for _, name := range []string{"projected", "projected_ec"} {
		if answer, record := s.decided(daemon, "metrics", c.Tokens[name]); answer.AccessToken == "" || record["source"] != "oauth_source.cluster" {
			t.Errorf("%s: the answer is %+v, the decision %v", name, answer, record)
		}
	}
	for _, name := range []string{"expired", "api_server", "other_account", "legacy"} {
		if answer, record := s.decided(daemon, "metrics", c.Tokens[name]); answer.AccessToken != "" || record["outcome"] != "deny" {
			t.Errorf("%s: the answer is %+v, the decision %v", name, answer, record)
		}
	}
}

// What is known of the issuer is what Kubernetes' own code says.
func TestE2EKubernetesTokensHoldTheClaimsOfTheProfile(t *testing.T) {
	c := newCluster(t)
	profile, found := issuer.Lookup("kubernetes")
	if !found || !profile.MatchesIssuer(c.Issuer) {
		t.Fatalf("there is no profile of %s", c.Issuer)
	}
	for _, name := range []string{"projected", "projected_ec", "api_server"} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{"": true} // the paths of the token
			checkProfile(t, profile, nil, payloadOf(t, c.Tokens[name]), seen)
			for _, claim := range profile.Claims() {
				last := len(claim.Path) - 1
				path, object := strings.Join(claim.Path, " "), strings.Join(claim.Path[:last], " ")
				if claim.Always() && seen[object] && !seen[path] {
					t.Errorf("the token has no %s, which the profile says is always there", path)
				}
			}
		})
	}
	if aud := payloadOf(t, c.Tokens["api_server"])["aud"].([]any); !profile.DefaultAudience(aud[0].(string)) {
		t.Errorf("the profile does not know %v as the audience of the API server", aud)
	}
}

func payloadOf(t *testing.T, jwt string) map[string]any {
	t.Helper()
	plain, err := base64.RawURLEncoding.DecodeString(strings.Split(jwt, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// checkProfile wants each claim known, and of the type that the profile says.
func checkProfile(t *testing.T, profile issuer.Profile, above []string, claims map[string]any, seen map[string]bool) {
	t.Helper()
	for name, value := range claims {
		path := append(above[:len(above):len(above)], name)
		seen[strings.Join(path, " ")] = true
		claim, known := profile.Claim(path...)
		if !known || !claim.Type.Fits(value) {
			t.Errorf("%q is %v, which the profile does not know (%t) or says is a %s", path, value, known, claim.Type)
		}
		if object, isObject := value.(map[string]any); isObject {
			checkProfile(t, profile, path, object, seen)
		}
	}
}
