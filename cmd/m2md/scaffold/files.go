package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/m2md/m2md/hcl"
)

// Wish is what files are made of.
type Wish struct {
	Answers Answers // to every question that is asked, each checked
	KeySet  []byte  // the cluster's public keys, where "keys" names a file; else nil
	Version string  // of m2md that pipelines install, as `go install` takes it
}

// File is one file of the folder.
type File struct {
	Name    string // below the folder, with slashes
	What    string // it is for, in half a sentence
	Content []byte
}

// What is pasted into the proxy.
const (
	nginxSite   = "for-nginx/site.conf"
	traefikFile = "for-traefik/dynamic.yaml"
)

// ProxyFile is the name of the file that goes into the proxy first.
func (w Wish) ProxyFile() string {
	if w.Answers["proxy"] == "traefik" {
		return traefikFile
	}
	return nginxSite
}

//go:embed templates
var templates embed.FS

// planned is a file that a wish may want.
type planned struct {
	name, what, template string
	when                 func(Answers) bool // nil: always
}

func plan() []planned {
	restricted := func(a Answers) bool { return a["methods"] != "all" }
	nginx := func(a Answers) bool { return a["proxy"] == "nginx" }
	return []planned{
		{"server.hcl", "where m2md listens", "server.hcl", nil},
		{"sources.hcl", "who signs for the jobs, and what must hold of them", "github.hcl", caseIs("github-actions")},
		{"sources.hcl", "who signs for the jobs, and what must hold of them", "gitlab.hcl", caseIs("gitlab")},
		{"sources.hcl", "the cluster that signs for the pods", "cluster.hcl", fromCluster},
		{"machines.hcl", "the account of Prometheus", "account.hcl", caseIs("prometheus")},
		{"access.hcl", "what is guarded, and who gets in", "access.hcl", nil},
		{"access.m2mdtest.hcl", "who gets in and who does not: what m2md test tries", "test.hcl", nil},
		{"policies/methods.ts", "which methods they may use", "methods.ts", restricted},
		{nginxSite, "goes into nginx: into a file of /etc/nginx/conf.d", "site.conf", nginx},
		{"for-nginx/m2md-server.conf", "goes to /etc/nginx", "m2md-server.conf", nginx},
		{"for-nginx/m2md-identity.conf", "goes to /etc/nginx", "m2md-identity.conf", nginx},
		{traefikFile, "goes to the file provider of Traefik", "dynamic.yaml", func(a Answers) bool { return a["proxy"] == "traefik" }},
		{"for-github/workflow.yml", "goes to .github/workflows of the repository", "workflow.yml", caseIs("github-actions")},
		{"for-gitlab/job.yml", "goes into .gitlab-ci.yml of the project", "job.yml", caseIs("gitlab")},
		{"for-kubernetes/patch.yml", "gives pods a token for m2md", "patch.yml", fromCluster},
		{"for-prometheus/prometheus.yml", "goes into the configuration of Prometheus", "prometheus.yml", caseIs("prometheus")},
	}
}

// Files are what the wish wants, laid out canonically. It fails where an answer
// is not checked, or cannot stand in its file.
func Files(w Wish) ([]File, error) {
	set, err := template.New("").Delims("[[", "]]").Option("missingkey=error").Funcs(template.FuncMap{"hcl": hcl.Quote}).ParseFS(templates, "templates/*")
	if err != nil {
		panic(err) // templates are a part of the program
	}
	data, err := values(w)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, p := range plan() {
		if p.when != nil && !p.when(w.Answers) {
			continue
		}
		var text bytes.Buffer
		if err := set.ExecuteTemplate(&text, p.template, data); err != nil {
			return nil, fmt.Errorf("writing %s: %w", p.name, err)
		}
		content := text.Bytes()
		if path.Ext(p.name) == ".hcl" {
			laid, found := hcl.Format(p.name, content)
			if found.Err() != nil {
				return nil, fmt.Errorf("laying out %s: %w", p.name, found.Err())
			}
			content = laid
		}
		files = append(files, File{p.name, p.what, content})
	}
	if w.KeySet != nil {
		files = append(files, File{keySetFile, "the cluster's public keys", w.KeySet})
	}
	return files, nil
}

// keySetFile is where the public keys of a cluster stand.
const keySetFile = "jwks/cluster.json"

// values are the answers, and what follows from them.
func values(w Wish) (map[string]any, error) {
	data := map[string]any{}
	for _, q := range Questions() {
		if !q.Asked(w.Answers) {
			data[strings.ReplaceAll(q.Name, "-", "_")] = answer{}
			continue
		}
		if err := q.Check(w.Answers); err != nil {
			return nil, fmt.Errorf("the answer %q to %s %w", w.Answers[q.Name], q.Name, err)
		}
		data[strings.ReplaceAll(q.Name, "-", "_")] = answer{w.Answers[q.Name]}
	}
	a := w.Answers
	data["version"], data["released"] = answer{w.Version}, w.Version != "latest"
	data["external_host"], data["external_port"] = answer{hostOf(a["external-url"])}, answer{portOf(a["external-url"])}
	data["audience"] = answer{"https://" + a["host"]}
	data["target"] = answer{"https://" + a["host"] + "/"}
	data["cluster"], data["account"] = fromCluster(a), a["case"] == "prometheus"
	data["restricted"] = a["methods"] != "all"
	data["allowed"], data["method"], data["refused"] = methodsOf(a)
	for name, value := range platform(a) {
		data[name] = answer{value}
	}
	data["keys_from"] = keysFrom(w)
	return data, nil
}

// keysFrom says where the keys of a cluster come from: the name of the
// attribute, and its value.
func keysFrom(w Wish) [2]answer {
	keys := w.Answers["keys"]
	switch {
	case w.KeySet != nil:
		return [2]answer{{"oidc_jwks_file"}, {keySetFile}}
	case keys == Discovery:
		return [2]answer{{"oidc_well_known_url"}, {w.Answers["issuer"] + "/.well-known/openid-configuration"}}
	default:
		return [2]answer{{"oidc_jwks_url"}, {keys}}
	}
}

// methodsOf are the methods that are let through, one of them that has an answer
// to show, and one that is refused.
func methodsOf(a Answers) (allowed []answer, one, refused answer) {
	if a["methods"] == "all" {
		return nil, answer{"GET"}, answer{}
	}
	some := strings.Split(a["methods"], ",")
	for _, method := range some {
		allowed = append(allowed, answer{method})
	}
	other := slices.IndexFunc(methods, func(m string) bool { return !slices.Contains(some, m) })
	shown := slices.IndexFunc(some, func(m string) bool { return m != "HEAD" })
	return allowed, allowed[shown], answer{methods[other]}
}

// platform is what follows from where a job runs: its issuer, and who it is.
func platform(a Answers) map[string]string {
	all := map[string]string{"signer": "", "subject": "", "branch_ref": "refs/heads/" + a["branch"], "default_audience": "", "source": ""}
	switch {
	case a["case"] == "github-actions":
		all["source"] = "github"
		all["signer"] = githubIssuer(a["github-url"])
		all["subject"] = fmt.Sprintf("repo:%s@%s/%s@%s:ref:refs/heads/%s", a["owner"], a["owner-id"], a["repo"], a["repo-id"], a["branch"])
		if all["signer"] == a["github-url"]+"/_services/token" { // which has no IDs there
			all["subject"] = fmt.Sprintf("repo:%s/%s:ref:refs/heads/%s", a["owner"], a["repo"], a["branch"])
		}
		all["default_audience"] = a["github-url"] + "/" + a["owner"]
	case a["case"] == "gitlab":
		all["source"] = "gitlab"
		all["signer"] = a["gitlab-url"]
		all["subject"] = fmt.Sprintf("project_path:%s:ref_type:branch:ref:%s", a["project"], a["branch"])
		all["default_audience"] = a["gitlab-url"]
	case fromCluster(a):
		all["source"] = "cluster"
		all["signer"] = a["issuer"]
		all["subject"] = "system:serviceaccount:" + a["namespace"] + ":" + a["service-account"]
		all["default_audience"] = a["issuer"]
	}
	return all
}

// githubIssuer is what a GitHub calls itself in its tokens: github.com, one
// with data residency on ghe.com, or a GitHub Enterprise Server.
func githubIssuer(address string) string {
	host := strings.TrimPrefix(address, "https://")
	switch subdomain, residency := strings.CutSuffix(host, ".ghe.com"); {
	case host == "github.com":
		return "https://token.actions.githubusercontent.com"
	case residency:
		return "https://token.actions." + subdomain + ".ghe.com"
	default:
		return address + "/_services/token"
	}
}

// portOf is the port of an https URL.
func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return "443"
	}
	return u.Port()
}
