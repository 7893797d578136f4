//go:build unix

package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/cmd/m2md/scaffold"
	"github.com/m2md/m2md/engine/enginetest"
)

// What init writes for others is given to them: nginx, tsc, promtool, and the
// shells of the platforms. Only who signs and where things are is changed.

// initSite is the site of a configuration that init writes, behind the nginx of
// its own snippet.
type initSite struct {
	*site
	key     *enginetest.Key
	guarded string // where nginx listens for the guarded host
	curl    string // a folder whose curl finds the hosts there
}

func newInitSite(t *testing.T, answers scaffold.Answers) *initSite {
	t.Helper()
	i := &initSite{site: newSite(t, ""), key: enginetest.NewKey(t, "k", "RS256")}
	backend := echo(t)
	door, guarded := freeAddress(t), freeAddress(t)
	answers = maps.Clone(answers)
	answers["upstream"] = "http://" + backend
	answers["external-url"] = "https://localhost:" + door[strings.LastIndex(door, ":")+1:]
	answers["host"] = "app.localhost"
	written, _ := initialized(t, answers)
	for path, content := range filesOf(t, written) {
		name := strings.TrimPrefix(path, written+"/")
		if name == "server.hcl" {
			content = replaceEach(t, content, map[string]string{"127.0.0.1:9440": i.address, "127.0.0.1:9441": i.metrics})
		}
		if lines := strings.Split(content, "\n"); name == "sources.hcl" {
			for j, line := range lines {
				if strings.HasPrefix(strings.TrimSpace(line), "oidc_") {
					lines[j] = `  oidc_jwks_file = "keys.json"`
				}
			}
			content = strings.Join(lines, "\n")
		}
		i.write(name, content)
	}
	i.write("keys.json", string(enginetest.JWKS(i.key)))
	i.url = answers["external-url"]
	i.guarded = guarded
	i.behindNginx(t, door, guarded)
	p := start(t, builtBinary(t), "serve", "--config", i.config, "--state-dir", i.state)
	p.awaitStart(t, func() bool { return statusOfURL("http://"+i.address+"/-/ready") == http.StatusOK })
	return i
}

// behindNginx runs nginx with the files that init wrote, as they would lie in
// /etc/nginx.
func (i *initSite) behindNginx(t *testing.T, door, guarded string) {
	t.Helper()
	program := needs(t, "nginx")
	dir := t.TempDir()
	certificate := i.certificate(t, dir)
	site := replaceEach(t, readFile(t, filepath.Join(i.config, "for-nginx/site.conf")), map[string]string{
		"server 127.0.0.1:9440;": "server " + i.address + ";",
		"listen      443 ssl;":   "listen " + guarded + " ssl;",
		"listen      " + door[strings.LastIndex(door, ":")+1:] + " ssl;": "listen " + door + " ssl;",
	})
	for _, host := range []string{"localhost", "app.localhost"} {
		site = replaceEach(t, site, map[string]string{"/etc/nginx/tls/" + host + ".crt": certificate, "/etc/nginx/tls/" + host + ".key": filepath.Join(dir, "tls.key")})
	}
	for _, name := range []string{"m2md-server.conf", "m2md-identity.conf"} {
		writeFile(t, filepath.Join(dir, name), readFile(t, filepath.Join(i.config, "for-nginx", name)))
	}
	writeFile(t, filepath.Join(dir, "site.conf"), site)
	writeFile(t, filepath.Join(dir, "nginx.conf"), `
daemon off; pid nginx.pid; error_log stderr warn; events {}
http {
  access_log off;
  client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; scgi_temp_path e;
  include site.conf;
}
`)
	p := start(t, program, "-e", "stderr", "-p", dir, "-c", "nginx.conf")
	p.awaitStart(t, func() bool { return accepts(door) && accepts(guarded) })
}

// certificate makes one for both hosts, which curl and m2md token believe.
func (i *initSite) certificate(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "tls.crt")
	out, err := exec.Command(needs(t, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:localhost,DNS:app.localhost", "-keyout", filepath.Join(dir, "tls.key"), "-out", file).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	i.curl = t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nexec %s --cacert %s --connect-to app.localhost:443:%s \"$@\"\n", needs(t, "curl"), file, i.guarded)
	writeFile(t, filepath.Join(i.curl, "curl"), script)
	if err := os.Chmod(filepath.Join(i.curl, "curl"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(builtBinary(t), filepath.Join(i.curl, "m2md")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", file)
	return file
}

// perform runs a script that a platform would run, and returns what it says.
func (i *initSite) perform(t *testing.T, script string, env map[string]string) (said string, err error) {
	t.Helper()
	cmd := exec.Command(needs(t, "bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + i.curl + ":" + os.Getenv("PATH"), "SSL_CERT_FILE=" + os.Getenv("SSL_CERT_FILE"), "HOME=" + cmd.Dir}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func textsOfMap(t *testing.T, value any) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, one := range value.(map[string]any) {
		all[name] = one.(string)
	}
	return all
}

// The workflow that init writes comes through the nginx that it writes, to the
// service, as whom the README says; and a pull request does not.
func TestE2EInitForGitHubActions(t *testing.T) {
	answers := initCases(t)["GitHub"]
	answers["methods"] = "POST,GET"
	i := newInitSite(t, answers)
	runner := newActionsRunner(t, i.key)
	job := yamlDocument(t, filepath.Join(i.config, "for-github/workflow.yml")).(map[string]any)["jobs"].(map[string]any)["through-m2md"].(map[string]any)
	step := job["steps"].([]any)[1].(map[string]any)
	env := textsOfMap(t, step["env"])
	maps.Copy(env, map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": runner.URL + "/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job"})

	said, err := i.perform(t, step["run"].(string), env)
	if err != nil || !strings.Contains(said, `"X-M2md-Subject":["github/repo:acme@1234/api@5678:ref:refs/heads/main"]`) {
		t.Errorf("the job ends with %v:\n%s", err, said)
	}
	env["METHOD"] = "DELETE"
	if said, err := i.perform(t, step["run"].(string), env); err == nil || !strings.Contains(said, "403") {
		t.Errorf("another method ends with %v:\n%s", err, said)
	}
	env["METHOD"] = "GET"
	runner.next(claims{"event_name": "pull_request_target"})
	if said, err := i.perform(t, step["run"].(string), env); err == nil || strings.Contains(said, "X-M2md-Subject") {
		t.Errorf("a pull request ends with %v:\n%s", err, said)
	}
	i.checkDoor(t)
}

// checkDoor wants nobody but nginx to ask m2md for decisions, and nobody without
// a token at the service.
func (i *initSite) checkDoor(t *testing.T) {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}}} //nolint:gosec // its certificate was just made
	for path, want := range map[string]int{"/-/ready": 200, "/auth/nginx/provider/deploy": 404, "/outpost.goauthentik.io/auth/nginx": 404} {
		res, err := client.Get(i.url + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s is answered with %d, want %d", path, res.StatusCode, want)
		}
	}
	if said, err := i.perform(t, "curl -sS -o /dev/null -w '%{http_code}' https://app.localhost/", nil); err != nil || said != "401" {
		t.Errorf("without a token, the guarded host answers %q, %v", said, err)
	}
}

func TestE2EInitForGitLab(t *testing.T) {
	i := newInitSite(t, initCases(t)["gitlab.com"])
	job := yamlDocument(t, filepath.Join(i.config, "for-gitlab/job.yml")).(map[string]any)["through-m2md"].(map[string]any)
	audience := memberAt(job, []string{"id_tokens", "M2MD_ID_TOKEN", "aud"})
	for name, tt := range map[string]struct {
		changes claims
		in      bool
	}{
		"the branch":                {nil, true},
		"a merge request of a fork": {claims{"pipeline_source": "merge_request_event", "project_id": "99"}, false},
	} {
		env := textsOfMap(t, job["variables"])
		env["M2MD_ID_TOKEN"] = i.key.Mint(profileClaims(t, "gitlab", audience, tt.changes))
		said, err := i.perform(t, job["script"].([]any)[0].(string), env)
		if in := strings.Contains(said, `"X-M2md-Subject":["gitlab/project_path:acme/api:ref_type:branch:ref:main"]`); in != tt.in || (err == nil) != tt.in {
			t.Errorf("%s: the job ends with %v:\n%s", name, err, said)
		}
	}
}

// Prometheus takes its part, and the secret that it names gets a token.
func TestE2EInitForPrometheus(t *testing.T) {
	judge := needs(t, "promtool")
	for _, name := range []string{"Prometheus, by app password", "Prometheus, by its pod, on EKS"} {
		t.Run(name, func(t *testing.T) {
			answers := initCases(t)[name]
			i := newInitSite(t, answers)
			file := filepath.Join(i.config, "for-prometheus/prometheus.yml")
			secret := memberAt(yamlDocument(t, file), []string{"scrape_configs", "0", "oauth2", "client_secret_file"})
			here := filepath.Join(t.TempDir(), "secret")
			if answers["proof"] == "cluster" {
				writeFile(t, here, i.key.Mint(profileClaims(t, "kubernetes", i.url, claims{
					"iss": answers["issuer"], "kubernetes.io": claims{"serviceaccount": claims{"uid": answers["uid"]}},
				})))
			} else {
				writeFile(t, here, i.password("prometheus"))
			}
			config := filepath.Join(t.TempDir(), "prometheus.yml")
			writeFile(t, config, replaceEach(t, readFile(t, file), map[string]string{secret: here}))
			if out, err := exec.Command(judge, "check", "config", config).CombinedOutput(); err != nil {
				t.Errorf("promtool: %v\n%s", err, out)
			}
			answer := credentials("metrics", readFile(t, here))
			said, err := i.perform(t, `token="$(curl -sSf "$URL/oauth2/token" -d "$FORM" | jq -r .access_token)"; curl -sSf -H "Authorization: Bearer $token" https://app.localhost/metrics`,
				map[string]string{"URL": i.url, "FORM": answer.Encode()})
			var seen seen
			if json.Unmarshal([]byte(said), &seen) != nil || seen.Header.Get("X-M2md-Subject") != "prometheus" || seen.Header.Get("Authorization") != "" {
				t.Errorf("it ends with %v:\n%s", err, said)
			}
		})
	}
}

// The policy's types are those that the compiler of TypeScript takes.
func TestTheTypesThatInitWritesAreSound(t *testing.T) {
	modules := nodeModules(t)
	for _, name := range []string{"GitHub", "gitlab.com", "EKS", "Prometheus, by app password"} { // whoever else has the same types
		answers := initCases(t)[name]
		answers["methods"] = "GET,HEAD"
		dir, _ := initialized(t, answers)
		out, err := exec.Command(needs(t, "node"), filepath.Join(modules, "typescript", "bin", "tsc"), "--pretty", "false", "-p", dir).CombinedOutput()
		if err != nil {
			t.Errorf("%s: tsc: %v\n%s", name, err, out)
		}
	}
}
