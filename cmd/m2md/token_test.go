package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
)

// tokenRun is how `m2md token` ended.
type tokenRun struct {
	stdout, stderr string
	code           int
}

// runToken runs `m2md token` in this process. The environment has what is given,
// and nothing of what the machine may have for it.
func runToken(t *testing.T, env map[string]string, args ...string) tokenRun {
	t.Helper()
	for _, name := range []string{
		"M2MD_URL", "M2MD_ISSUER", "M2MD_CLIENT_ID", "M2MD_CA_FILE", "M2MD_USERNAME", "M2MD_APP_PASSWORD", "M2MD_APP_PASSWORD_FILE",
		"M2MD_JWT_FILE", "M2MD_ID_TOKEN", githubURL, githubToken, "GITHUB_ACTIONS", "NOTIFY_SOCKET",
	} {
		t.Setenv(name, env[name])
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"m2md", "token"}, args...), &stdout, &stderr)
	return tokenRun{stdout.String(), stderr.String(), code}
}

// secretFile writes a secret as echo does, and returns where.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	writeFile(t, path, secret+"\n")
	return path
}

// claimsOf are those of a token that came alone in its line.
func claimsOf(t *testing.T, line string) map[string]any {
	t.Helper()
	token, ended := strings.CutSuffix(line, "\n")
	parts := strings.Split(token, ".")
	if !ended || len(parts) != 3 {
		t.Fatalf("%q is not a line with a token", line)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// trustedByLoki lets in an account, and the tokens of three issuers.
const trustedByLoki = `
server {
  listen       = %[1]q
  external_url = "http://%[1]s"
}
metrics {
  listen = "127.0.0.1:0"
}
service_account "ci" {
}
oauth_source "github" {
  profile        = "github-actions"
  issuer         = "https://token.actions.githubusercontent.com"
  oidc_jwks_file = "../keys.json"
  audiences      = ["http://%[1]s"]
  replay         = "once"
  require_claims = { repository_owner_id = "1234" }
}
oauth_source "cluster" {
  profile        = "kubernetes"
  issuer         = "https://kubernetes.default.svc.cluster.local"
  oidc_jwks_file = "../keys.json"
  audiences      = ["http://%[1]s"]
}
oauth_source "mesh" {
  profile        = "spiffe"
  trust_domain   = "example.org"
  oidc_jwks_file = "../mesh.json"
  audiences      = ["http://%[1]s"]
}
provider "loki" {
  audience = ["loki", "https://loki.test/api"]
  access "machines" {
    from = [service_account.ci]
  }
  access "jobs" {
    from = [oauth_source.github]
  }
  access "pods" {
    from           = [oauth_source.cluster]
    require_claims = { sub = "system:serviceaccount:prom:prom-sa" }
  }
  access "workloads" {
    from = [oauth_source.mesh]
  }
}
provider "next" {
  access "loki" {
    from = [provider.loki]
  }
}
`

// tokenRig is a daemon, and who signs what it takes.
type tokenRig struct {
	*rig
	url  string
	key  *enginetest.Key // of GitHub and the cluster
	mesh *enginetest.Key
}

func newTokenRig(t *testing.T) *tokenRig {
	t.Helper()
	address := freeAddress(t)
	r := newRig(t, map[string]string{"all.hcl": fmt.Sprintf(trustedByLoki, address)})
	key, mesh := enginetest.NewKey(t, "k", "ES256"), enginetest.NewKey(t, "m", "ES256")
	r.write("../keys.json", string(enginetest.JWKS(key)))
	r.write("../mesh.json", string(enginetest.JWKS(mesh)))
	d, findings, err := r.open()
	if err != nil {
		t.Fatalf("starting: %v\n%s", err, findings)
	}
	r.run(d)
	return &tokenRig{r, "http://" + address, key, mesh}
}

func (r *tokenRig) pod() string {
	return r.key.Mint(enginetest.KubernetesClaims(time.Now(), r.url))
}

func (r *tokenRig) workload(subject string) string {
	return r.mesh.Mint(map[string]any{"sub": subject, "aud": []any{r.url}, "exp": time.Now().Add(time.Hour).Unix()})
}

func TestATokenIsHadByEachProof(t *testing.T) {
	r := newTokenRig(t)
	password, pod, svid := r.password("ci"), r.pod(), r.workload("spiffe://example.org/ns/prod")
	passwordFile, podFile, svidFile := secretFile(t, password), secretFile(t, pod), secretFile(t, svid)
	github := newGitHub(t, r.key)
	const podSubject = "cluster/system:serviceaccount:prom:prom-sa"
	tests := []struct {
		name    string
		env     map[string]string
		args    []string
		subject string
		stderr  string // "": nothing
	}{
		{"an app password, by Basic", nil, []string{"--app-password-file", passwordFile}, "ci", ""},
		{"an app password, by post", nil, []string{"--app-password-file", passwordFile, "--auth", "post"}, "ci", ""},
		{"an app password and its account", nil, []string{"--app-password-file", passwordFile, "--username", "ci"}, "ci", ""},
		{"an app password and its account of the environment", map[string]string{"M2MD_USERNAME": "ci"}, []string{"--app-password-file", passwordFile}, "ci", ""},
		{"an app password of the environment", map[string]string{"M2MD_APP_PASSWORD": password}, nil, "ci", "showing the app password of M2MD_APP_PASSWORD\n"},
		{"a file of the environment", map[string]string{"M2MD_APP_PASSWORD_FILE": passwordFile}, nil, "ci", "showing the app password in " + passwordFile + "\n"},
		{"a JWT", nil, []string{"--jwt-file", podFile}, podSubject, ""},
		{"a JWT of the environment", map[string]string{"M2MD_JWT_FILE": podFile}, nil, podSubject, "showing the JWT in " + podFile + "\n"},
		{"a JWT in a variable", map[string]string{"DEPLOY_TOKEN": pod}, []string{"--gitlab-id-token", "DEPLOY_TOKEN"}, podSubject, ""},
		{"a JWT in the variable for it", map[string]string{"M2MD_ID_TOKEN": pod}, nil, podSubject, "showing the JWT of M2MD_ID_TOKEN\n"},
		{"a flag, whatever the environment has", map[string]string{"M2MD_APP_PASSWORD": "wrong", "M2MD_USERNAME": "x"}, []string{"--jwt-file", podFile}, podSubject, ""},
		{"Kubernetes", nil, []string{"--kubernetes", "--token-path", podFile}, podSubject, ""},
		{"SPIFFE", nil, []string{"--spiffe-file", svidFile}, "mesh/spiffe://example.org/ns/prod", ""},
		{"GitHub", github.env, []string{"--github-actions"}, "github/repo:acme@1234/api@5678:ref:refs/heads/main", ""},
		{"GitHub, found", github.env, nil, "github/repo:acme@1234/api@5678:ref:refs/heads/main", "showing the OIDC token of this GitHub Actions job (ACTIONS_ID_TOKEN_REQUEST_URL)\n"},
		{"a JWT as a grant", nil, []string{"--jwt-file", podFile, "--grant", "jwt-bearer"}, podSubject, ""},
		{"a JWT in exchange", nil, []string{"--jwt-file", podFile, "--grant", "token-exchange"}, podSubject, ""},
		{"a JWT in exchange for a resource", nil, []string{"--jwt-file", podFile, "--grant", "token-exchange", "--resource", "https://loki.test/api"}, podSubject, ""},
		{"with somebody who acts", nil, []string{"--jwt-file", podFile, "--grant", "token-exchange", "--actor-token-file", svidFile}, podSubject, ""},
		{"by the issuer", nil, []string{"--issuer", r.url + "/providers/loki", "--jwt-file", podFile}, podSubject, ""},
		{"by the whole URL", nil, []string{"--url", r.url + "/application/o/token/", "--jwt-file", podFile}, podSubject, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{"M2MD_URL": r.url, "M2MD_CLIENT_ID": "loki"}
			for name, value := range tt.env {
				env[name] = value
			}
			got := runToken(t, env, tt.args...)
			said := tt.stderr
			if said != "" {
				said = "m2md: no proof is named; " + said
			}
			if got.code != 0 || got.stderr != said {
				t.Fatalf("exit code %d and %q, want %q", got.code, got.stderr, said)
			}
			if claims := claimsOf(t, got.stdout); claims["sub"] != tt.subject || claims["client_id"] != "loki" {
				t.Errorf("the token is %v, want one of %s", claims, tt.subject)
			}
		})
	}
	if want := []string{r.url, r.url}; !slices.Equal(github.audiences(), want) {
		t.Errorf("GitHub was asked for %q, want %q", github.audiences(), want)
	}
}

func TestAnExchangedTokenIsShownOn(t *testing.T) {
	r := newTokenRig(t)
	first := runToken(t, nil, "--url", r.url, "--client-id", "loki", "--jwt-file", secretFile(t, r.pod()))
	if first.code != 0 {
		t.Fatal(first.stderr)
	}
	second := runToken(t, nil, "--url", r.url, "--audience", "next", "--grant", "token-exchange", "--subject-token-type", "access_token",
		"--jwt-file", secretFile(t, strings.TrimSpace(first.stdout)))
	if second.code != 0 {
		t.Fatal(second.stderr)
	}
	if claims := claimsOf(t, second.stdout); claims["client_id"] != "next" || claims["sub"] != "cluster/system:serviceaccount:prom:prom-sa" {
		t.Errorf("the token is %v", claims)
	}
}

// A refusal says what m2md says, under which id its log has more, and what most
// often is wrong with a JWT.
func TestARefusalOfTheDaemonIsTold(t *testing.T) {
	r := newTokenRig(t)
	claims := func(changes map[string]any) string {
		return r.key.Mint(enginetest.With(enginetest.KubernetesClaims(time.Now(), r.url), changes))
	}
	tests := []struct {
		name, proof, secret string
		want                []string
	}{
		{"an unknown password", "--app-password-file", "nobody's", []string{"asking " + r.url + "/oauth2/token for a token: invalid_client: "}},
		{"a JWT for somebody else", "--jwt-file", claims(map[string]any{"aud": "https://elsewhere.test"}), []string{
			"invalid_client: ", `; the JWT shown is of "https://kubernetes.default.svc.cluster.local" for "https://elsewhere.test" and expires in `,
		}},
		{"an old JWT", "--jwt-file", claims(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), []string{"invalid_client: ", " and expired 1h0m"}},
		{"a JWT that is nobody's", "--jwt-file", claims(map[string]any{"sub": "x"}), []string{"_client: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runToken(t, nil, "--url", r.url, "--client-id", "loki", tt.proof, secretFile(t, tt.secret))
			if got.code != exitFault || got.stdout != "" || strings.Contains(got.stderr, tt.secret) {
				t.Fatalf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr is %q, want %q in it", got.stderr, want)
				}
			}
			_, rest, _ := strings.Cut(got.stderr, "(request ")
			id, _, _ := strings.Cut(rest, ")")
			if r.decision(id)["outcome"] != "deny" {
				t.Errorf("%q names no refusal of the log", got.stderr)
			}
		})
	}
}

// gitHub gives OIDC tokens to a job, as GitHub does.
type gitHub struct {
	env map[string]string
	key *enginetest.Key

	mu    sync.Mutex
	asked []string // audiences
}

const gitHubBearer = "the-bearer-of-the-job"

func newGitHub(t *testing.T, key *enginetest.Key) *gitHub {
	g := &gitHub{key: key}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.env = map[string]string{githubURL: server.URL + "/idtoken/run/job?api-version=2.0", githubToken: gitHubBearer}
	return g
}

func (g *gitHub) audiences() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asked)
}

func (g *gitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil, r.Method != http.MethodGet, r.URL.Path != "/idtoken/run/job", query.Get("api-version") != "2.0", len(query["audience"]) > 1:
		http.Error(w, `{"message":"no"}`, http.StatusBadRequest)
		return
	case r.Header.Get("Authorization") != "Bearer "+gitHubBearer:
		http.Error(w, `{"message":"no"}`, http.StatusUnauthorized)
		return
	}
	audience := query.Get("audience")
	if audience == "" {
		audience = "https://github.com/acme"
	}
	g.mu.Lock()
	g.asked = append(g.asked, audience)
	claims := enginetest.With(enginetest.GitHubClaims(time.Now(), audience), map[string]any{"jti": fmt.Sprint("job-", len(g.asked))})
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(map[string]any{"count": 1, "value": g.key.Mint(claims)}) //nolint:errcheck // a client that went away is no fault of ours
}

// The runner masks what it is told on stderr, so that stdout can go into a
// variable.
func TestTokensAreMaskedOnGitHub(t *testing.T) {
	r := newTokenRig(t)
	github := newGitHub(t, r.key)
	github.env["GITHUB_ACTIONS"] = "true"
	got := runToken(t, github.env, "--url", r.url, "--client-id", "loki", "--github-actions")
	lines := strings.Split(got.stderr, "\n")
	if got.code != 0 || len(lines) != 3 || lines[2] != "" {
		t.Fatalf("exit code %d, stderr %q", got.code, got.stderr)
	}
	if jwt, is := strings.CutPrefix(lines[0], "::add-mask::"); !is || claimsOf(t, jwt+"\n")["repository"] != "acme/api" {
		t.Errorf("the token of GitHub is not masked: %q", lines[0])
	}
	if want := "::add-mask::" + strings.TrimSpace(got.stdout); lines[1] != want {
		t.Errorf("the access token is masked by %q, want %q", lines[1], want)
	}
}

func TestGitHubIsAskedForTheAudienceThatIsWanted(t *testing.T) {
	r := newTokenRig(t)
	github := newGitHub(t, r.key)
	const audience = "a&b=c d+e/ü"
	if got := runToken(t, github.env, "--url", r.url, "--client-id", "loki", "--github-actions", "--github-audience", audience); got.code != exitFault {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	if got := github.audiences(); len(got) != 1 || got[0] != audience {
		t.Errorf("GitHub was asked for %q", got)
	}
}

func TestWhatGitHubRefusesIsTold(t *testing.T) {
	r := newTokenRig(t)
	env := func(change func(map[string]string)) map[string]string {
		github := newGitHub(t, r.key)
		change(github.env)
		return github.env
	}
	const prefix = "m2md: asking GitHub for the OIDC token of this job: "
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"no permission", nil, `it may have none; give it "permissions: id-token: write"`},
		{"another bearer", env(func(e map[string]string) { e[githubToken] = "stolen" }), "it answers with status 401, not 200"},
		{"a broken URL", env(func(e map[string]string) { e[githubURL] = "://" }), "ACTIONS_ID_TOKEN_REQUEST_URL: its URL can not be parsed"},
		{"plain http elsewhere", env(func(e map[string]string) { e[githubURL] = "http://pipelines.test/" }), "ACTIONS_ID_TOKEN_REQUEST_URL: its URL is not https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runToken(t, tt.env, "--url", r.url, "--client-id", "loki", "--github-actions")
			if got.code != exitFault || !strings.HasPrefix(got.stderr, prefix+tt.want) || strings.Contains(got.stderr, "stolen") {
				t.Errorf("exit code %d, stderr %q, want %q", got.code, got.stderr, tt.want)
			}
		})
	}
}
