package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/m2md/m2md/cmd/m2md/scaffold"
	"github.com/m2md/m2md/engine/enginetest"
)

// initCases are answers for each case that m2md init knows, in each of its
// forms, without the proxy and the methods.
func initCases(t *testing.T) map[string]scaffold.Answers {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "jwks.json")
	writeFile(t, keys, string(enginetest.JWKS(enginetest.NewKey(t, "k", "RS256"))))
	with := func(base scaffold.Answers, more ...string) scaffold.Answers {
		all := maps.Clone(base)
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	base := scaffold.Answers{"external-url": "https://auth.example.com", "host": "app.example.com"}
	github := with(base, "case", "github-actions", "owner", "acme", "owner-id", "1234", "repo", "api", "repo-id", "5678")
	gitlab := with(base, "case", "gitlab", "project", "acme/tools/api", "project-id", "20")
	kubernetes := with(base, "case", "kubernetes", "namespace", "web", "service-account", "shop", "uid", "11f0c1a5-3f0a-4d5e-8a43-6a0a1c2f9b77")
	cluster := with(base, "case", "prometheus", "proof", "cluster", "uid", "11f0c1a5-3f0a-4d5e-8a43-6a0a1c2f9b77")
	return map[string]scaffold.Answers{
		"GitHub":                           github,
		"GitHub, another branch":           with(github, "branch", "release/1.x", "provider", "rel_1"),
		"GitHub Enterprise Server":         with(github, "github-url", "https://github.example.com"),
		"GitHub with data residency":       with(github, "github-url", "https://acme.ghe.com"),
		"gitlab.com":                       gitlab,
		"a GitLab of one's own":            with(gitlab, "gitlab-url", "https://git.example.com:8443/gitlab"),
		"a cluster, by file":               with(kubernetes, "keys", keys),
		"a cluster, by URL":                with(kubernetes, "keys", "https://api.cluster.example.com:6443/openid/v1/jwks"),
		"EKS":                              with(kubernetes, "methods", "all", "proxy", "nginx", "issuer", "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF0123456789ABCDEF0123456789"),
		"Prometheus, by app password":      with(base, "case", "prometheus"),
		"Prometheus, by its pod":           with(cluster, "keys", keys),
		"Prometheus, by its pod, on EKS":   with(cluster, "issuer", "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCDEF0123456789ABCDEF0123456789"),
		"m2md at another port, and an odd": with(github, "external-url", "https://auth.example.com:8443", "host", "localhost", "upstream", "https://10.0.0.7:9000"),
	}
}

// combined are the cases with each proxy, with a policy and without.
func combined(t *testing.T) map[string]scaffold.Answers {
	all := map[string]scaffold.Answers{}
	for name, answers := range initCases(t) {
		for _, proxy := range []string{"nginx", "traefik"} {
			for _, methods := range []string{"all", "GET,HEAD", "POST"} {
				one := maps.Clone(answers)
				one["proxy"], one["methods"] = proxy, methods
				all[fmt.Sprintf("%s, %s, %s", name, proxy, methods)] = one
			}
		}
	}
	return all
}

// initArgs is the command line that says all answers.
func initArgs(dir string, answers scaffold.Answers) []string {
	args := []string{"m2md", "init", "--yes", "--dir", dir}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		args = append(args, "--"+name, answers[name])
	}
	return args
}

// initialized is a new folder with what m2md init writes.
func initialized(t *testing.T, answers scaffold.Answers) (dir, said string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "m2md.d")
	var stdout, stderr bytes.Buffer
	if code := run(initArgs(dir, answers), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("init exits with %d:\n%s%s", code, stdout.String(), stderr.String())
	}
	return dir, stdout.String()
}

func TestWhatInitWritesPassesEveryCheck(t *testing.T) {
	for name, answers := range combined(t) {
		t.Run(name, func(t *testing.T) {
			dir, _ := initialized(t, answers)
			for _, args := range [][]string{
				{"validate", "--strict", "--config", dir},
				{"test", "--require-deny-tests", "--config", dir},
				{"fmt", "--check", dir},
			} {
				var stdout, stderr bytes.Buffer
				code := run(append([]string{"m2md"}, args...), &stdout, &stderr)
				if said := stdout.String(); code != 0 || stderr.Len() > 0 || args[0] == "validate" && strings.Count(said, "\n") != 1 {
					t.Errorf("%s exits with %d:\n%s%s", args[0], code, said, stderr.String())
				}
			}
		})
	}
}

// As with the examples, whatever the files ask keeps somebody out, and each
// policy lets somebody in, too.
func TestWhatInitWritesIsHeldByItsTests(t *testing.T) {
	for name, answers := range combined(t) {
		if answers["proxy"] != "nginx" || answers["methods"] == "POST" {
			continue // as the others
		}
		t.Run(name, func(t *testing.T) {
			dir, _ := initialized(t, answers)
			spec := assessed(t, dir).Spec
			r := rehearsed(t, spec)
			reach := r.Reach(r.TryAll(t.Context(), spec.Tests))
			for _, one := range slices.Concat(reach.Providers, reach.Policies) {
				if one.Yes == 0 || one.No == 0 {
					t.Errorf("%s says yes %d times, and no %d times", one.Name, one.Yes, one.No)
				}
			}
			weaker := weakened(spec)
			if len(weaker) == 0 {
				t.Fatal("the files ask nothing")
			}
			for _, w := range weaker {
				if !letsMoreIn(t, w.spec) {
					t.Errorf("who is refused with %s is refused without it", w.without)
				}
			}
		})
	}
}

// What init prints is what its files hold, and the last lines can be typed.
func TestInitSaysWhatToPasteAndWhatToTypeNext(t *testing.T) {
	for name, answers := range initCases(t) {
		t.Run(name, func(t *testing.T) {
			dir, said := initialized(t, answers)
			_, snippet, _ := strings.Cut(said, "For the proxy, as for-nginx/site.conf has it:\n\n")
			indented := strings.ReplaceAll("  "+strings.TrimSuffix(readFile(t, filepath.Join(dir, "for-nginx/site.conf")), "\n"), "\n", "\n  ")
			if !strings.HasPrefix(snippet, strings.ReplaceAll(indented, "\n  \n", "\n\n")) {
				t.Errorf("the snippet is not what the file holds:\n%s", said)
			}
			lines := strings.Split(strings.TrimSpace(said), "\n")
			next := lines[len(lines)-3:]
			for i, command := range []string{"validate --strict", "test --require-deny-tests", "serve"} {
				if next[i] != "  m2md "+command+" --config "+shellWord(dir) {
					t.Errorf("line %d of the last three is %q", i+1, next[i])
				}
				checkTyped(t, "init", strings.ReplaceAll(strings.TrimPrefix(next[i], "  m2md "), shellWord(dir), ""))
			}
			for path, content := range filesOf(t, dir) {
				if relative := strings.TrimPrefix(path, dir+"/"); !strings.Contains(said, "  "+relative+" ") {
					t.Errorf("nothing is said of %s", relative)
				}
				if strings.Contains(content, "[[") || strings.Contains(content, "%!") || strings.Contains(content, "<no value>") || strings.Contains(content, "{{") {
					t.Errorf("%s is not filled in:\n%s", path, content)
				}
			}
		})
	}
}

// filesOf are the files below a folder, by path.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[path] = readFile(t, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds %d files: %v", dir, len(files), err)
	}
	return files
}

// hostile are what somebody types, or a script hands over, that means something
// in one of the files. None may be an answer to anything.
var hostile = []string{
	`"`, `x"`, `x"y`, "`", "x`id`", "${env(\"HOME\")}", "x${y}", "%{ if true }", "$x", "x$(id)", "#{x}", "{{x}}", "${{ github.token }}", "[[x]]",
	"x\ny", "x\r\ny", "x\n", "\nx", "x\x00y", "x\x1by", "x\ty", "x y", "'x'", "x;y", "x#y", "x # y", `x\`, `x\n`, "x\u2028y", "x\u202ey", "ä", "\xff",
	"x: y", "- x", "*", "&x", "!x", "<x>", "x|y", "x{y", "x}", "(x)", "x,y z", strings.Repeat("x", 10_000),
}

func TestInitRefusesAnswersThatMeanSomethingInAFile(t *testing.T) {
	tried := 0
	seen := map[string]bool{"keys": true} // whose file's name stands in no file
	for name, answers := range initCases(t) {
		for question := range answers {
			if seen[question] {
				continue
			}
			seen[question] = true
			for _, value := range hostile {
				tried++
				dir := filepath.Join(t.TempDir(), "m2md.d")
				one := maps.Clone(answers)
				one[question] = value
				var stdout, stderr bytes.Buffer
				code := run(initArgs(dir, one), &stdout, &stderr)
				if _, err := os.Stat(dir); code != exitUsage || err == nil {
					t.Errorf("%s: %q as %s: init exits with %d:\n%s", name, value, question, code, stderr.String())
				}
			}
			// Beside what is allowed, it is no better.
			for _, value := range []string{answers[question] + `"`, answers[question] + "\n", answers[question] + "${x}", answers[question] + "`"} {
				dir := filepath.Join(t.TempDir(), "m2md.d")
				one := maps.Clone(answers)
				one[question] = value
				var stdout, stderr bytes.Buffer
				if code := run(initArgs(dir, one), &stdout, &stderr); code != exitUsage {
					t.Errorf("%s: %q as %s: init exits with %d", name, value, question, code)
				}
			}
		}
	}
	if len(seen) != len(scaffold.Questions()) || tried < 800 {
		t.Errorf("%d answers to %d questions were tried, fewer than there are", tried, len(seen))
	}
}

func TestInitTellsWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	private := filepath.Join(dir, "private.json")
	writeFile(t, private, `{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"secret"}]}`)
	symmetric := filepath.Join(dir, "symmetric.json")
	writeFile(t, symmetric, `{"keys":[{"kty":"oct","k":"secret"}]}`)
	none := filepath.Join(dir, "none.json")
	writeFile(t, none, `{"keys":[]}`)
	broken := filepath.Join(dir, "broken.json")
	writeFile(t, broken, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`)
	used := filepath.Join(dir, "used.d")
	writeFile(t, filepath.Join(used, "server.hcl"), "")
	cases := initCases(t)
	tests := []struct {
		name    string
		base    string
		changes scaffold.Answers
		code    int
		says    string
	}{
		{"the guarded host is m2md's own", "GitHub", scaffold.Answers{"host": "auth.example.com"}, exitUsage, "could not get one"},
		{"an owner by name for an ID", "GitHub", scaffold.Answers{"owner-id": "acme"}, exitUsage, `--owner-id: "acme" is not an ID`},
		{"an ID with a zero before it", "GitHub", scaffold.Answers{"repo-id": "0123"}, exitUsage, "is not an ID"},
		{"a ref for a branch", "GitHub", scaffold.Answers{"branch": "refs/heads/main"}, exitUsage, "without refs/heads/"},
		{"a branch that Git does not have", "GitHub", scaffold.Answers{"branch": "a..b"}, exitUsage, "is not a name that Git gives a branch"},
		{"m2md without TLS", "GitHub", scaffold.Answers{"external-url": "http://auth.example.com"}, exitUsage, "https://HOST"},
		{"a port that there is not", "GitHub", scaffold.Answers{"external-url": "https://auth.example.com:70000"}, exitUsage, "https://HOST"},
		{"every method", "GitHub", scaffold.Answers{"methods": "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS"}, exitUsage, "say all"},
		{"a method twice", "GitHub", scaffold.Answers{"methods": "GET,GET"}, exitUsage, "is neither all nor some of"},
		{"a proxy that there is not", "GitHub", scaffold.Answers{"proxy": "squid"}, exitUsage, `--proxy: "squid" is none of nginx, traefik`},
		{"a case that there is not", "GitHub", scaffold.Answers{"case": "registry"}, exitUsage, "is none of github-actions, gitlab, kubernetes, prometheus"},
		{"what another case asks", "gitlab.com", scaffold.Answers{"owner": "acme"}, exitUsage, "--owner has no place here"},
		{"the account of every pod", "EKS", scaffold.Answers{"service-account": "default"}, exitUsage, "make one for the workload"},
		{"keys that only the cluster finds", "a cluster, by file", scaffold.Answers{"keys": "discovery"}, exitUsage, "only the cluster itself finds"},
		{"keys in a file that is not there", "a cluster, by file", scaffold.Answers{"keys": filepath.Join(dir, "gone.json")}, exitFault, "gone.json"},
		{"private keys", "a cluster, by file", scaffold.Answers{"keys": private}, exitFault, "it holds a private key"},
		{"a secret", "a cluster, by file", scaffold.Answers{"keys": symmetric}, exitFault, "it holds a private key"},
		{"no keys", "a cluster, by file", scaffold.Answers{"keys": none}, exitFault, "it has no keys"},
		{"a key that is none", "a cluster, by file", scaffold.Answers{"keys": broken}, exitFault, "these answers make no sound configuration"},
		{"a folder that holds something", "GitHub", scaffold.Answers{"dir": used}, exitFault, "holds server.hcl already"},
		{"a file in the folder's place", "GitHub", scaffold.Answers{"dir": private}, exitFault, "private.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "new.d")
			answers := maps.Clone(cases[tt.base])
			if answers == nil {
				t.Fatalf("there is no case %q", tt.base)
			}
			maps.Copy(answers, tt.changes)
			var stdout, stderr bytes.Buffer
			code := run(initArgs(target, answers), &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.says) || strings.Contains(stderr.String(), "secret\"") {
				t.Errorf("init exits with %d:\n%s", code, stderr.String())
			}
			if _, err := os.Stat(target); err == nil {
				t.Error("it wrote something")
			}
		})
	}
}

// Whatever is missing is told at once, and nothing that only another answer
// makes needed.
func TestInitWithoutATerminalSaysAllThatIsMissing(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run([]string{"m2md", "init", "--yes", "--case", "github-actions", "--dir", filepath.Join(t.TempDir(), "m2md.d")}, &stdout, &stderr)
	if want := "m2md: init: without a terminal, say --external-url, --owner, --owner-id, --repo, --repo-id, --host\n"; code != exitUsage || stderr.String() != want {
		t.Errorf("init exits with %d: %s", code, stderr.String())
	}
}

// The nginx of init is that of the example, which is tried with nginx itself.
func TestTheNginxFilesOfInitAreThoseOfTheExample(t *testing.T) {
	for _, name := range []string{"m2md-server.conf", "m2md-identity.conf"} {
		if readFile(t, filepath.Join("scaffold/templates", name)) != readFile(t, filepath.Join("../../examples/nginx", name)) {
			t.Errorf("%s differs; copy that of examples/nginx", name)
		}
	}
}

// Files for others are in their form, and hold the answers where they belong.
func TestWhatInitWritesForOthersIsInTheirForm(t *testing.T) {
	parsed := map[string]int{}
	for name, answers := range combined(t) {
		if answers["methods"] == "POST" || answers["methods"] == "all" && answers["proxy"] == "nginx" {
			continue // as the others
		}
		dir, _ := initialized(t, answers)
		for path := range filesOf(t, dir) {
			kind := filepath.Base(path)
			if filepath.Ext(path) != ".yml" && filepath.Ext(path) != ".yaml" {
				continue
			}
			parsed[kind]++
			document := yamlDocument(t, path)
			for _, check := range yamlFacts(kind, answers) {
				if got := memberAt(document, strings.Split(check[0], "/")); got != check[1] {
					t.Errorf("%s: %s has %s = %q, want %q", name, kind, check[0], got, check[1])
				}
			}
		}
	}
	if len(parsed) != 5 {
		t.Errorf("these kinds of files were parsed: %v", parsed)
	}
}

// yamlDocument parses a YAML file as YAML 1.2 has it, where "on" is no boolean.
func yamlDocument(t *testing.T, path string) any {
	t.Helper()
	python := needs(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import yaml").Run(); err != nil {
		if os.Getenv("M2MD_REQUIRE_SERVERS") != "" {
			t.Fatalf("%s has no yaml, and M2MD_REQUIRE_SERVERS says that it has", python)
		}
		t.Skipf("left out: %s has no yaml", python)
	}
	out, err := exec.Command(python, "-c", `
import json, sys, yaml
class Loader(yaml.SafeLoader): pass
Loader.yaml_implicit_resolvers = {k: [r for r in v if r[0] != "tag:yaml.org,2002:bool"] for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}
json.dump(yaml.load(open(sys.argv[1]), Loader), sys.stdout)`, path).Output()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var document any
	if err := json.Unmarshal(out, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// yamlFacts are members of a file that an answer decides, by path.
func yamlFacts(kind string, a scaffold.Answers) [][2]string {
	branch := a["branch"]
	if branch == "" {
		branch = "main"
	}
	provider := a["provider"]
	if provider == "" {
		provider = map[string]string{"kubernetes": "api", "prometheus": "metrics"}[a["case"]]
	}
	upstream := a["upstream"]
	if upstream == "" {
		upstream = "http://127.0.0.1:8080"
	}
	switch kind {
	case "workflow.yml":
		return [][2]string{{"on/push/branches/0", branch}, {"jobs/through-m2md/steps/1/env/M2MD_URL", a["external-url"]}, {"jobs/through-m2md/steps/1/env/TARGET", "https://" + a["host"] + "/"}, {"permissions", "map[]"}}
	case "job.yml":
		return [][2]string{{"through-m2md/id_tokens/M2MD_ID_TOKEN/aud", a["external-url"]}, {"through-m2md/rules/0/if", `$CI_COMMIT_BRANCH == "` + branch + `" && $CI_COMMIT_REF_PROTECTED == "true"`}}
	case "patch.yml":
		return [][2]string{{"spec/template/spec/volumes/0/projected/sources/0/serviceAccountToken/audience", a["external-url"]}}
	case "prometheus.yml":
		return [][2]string{{"scrape_configs/0/oauth2/token_url", a["external-url"] + "/oauth2/token"}, {"scrape_configs/0/oauth2/client_id", provider}, {"scrape_configs/0/static_configs/0/targets/0", a["host"]}}
	case "dynamic.yaml":
		return [][2]string{{"http/routers/guarded/rule", "Host(`" + a["host"] + "`)"}, {"http/services/guarded/loadBalancer/servers/0/url", upstream}, {"http/middlewares/m2md/forwardAuth/authResponseHeaders/length", "6"}}
	default:
		return nil
	}
}
