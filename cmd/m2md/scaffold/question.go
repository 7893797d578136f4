package scaffold

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/m2md/m2md/hcl"
)

// Question is one thing that the files depend on.
type Question struct {
	Name    string                // of the answer, and of the flag
	Usage   string                // of the flag
	Ask     string                // for people; a sentence without its end
	Hint    func(Answers) string  // how to find it out; nil for none
	Options []string              // what alone may be said; nil for no such list
	Default func(Answers) string  // what is taken for an empty answer; "" or nil: there must be one
	when    func(Answers) bool    // nil: always
	check   func(a Answers) error // of the answer by Name; nil for Options
}

// Asked says whether the answers so far leave the question open.
func (q Question) Asked(a Answers) bool { return q.when == nil || q.when(a) }

// Fallback is what an empty answer means; "" where there is no default.
func (q Question) Fallback(a Answers) string {
	if q.Default == nil {
		return ""
	}
	return q.Default(a)
}

// Check judges the answer to the question, with those before it. Its error
// completes a sentence about the answer.
func (q Question) Check(a Answers) error {
	switch value := a[q.Name]; {
	case value == "":
		return errors.New("is missing")
	case q.Options != nil && !slices.Contains(q.Options, value):
		return fmt.Errorf("is none of %s", strings.Join(q.Options, ", "))
	case q.check == nil:
		return nil
	}
	return q.check(a)
}

// inCluster is what a cluster calls itself that was not told another name.
const inCluster = "https://kubernetes.default.svc.cluster.local"

// Discovery is the answer to "keys" that has them fetched from where the
// issuer's discovery document says.
const Discovery = "discovery"

// Questions are all questions, in the order in which they are asked: whether one
// is asked depends on the answers before it.
func Questions() []Question {
	return slices.Concat(firstQuestions(), githubQuestions(), gitlabQuestions(), prometheusQuestions(), clusterQuestions(), guardQuestions())
}

func firstQuestions() []Question {
	return []Question{
		{
			Name: "case", Usage: "who gets in: github-actions, gitlab, kubernetes or prometheus, a `CASE`",
			Ask: "Who gets in", Options: []string{"github-actions", "gitlab", "kubernetes", "prometheus"},
		},
		{
			Name: "external-url", Usage: "the `URL` at which machines reach m2md, such as https://auth.example.com",
			Ask: "The URL at which machines reach m2md, such as https://auth.example.com", check: isOrigin("external-url"),
		},
	}
}

func githubQuestions() []Question {
	github := caseIs("github-actions")
	return []Question{
		{Name: "github-url", Usage: "the `URL` of GitHub", Ask: "The URL of GitHub", Default: always("https://github.com"), when: github, check: isOrigin("github-url")},
		{Name: "owner", Usage: "the `NAME` of the user or organization that owns the repository", Ask: "The user or organization that owns the repository", when: github, check: matches("owner", `[A-Za-z0-9][A-Za-z0-9_-]{0,38}`, "a name of GitHub")},
		{Name: "owner-id", Usage: "the owner's `ID`", Ask: "The owner's ID", Hint: ghAPI(func(a Answers) string { return "users/" + a["owner"] }), when: github, check: isID("owner-id")},
		{Name: "repo", Usage: "the `NAME` of the repository, without its owner", Ask: "The repository, without its owner", when: github, check: matches("repo", `[A-Za-z0-9_][A-Za-z0-9._-]{0,99}`, "the name of a repository, without its owner")},
		{Name: "repo-id", Usage: "the repository's `ID`", Ask: "The repository's ID", Hint: ghAPI(func(a Answers) string { return "repos/" + a["owner"] + "/" + a["repo"] }), when: github, check: isID("repo-id")},
	}
}

// ghAPI says how GitHub's command line tells an ID.
func ghAPI(path func(Answers) string) func(Answers) string {
	return func(a Answers) string {
		host := ""
		if a["github-url"] != "https://github.com" {
			host = "--hostname " + strings.TrimPrefix(a["github-url"], "https://") + " "
		}
		return "gh api " + host + path(a) + " --jq .id"
	}
}

// gitlabQuestions end with one that is about GitHub, too.
func gitlabQuestions() []Question {
	gitlab := caseIs("gitlab")
	hint := func(a Answers) string {
		return "glab api projects/" + strings.ReplaceAll(a["project"], "/", "%2F") + " | jq .id; it also stands on the project's page"
	}
	return []Question{
		{Name: "gitlab-url", Usage: "the `URL` of GitLab", Ask: "The URL of GitLab", Default: always("https://gitlab.com"), when: gitlab, check: isURL("gitlab-url")},
		{Name: "project", Usage: "the `PATH` of the project, such as acme/api", Ask: "The path of the project, such as acme/api", when: gitlab, check: matches("project", `[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)+`, "the path of a project, such as acme/api")},
		{Name: "project-id", Usage: "the project's `ID`", Ask: "The project's ID", Hint: hint, when: gitlab, check: isID("project-id")},
		{Name: "branch", Usage: "the `BRANCH` whose jobs get in", Ask: "The branch whose jobs get in", Default: always("main"), when: caseIs("github-actions", "gitlab"), check: isBranch},
	}
}

func prometheusQuestions() []Question {
	return []Question{{
		Name: "proof", Usage: "what Prometheus shows: app-password, or cluster for the token of its pod, a `PROOF`",
		Ask: "What Prometheus shows: an app password, or the token of its pod", Options: []string{"app-password", "cluster"},
		Default: always("app-password"), when: caseIs("prometheus"),
	}}
}

func clusterQuestions() []Question {
	hint := func(command string) func(Answers) string { return func(Answers) string { return command } }
	return []Question{
		{Name: "issuer", Usage: "what the cluster calls itself, a `URL`", Ask: "What the cluster calls itself", Hint: hint("kubectl get --raw /.well-known/openid-configuration"), Default: always(inCluster), when: fromCluster, check: isURL("issuer")},
		{
			Name: "keys", Usage: "the cluster's public keys: a `FILE` or a https URL, or discovery for what the issuer's document says",
			Ask: "The cluster's public keys: a file, a https URL, or discovery", Hint: hint("kubectl get --raw /openid/v1/jwks >jwks.json"),
			Default: keysOfIssuer, when: fromCluster, check: isKeys,
		},
		{Name: "namespace", Usage: "the `NAMESPACE` of the pods that get in", Ask: "The namespace of the pods", Default: ofPrometheus("monitoring"), when: fromCluster, check: matches("namespace", `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, "the name of a namespace")},
		{Name: "service-account", Usage: "the `NAME` of their service account", Ask: "Their service account", Default: ofPrometheus("prometheus"), when: fromCluster, check: isServiceAccount},
		{
			Name: "uid", Usage: "the `UID` of the service account", Ask: "The uid of the service account",
			Hint: func(a Answers) string {
				return "kubectl -n " + a["namespace"] + " get serviceaccount " + a["service-account"] + " -o jsonpath={.metadata.uid}"
			},
			when: fromCluster, check: matches("uid", `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "a uid, such as e6a8680e-d103-4cce-80ea-03acbbeacf7d"),
		},
	}
}

func guardQuestions() []Question {
	return []Question{
		{Name: "provider", Usage: "a `NAME` for what is guarded", Ask: "A name for what is guarded", Default: providerName, check: isLabel},
		{Name: "host", Usage: "the `HOST` that is guarded, such as deploy.example.com", Ask: "The host that is guarded, such as deploy.example.com", check: isGuardedHost},
		{
			Name: "methods", Usage: "which HTTP methods they may use there: all, or some with commas between (which makes a policy), `METHODS`",
			Ask: "Which HTTP methods they may use there: all, or some, such as GET,HEAD", Default: ofPrometheus("GET", "all"), check: isMethods,
		},
		{Name: "proxy", Usage: "the proxy in front of it: nginx or traefik, a `PROXY`", Ask: "The proxy in front of it", Options: []string{"nginx", "traefik"}, Default: always("nginx")},
		{Name: "upstream", Usage: "where the proxy reaches the guarded service, a `URL`", Ask: "Where the proxy reaches the guarded service", Default: always("http://127.0.0.1:8080"), check: isUpstream},
	}
}

func always(value string) func(Answers) string { return func(Answers) string { return value } }

// ofPrometheus is a default for the case of Prometheus, and another, or none,
// for others.
func ofPrometheus(value string, others ...string) func(Answers) string {
	return func(a Answers) string {
		if a["case"] == "prometheus" {
			return value
		}
		return strings.Join(others, "")
	}
}

func caseIs(names ...string) func(Answers) bool {
	return func(a Answers) bool { return slices.Contains(names, a["case"]) }
}

// fromCluster says whether a cluster signs what is shown.
func fromCluster(a Answers) bool {
	return a["case"] == "kubernetes" || a["case"] == "prometheus" && a["proof"] == "cluster"
}

// keysOfIssuer has keys fetched from the issuer, unless it is a name that only
// the cluster itself finds.
func keysOfIssuer(a Answers) string {
	if strings.HasPrefix(a["issuer"], "https://kubernetes.default.svc") {
		return ""
	}
	return Discovery
}

func providerName(a Answers) string {
	switch a["case"] {
	case "kubernetes":
		return "api"
	case "prometheus":
		return "metrics"
	default:
		return "deploy"
	}
}

func matches(name, expression, what string) func(Answers) error {
	whole := regexp.MustCompile(`\A(?:` + expression + `)\z`)
	return func(a Answers) error {
		if !whole.MatchString(a[name]) {
			return fmt.Errorf("is not %s", what)
		}
		return nil
	}
}

func isID(name string) func(Answers) error {
	return matches(name, `[1-9][0-9]{0,18}`, "an ID: a whole number, which stays when names change")
}

func isLabel(a Answers) error {
	if !hcl.ValidLabel(a["provider"]) {
		return errors.New("is not a name that begins with a lower-case letter, and goes on with up to 62 lower-case letters, digits, _ or -")
	}
	return nil
}

// isBranch takes branches whose names mean nothing in any of the files. Git
// allows more.
func isBranch(a Answers) error {
	branch := a["branch"]
	if err := matches("branch", `[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}`, "a branch whose name has letters, digits and ._/+- only")(a); err != nil {
		return err
	}
	for part := range strings.SplitSeq(branch, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, ".lock") || strings.Contains(part, "..") {
			return errors.New("is not a name that Git gives a branch")
		}
	}
	if strings.HasPrefix(branch, "refs/") {
		return errors.New("is a ref; write the branch without refs/heads/")
	}
	return nil
}

func isServiceAccount(a Answers) error {
	if a["service-account"] == "default" {
		return errors.New("is that of every pod that names none; make one for the workload")
	}
	return matches("service-account", `[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?`, "the name of a service account")(a)
}

// hostname is the name of a host in lower case (RFC 1123 §2.1).
const hostname = `[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*`

func isGuardedHost(a Answers) error {
	if err := matches("host", hostname, "a host: a name in lower case, without port and path")(a); err != nil {
		return err
	}
	if len(a["host"]) > 253 {
		return errors.New("is longer than a name may be")
	}
	if a["host"] == hostOf(a["external-url"]) {
		return errors.New("is m2md's own; whoever has no token yet could not get one")
	}
	return nil
}

// isOrigin takes https://HOST, with a port or without.
func isOrigin(name string) func(Answers) error {
	return func(a Answers) error {
		return checkURL(a[name], `https://`+hostname+`(?::[1-9][0-9]{0,4})?`, "a URL of the form https://HOST, in lower case, and without a slash at its end")
	}
}

// isURL takes a path, too.
func isURL(name string) func(Answers) error {
	return func(a Answers) error {
		return checkURL(a[name], `https://`+hostname+`(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9_.-]+)*`, "a URL of the form https://HOST/PATH, with its host in lower case, and without a slash at its end")
	}
}

func isUpstream(a Answers) error {
	return checkURL(a["upstream"], `https?://`+hostname+`(?::[1-9][0-9]{0,4})?`, "a URL of the form http://HOST:PORT")
}

// isKeys judges only those that are no file; who reads the file judges it.
func isKeys(a Answers) error {
	keys := a["keys"]
	if strings.Contains(keys, "://") {
		return isURL("keys")(a)
	}
	if keys == Discovery && keysOfIssuer(a) == "" {
		return errors.New("does not do, as only the cluster itself finds " + inCluster + "; name a file, or the URL of its keys")
	}
	return nil
}

func checkURL(value, expression, what string) error {
	bad := errors.New("is not " + what)
	if !regexp.MustCompile(`\A`+expression+`\z`).MatchString(value) || len(value) > 500 {
		return bad
	}
	u, err := url.Parse(value)
	if err != nil || len(u.Hostname()) > 253 {
		return bad
	}
	var port int
	if u.Port() != "" {
		if _, err := fmt.Sscan(u.Port(), &port); err != nil || port > 65535 {
			return bad
		}
	}
	return nil
}

// hostOf is the name of a URL's host; "" for what is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// methods are those that are known here (RFC 9110 §9.3, RFC 5789).
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// isMethods wants some methods, and not all of them: nothing would be refused.
func isMethods(a Answers) error {
	if a["methods"] == "all" {
		return nil
	}
	some := strings.Split(a["methods"], ",")
	for i, method := range some {
		if !slices.Contains(methods, method) || slices.Contains(some[:i], method) {
			return fmt.Errorf("is neither all nor some of %s, with commas between", strings.Join(methods, ","))
		}
	}
	switch {
	case len(some) == len(methods):
		return errors.New("are all methods; say all")
	case a["methods"] == "HEAD":
		return errors.New("alone is what nobody uses; add GET")
	}
	return nil
}
