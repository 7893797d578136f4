//go:build unix

package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/issuer"
)

// The examples for platforms hold files that run there: a workflow, a pipeline, a
// Prometheus. Here they run against the example's own configuration; only who
// signs and where things are is changed.

// platformSite is the site of an example: its files, where oidc_well_known_url
// gives way to a key that the test has.
func platformSite(t *testing.T, dir string, key *enginetest.Key) *site {
	t.Helper()
	s := newSite(t, "")
	wellKnown := 0
	err := filepath.WalkDir(filepath.Join(dir, "m2md.d"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "server.hcl" {
			return err
		}
		relative, err := filepath.Rel(filepath.Join(dir, "m2md.d"), path)
		if err != nil {
			return err
		}
		lines := strings.SplitAfter(strings.ReplaceAll(readFile(t, path), "https://auth.example.com", s.url), "\n")
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "oidc_well_known_url ") {
				lines[i] = "  oidc_jwks_file = \"keys.json\"\n"
				wellKnown++
			}
		}
		s.write(relative, strings.Join(lines, ""))
		return nil
	})
	if err != nil || wellKnown == 0 {
		t.Fatalf("copying %s: %v; it has %d sources with a discovery document", dir, err, wellKnown)
	}
	s.write("keys.json", string(enginetest.JWKS(key)))
	return s
}

// profileClaims are those of a profile's example, signed for an audience now.
func profileClaims(t *testing.T, profile, audience string, changes claims) claims {
	t.Helper()
	known, found := issuer.Lookup(profile)
	if !found {
		t.Fatalf("there is no profile %q", profile)
	}
	now := time.Now()
	times := claims{"aud": audience, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	return enginetest.With(known.Example(), merged(times, changes))
}

// section is what stands below a line of a YAML file that is indented so.
func section(t *testing.T, yaml, header string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+yaml, "\n"+header+"\n")
	if !found {
		t.Fatalf("there is no line %q", header)
	}
	indent := len(header) - len(strings.TrimLeft(header, " "))
	var below strings.Builder
	for line := range strings.Lines(rest) {
		if text := strings.TrimLeft(line, " "); text != "\n" && len(line)-len(text) <= indent {
			break
		}
		below.WriteString(line)
	}
	return below.String()
}

// literals are the literal blocks (|) of a part of a YAML file, in their order.
func literals(yaml string) []string {
	var all []string
	lines := strings.Split(yaml, "\n")
	for i, line := range lines {
		if !strings.HasSuffix(line, "|") {
			continue
		}
		outer := len(line) - len(strings.TrimLeft(line, " "))
		var block []string
		for _, below := range lines[i+1:] {
			text := strings.TrimLeft(below, " ")
			if text != "" && len(below)-len(text) <= outer {
				break
			}
			block = append(block, below)
		}
		indent := len(block[0]) - len(strings.TrimLeft(block[0], " "))
		for j, below := range block {
			block[j] = below[min(indent, len(below)):]
		}
		all = append(all, strings.TrimRight(strings.Join(block, "\n"), "\n")+"\n")
	}
	return all
}

// perform runs a script as a platform does, and returns what it printed.
func perform(t *testing.T, env map[string]string, shell []string, script string) (said string, err error) {
	t.Helper()
	for _, program := range []string{shell[0], "curl"} {
		needs(t, program)
	}
	cmd := exec.Command(shell[0], append(shell[1:], script)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + platformPath(t, nil)}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// actionsRunner is what a job of GitHub Actions asks for its token.
type actionsRunner struct {
	*httptest.Server

	mu      sync.Mutex
	changes claims // to the claims of the next tokens
	minted  string // the last one
}

func newActionsRunner(t *testing.T, key *enginetest.Key) *actionsRunner {
	r := &actionsRunner{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodGet || q.Header.Get("Authorization") != "Bearer of-the-job" || q.URL.Query().Get("api-version") != "2.0" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.minted = key.Mint(profileClaims(t, "github-actions", q.URL.Query().Get("audience"), merged(r.changes, claims{"jti": rand.Text()})))
		json.NewEncoder(w).Encode(map[string]any{"count": 1, "value": r.minted}) //nolint:errcheck // the job says what it did not get
	}))
	t.Cleanup(r.Close)
	return r
}

// next says of whom the next tokens are.
func (r *actionsRunner) next(changes claims) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = changes
}

// last is the last token.
func (r *actionsRunner) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.minted
}

// job runs the action for a provider, and then a job's deployment.
func (r *actionsRunner) job(t *testing.T, action, deployment, m2mdURL, provider string) (said, token string, err error) {
	t.Helper()
	shell := []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"} // as `shell: bash` means
	output := filepath.Join(t.TempDir(), "output")
	said, err = perform(t, map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL": r.URL + "/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
		"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": output, "M2MD_URL": m2mdURL, "M2MD_CLIENT_ID": provider,
	}, shell, action)
	if err != nil {
		return said, "", err
	}
	token = strings.TrimSpace(strings.TrimPrefix(readFile(t, output), "token="))
	deployed, err := perform(t, map[string]string{"TOKEN": token, "GITHUB_SHA": "37e804e2", "GITHUB_REPOSITORY": "acme/api"}, shell, deployment)
	return said + deployed, token, err
}

// tryGitHubActions runs the steps of the workflows as a runner does.
func tryGitHubActions(t *testing.T, dir string) {
	key := enginetest.NewKey(t, "k", "RS256")
	s := platformSite(t, dir, key)
	staging, production := startNginx(t, s, "staging", echo(t)), startNginx(t, s, "production", echo(t))
	s.serve()
	places := strings.NewReplacer("https://deploy.staging.example.com", "http://"+staging, "https://deploy.example.com", "http://"+production)
	own, shared := places.Replace(readFile(t, filepath.Join(dir, "workflows/deploy.yml"))), places.Replace(readFile(t, filepath.Join(dir, "workflows/shared-deploy.yml")))
	action := literals(section(t, readFile(t, filepath.Join(dir, "m2md-token/action.yml")), "    - id: exchange"))[0]
	runner := newActionsRunner(t, key)

	reviewed := claims{"environment": "production", "sub": "repo:acme@1234/api@5678:environment:production"}
	called := claims{"repository": "acme/web", "repository_id": "6789", "sub": "repo:acme@1234/web@6789:ref:refs/heads/main", "job_workflow_ref": "acme/workflows/.github/workflows/shared-deploy.yml@refs/tags/v1"}
	tests := []struct {
		name, job, provider string
		changes             claims
		subject             string // as the guarded service is told; "" where the job fails
	}{
		{"a push to main", section(t, own, "  staging:"), "staging", nil, "github/repo:acme@1234/api@5678:ref:refs/heads/main"},
		{"a call of the shared workflow", section(t, shared, "  deploy:"), "staging", called, "github/repo:acme@1234/web@6789:ref:refs/heads/main"},
		{"a job that was reviewed", section(t, own, "  production:"), "production", reviewed, "github/repo:acme@1234/api@5678:environment:production"},
		{"a job that was not", section(t, own, "  production:"), "production", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.provider == "production" && tt.subject != "" && frozen(time.Now()) {
				t.Skip("left out: it is the time of the change freeze")
			}
			if !strings.Contains(tt.job, "provider: "+tt.provider+" ") {
				t.Fatalf("the job asks for another provider:\n%s", tt.job)
			}
			runner.next(tt.changes)
			said, token, err := runner.job(t, action, literals(tt.job)[0], s.url, tt.provider)
			if tt.subject == "" {
				if err == nil || !strings.Contains(said, "::error::There is no token of m2md") || !strings.Contains(said, "unauthorized_client") || !strings.Contains(said, "(request ") {
					t.Errorf("the job ends with %v:\n%s", err, said)
				}
				return
			}
			if err != nil || !strings.Contains(said, fmt.Sprintf(`"X-M2md-Subject":[%q]`, tt.subject)) {
				t.Errorf("the job ends with %v:\n%s", err, said)
			}
			checkMasked(t, said, token, runner.last())
		})
	}
}

// frozen says whether it is the time of the change freeze of the example.
func frozen(now time.Time) bool {
	day := now.UTC().Format("01-02")
	return day <= "01-02" || day >= "12-20"
}

// checkMasked wants secrets to be printed only to be masked.
func checkMasked(t *testing.T, said string, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		mask := "::add-mask::" + secret + "\n"
		if secret == "" || strings.Count(said, mask) != 1 || strings.Contains(strings.Replace(said, mask, "", 1), secret) {
			t.Errorf("a token is not masked before all else:\n%s", said)
		}
	}
}

// tryGitLab runs the scripts of the pipeline as a runner does.
func tryGitLab(t *testing.T, dir string) {
	key := enginetest.NewKey(t, "k", "RS256")
	s := platformSite(t, dir, key)
	staging, production, packages := startNginx(t, s, "staging", echo(t)), startNginx(t, s, "production", echo(t)), startNginx(t, s, "packages", echo(t))
	s.serve()
	pipeline := strings.NewReplacer(
		"https://deploy.staging.example.com", "http://"+staging, "https://deploy.example.com", "http://"+production, "https://packages.example.com", "http://"+packages,
	).Replace(readFile(t, filepath.Join(dir, ".gitlab-ci.yml")))

	tagged := claims{"ref": "v1.2.3", "ref_type": "tag", "ref_path": "refs/tags/v1.2.3", "sub": "project_path:acme/api:ref_type:tag:ref:v1.2.3"}
	released := merged(tagged, claims{"environment": "production", "environment_protected": "true"})
	tests := []struct {
		name, job string
		changes   claims
		subject   string // as the guarded service is told; "" where the job fails
	}{
		{"a push to main", "staging", claims{"environment": "staging", "environment_protected": "false"}, "gitlab/project_path:acme/api:ref_type:branch:ref:main"},
		{"a version", "publish", tagged, "gitlab/project_path:acme/api:ref_type:tag:ref:v1.2.3"},
		{"a version that is released", "production", released, "gitlab/project_path:acme/api:ref_type:tag:ref:v1.2.3"},
		{"a version, in an environment that is not protected", "production", merged(released, claims{"environment_protected": "false"}), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			job := section(t, pipeline, tt.job+":")
			_, provider, found := strings.Cut(job, "M2MD_PROVIDER: ")
			if !found || !strings.Contains(job, "extends: .m2md\n") {
				t.Fatalf("the job is another:\n%s", job)
			}
			provider, _, _ = strings.Cut(provider, "\n")
			jwt := key.Mint(profileClaims(t, "gitlab", s.url, tt.changes))
			said, err := perform(t, map[string]string{
				"M2MD_URL": s.url, "M2MD_PROVIDER": provider, "M2MD_ID_TOKEN": jwt, "CI_COMMIT_TAG": "v1.2.3", "CI_COMMIT_SHA": "714a629c",
			}, []string{"sh", "-e", "-c"}, literals(section(t, pipeline, ".m2md:"))[0]+literals(job)[0])
			if tt.subject == "" {
				if err == nil || !strings.Contains(said, "unauthorized_client") || !strings.Contains(said, "(request ") {
					t.Errorf("the job ends with %v:\n%s", err, said)
				}
			} else if err != nil || !strings.Contains(said, fmt.Sprintf(`"X-M2md-Subject":[%q]`, tt.subject)) {
				t.Errorf("the job ends with %v:\n%s", err, said)
			}
			if strings.Contains(said, jwt) {
				t.Errorf("the job prints its token:\n%s", said)
			}
		})
	}
}

// tryKubernetes has Prometheus work by its file: it scrapes through one nginx,
// and writes through another.
func tryKubernetes(t *testing.T, dir string) {
	program, judge := needs(t, "prometheus"), needs(t, "promtool")
	key := enginetest.NewKey(t, "k", "RS256")
	s := platformSite(t, dir, enginetest.NewKey(t, "k", "RS256"))
	s.write("jwks/cluster-a.json", string(enginetest.JWKS(key)))
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "scraped_by{subject=%q} 1\n", r.Header.Get("X-M2md-Subject"))
	}))
	t.Cleanup(target.Close)
	mimir := newWritten(t)
	exporters, writes := startNginx(t, s, "exporters", target.Listener.Addr().String()), startNginx(t, s, "mimir", mimir.Listener.Addr().String())
	s.serve()

	run := t.TempDir()
	own := freeAddress(t)
	token := key.Mint(profileClaims(t, "kubernetes", s.url, nil))
	writeFile(t, filepath.Join(run, "token"), token)
	config := replaceEach(t, readFile(t, filepath.Join(dir, "manifests/prometheus/prometheus.yml")), map[string]string{
		"https://auth.example.com":    s.url,
		"/var/run/secrets/m2md/token": filepath.Join(run, "token"),
		"scheme: https":               "scheme: http",
		"[exporters.example.com]":     fmt.Sprintf("[%q]", exporters),
		"https://mimir.example.com":   "http://" + writes,
		"[localhost:9090]":            fmt.Sprintf("[%q]", own),
		"scrape_interval: 30s":        "scrape_interval: 1s\n  scrape_timeout: 1s",
	})
	file := filepath.Join(run, "prometheus.yml")
	writeFile(t, file, config)
	if out, err := exec.Command(judge, "check", "config", file).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %s\n%s", err, out)
	}
	p := start(t, program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(run, "data"), "--web.listen-address="+own, "--log.level=warn",
		"--storage.remote.flush-deadline=1s") // what it cannot write in the end, it would try for a minute
	p.awaitStart(t, func() bool { return statusOfURL("http://"+own+"/-/ready") == http.StatusOK })

	eventually(t, "scraped as the account", func() bool { return query(t, own, `scraped_by{subject="prometheus"}`, "exporters") == "1" })
	eventually(t, "written as the cluster", func() bool {
		return mimir.by("POST /api/v1/push", "cluster_a/system:serviceaccount:monitoring:prometheus")
	})

	// The kubelet renewed the file, and this one is another pod's: the file is read
	// again, and what is there counts at once.
	writeFile(t, filepath.Join(run, "token"), key.Mint(profileClaims(t, "kubernetes", s.url, claims{
		"sub": "system:serviceaccount:default:thief", "kubernetes.io": claims{"namespace": "default", "serviceaccount": claims{"name": "thief", "uid": "0"}},
	})))
	eventually(t, "refused", func() bool { return query(t, own, "up", "exporters") == "0" })
}

// replaceEach replaces texts of which each must be there.
func replaceEach(t *testing.T, text string, replacements map[string]string) string {
	t.Helper()
	for old, replacement := range replacements {
		if !strings.Contains(text, old) {
			t.Fatalf("there is no %q in\n%s", old, text)
		}
		text = strings.ReplaceAll(text, old, replacement)
	}
	return text
}

// written is a backend that remembers who asked it for what.
type written struct {
	*httptest.Server
	mu   sync.Mutex
	seen map[string]bool
}

func newWritten(t *testing.T) *written {
	w := &written{seen: map[string]bool{}}
	w.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // who asked is all that counts
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[r.Method+" "+r.URL.Path+" "+r.Header.Get("X-M2md-Subject")] = true
	}))
	t.Cleanup(w.Close)
	return w
}

// by says whether a subject asked for something.
func (w *written) by(request, subject string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen[request+" "+subject]
}
