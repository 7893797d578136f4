//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tryCI runs what examples/ci holds as the platforms do: in a clone, by their
// shells, with m2md in the PATH and a stand-in for the platform's API.
func tryCI(t *testing.T, dir string) {
	t.Run("the action", func(t *testing.T) { tryAction(t, filepath.Join(dir, "action.yml")) })
	t.Run("the GitLab template", func(t *testing.T) { tryGitLabTemplate(t, filepath.Join(dir, "m2md.gitlab-ci.yml")) })
	t.Run("the hooks", func(t *testing.T) { tryHooks(t, filepath.Join(dir, ".pre-commit-hooks.yaml")) })
	t.Run("actionlint", func(t *testing.T) { tryActionlint(t, dir) })
}

// repository is a clone with what init writes on main, and a change of it.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	r.git("init", "-q", "-b", "main")
	answers := initCases(t)["GitHub"]
	answers["methods"] = "GET,HEAD"
	if code := run(initArgs(filepath.Join(r.dir, "m2md.d"), answers), io.Discard, os.Stderr); code != 0 {
		t.Fatalf("init exits with %d", code)
	}
	r.commit("main")
	return r
}

// git runs git, and returns what it prints.
func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command(needs(r.t, "git"), append([]string{"-c", "user.name=m2md", "-c", "user.email=m2md@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits all that there is, and returns the revision.
func (r *repository) commit(message string) string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", message)
	return r.git("rev-parse", "HEAD")
}

// write writes a file of the clone.
func (r *repository) write(name, content string) {
	r.t.Helper()
	writeFile(r.t, filepath.Join(r.dir, name), content)
}

// replace replaces a text of a file, which must be there.
func (r *repository) replace(name, old, replacement string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	writeFile(r.t, path, replaceEach(r.t, readFile(r.t, path), map[string]string{old: replacement}))
}

// pullRequest commits what changed on a branch, lets main go on, and checks out
// the merge of both, as GitHub does. It returns the head, and what main was when
// the pull request was opened.
func (r *repository) pullRequest(change func()) (head, base string) {
	r.t.Helper()
	base = r.git("rev-parse", "main")
	r.git("checkout", "-q", "-b", "topic")
	change()
	head = r.commit("topic")
	r.git("checkout", "-q", "main")
	r.write("README.md", "main goes on\n")
	r.commit("main goes on")
	r.git("checkout", "-q", "--detach")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
	return head, base
}

// widened lets in whatever the owner's repositories run: who reads the diff sees
// one line go.
func (r *repository) widened() {
	r.replace("m2md.d/access.hcl", "      repository_id = \"5678\"\n      ref           =", "      ref        =")
	r.replace("m2md.d/access.hcl", "      event_name    =", "      event_name =")
	r.replace("m2md.d/access.m2mdtest.hcl", "    \"the repository, made again\"            = { repository_id = \"56780\" }\n", "")
}

// platformPath is a PATH with m2md, with what stands in for programs of a
// platform, and with the system's own.
func platformPath(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(builtBinary(t), filepath.Join(dir, "m2md")); err != nil {
		t.Fatal(err)
	}
	for name, script := range programs {
		writeFile(t, filepath.Join(dir, name), script)
		if err := os.Chmod(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + os.Getenv("PATH")
}

// actionRun is a run of the composite action.
type actionRun struct {
	t      *testing.T
	repo   *repository
	steps  []any
	inputs map[string]string
	event  map[string]string // what expressions that begin with github. say
	path   string
	temp   string
	log    strings.Builder
}

// newActionRun reads the action, with the defaults of its inputs.
func newActionRun(t *testing.T, file string, repo *repository) *actionRun {
	t.Helper()
	action := yamlDocument(t, file).(map[string]any)
	a := &actionRun{t: t, repo: repo, steps: action["runs"].(map[string]any)["steps"].([]any), inputs: map[string]string{}, temp: t.TempDir()}
	for name, input := range action["inputs"].(map[string]any) {
		a.inputs[name] = input.(map[string]any)["default"].(string)
	}
	a.path = platformPath(t, map[string]string{"gh": "#!/bin/bash\n" + ghStandIn})
	a.event = map[string]string{"github.event.pull_request.number": "7", "github.token": "of-the-job"}
	return a
}

// ghStandIn stands in for GitHub's command line: it knows the comments that
// $GH_COMMENTS holds, filters them by jq, and keeps what it is asked.
const ghStandIn = `
set -eu
[ "$GH_TOKEN" = of-the-job ]
args=("$@")
filter= body=
while [ $# -gt 0 ]; do
  case "$1" in
    --jq) filter=$2; shift ;;
    -F) body=${2#body=@}; shift ;;
  esac
  shift
done
echo "${args[*]}" >>"$GH_ASKED"
if [ -n "$filter" ]; then exec jq -r "$filter" "$GH_COMMENTS"; fi
cp "$body" "$GH_BODY"
`

// value is what an expression of the action says.
func (a *actionRun) value(text string) string {
	return regexp.MustCompile(`\$\{\{ (.*?) \}\}`).ReplaceAllStringFunc(text, func(expression string) string {
		for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(expression, "${{ "), " }}"), " || ") {
			name, isInput := strings.CutPrefix(part, "inputs.")
			value, known := a.event[part]
			switch {
			case isInput:
				value, known = a.inputs[name]
			case part == "steps.files.outputs.folder":
				value, known = filepath.Join(a.temp, "m2md"), true
			}
			if !known && !strings.HasPrefix(part, "github.event.") { // which is empty where there is none
				a.t.Fatalf("the action has an expression that is not known here: %s", part)
			}
			if value != "" {
				return a.value(value)
			}
		}
		return ""
	})
}

// step runs a step by its shell, as `shell: bash` means.
func (a *actionRun) step(step map[string]any) error {
	a.t.Helper()
	cmd := exec.Command(needs(a.t, "bash"), "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].(string))
	cmd.Dir = a.repo.dir
	cmd.Env = []string{
		"PATH=" + a.path, "HOME=" + a.temp, "RUNNER_TEMP=" + a.temp, "GITHUB_REPOSITORY=acme/auth",
		"GITHUB_OUTPUT=" + filepath.Join(a.temp, "output"), "GITHUB_PATH=" + filepath.Join(a.temp, "path"), "GITHUB_STEP_SUMMARY=" + filepath.Join(a.temp, "summary"),
		"GH_ASKED=" + filepath.Join(a.temp, "asked"), "GH_BODY=" + filepath.Join(a.temp, "body"), "GH_COMMENTS=" + filepath.Join(a.temp, "comments.json"),
	}
	for name, value := range step["env"].(map[string]any) {
		cmd.Env = append(cmd.Env, name+"="+a.value(value.(string)))
	}
	out, err := cmd.CombinedOutput()
	a.log.Write(out)
	return err
}

// run runs the steps that have a script, but those named, and returns what the
// last one, the verdict, ends with. All before it must end well.
func (a *actionRun) run(without ...string) error {
	a.t.Helper()
	for i, one := range a.steps {
		step := one.(map[string]any)
		if _, isScript := step["run"]; !isScript || slices.Contains(without, step["name"].(string)) {
			continue
		}
		err := a.step(step)
		if i == len(a.steps)-1 {
			return err
		}
		if err != nil {
			a.t.Fatalf("the step %s ends with %v:\n%s", step["name"], err, a.log.String())
		}
	}
	a.t.Fatal("the action has no last step")
	return nil
}

// file is what the run left behind; "" for nothing.
func (a *actionRun) file(name string) string {
	content, err := os.ReadFile(filepath.Join(a.temp, name))
	if err != nil {
		return ""
	}
	return string(content)
}

func tryAction(t *testing.T, file string) {
	needs(t, "jq")
	tests := []struct {
		name    string
		change  func(r *repository)
		inputs  map[string]string
		fails   string // what the verdict names; "" where the action passes
		planned string // a part of the plan
		logged  string
	}{
		{"nothing of the configuration changes", func(*repository) {}, nil, "", "", ""},
		{"access is widened", (*repository).widened, nil, "", "gains", ""},
		{"access is widened, where that fails", (*repository).widened, map[string]string{"fail-on": "widen"}, "m2md plan: the change does what fail-on forbids (widen)", "gains", ""},
		{"a file is not laid out", func(r *repository) { r.replace("m2md.d/server.hcl", "listen          =", "listen =") }, nil, "m2md fmt --check", "", ""},
		{"a fault", func(r *repository) { r.replace("m2md.d/access.hcl", "[oauth_source.github]", "[oauth_source.gitlub]") }, nil, "m2md validate", "", "::error file=m2md.d/access.hcl,line=11,"},
		{"a warning", func(r *repository) { r.write("m2md.d/idle.hcl", "service_account \"idle\" {\n}\n") }, nil, "m2md validate", "", "::error file=m2md.d/idle.hcl,line=1,"},
		{"a warning, where that may be", func(r *repository) { r.write("m2md.d/idle.hcl", "service_account \"idle\" {\n}\n") }, map[string]string{"strict": "false"}, "", "", "::warning file=m2md.d/idle.hcl,line=1,"},
		{"a test fails", func(r *repository) { r.replace("m2md.d/access.hcl", `"workflow_dispatch"]`, `"schedule"]`) }, nil, "m2md test", "", "title=FAIL%3A a job of the branch gets in/by hand"},
		{"a policy without a test in which it says no", func(r *repository) {
			_, first, _ := strings.Cut(readFile(r.t, filepath.Join(r.dir, "m2md.d/access.m2mdtest.hcl")), "test \"what they may not do\"")
			block, _, _ := strings.Cut(first, "\n}\n")
			r.replace("m2md.d/access.m2mdtest.hcl", "test \"what they may not do\""+block+"\n}\n\n", "")
		}, nil, "m2md test", "", "says no in no test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepository(t)
			a := newActionRun(t, file, r)
			a.event["github.event.pull_request.head.sha"], a.event["github.event.pull_request.base.sha"] = r.pullRequest(func() { tt.change(r) })
			maps.Copy(a.inputs, tt.inputs)
			writeFile(t, filepath.Join(a.temp, "comments.json"), "[]")
			err := a.run()
			log := a.log.String()
			if (err != nil) != (tt.fails != "") || !strings.Contains(log, "::error::"+tt.fails) && tt.fails != "" || !strings.Contains(log, tt.logged) {
				t.Errorf("the action ends with %v:\n%s", err, log)
			}
			checkRunLeft(t, a, tt.planned)
		})
	}
}

// checkRunLeft looks at the reports that a run left, and at the comment.
func checkRunLeft(t *testing.T, a *actionRun, planned string) {
	t.Helper()
	var sarif struct{ Version string }
	if err := json.Unmarshal([]byte(a.file("m2md/validate.sarif")), &sarif); err != nil || sarif.Version != "2.1.0" {
		t.Errorf("it leaves no SARIF: %v\n%s", err, a.file("m2md/validate.sarif"))
	}
	if junit := a.file("m2md/junit.xml"); !strings.HasPrefix(junit, "<?xml") || !strings.Contains(junit, "<testsuites>") {
		t.Errorf("it leaves no report of the tests:\n%s", junit)
	}
	plan, body := a.file("m2md/plan.md"), a.file("body")
	if plan == "" || !strings.Contains(plan, planned) || a.file("summary") != plan {
		t.Errorf("the plan is\n%s\nand the summary\n%s", plan, a.file("summary"))
	}
	if marker, rest, _ := strings.Cut(body, "\n"); !strings.HasPrefix(marker, "<!-- m2md plan ") || rest != plan {
		t.Errorf("the comment is\n%s", body)
	}
	if asked := a.file("asked"); !strings.Contains(asked, "--method POST repos/acme/auth/issues/7/comments ") {
		t.Errorf("GitHub is asked\n%s", asked)
	}
}

// A comment is written anew where it is the action's own: anybody can write the
// marker. A plan that is too long is cut.
func TestE2EActionKeepsOneComment(t *testing.T) {
	needs(t, "jq")
	r := newRepository(t)
	a := newActionRun(t, "../../examples/ci/action.yml", r)
	a.event["github.event.pull_request.head.sha"], a.event["github.event.pull_request.base.sha"] = r.pullRequest(func() {})
	writeFile(t, filepath.Join(a.temp, "comments.json"), "[]")
	if err := a.run(); err != nil {
		t.Fatalf("%v\n%s", err, a.log.String())
	}
	marker, _, _ := strings.Cut(a.file("body"), "\n")
	comment := func(id int, login, kind, body string) string {
		out, err := json.Marshal(map[string]any{"id": id, "user": map[string]any{"login": login, "type": kind}, "body": body})
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	tests := []struct {
		name, comments, asked string
	}{
		{"of others", comment(1, "mallory", "User", marker) + "," + comment(2, "other[bot]", "Bot", marker) + "," + comment(3, "github-actions[bot]", "Bot", "Hello"), "--method POST repos/acme/auth/issues/7/comments"},
		{"of its own", comment(1, "mallory", "User", marker) + "," + comment(4, "github-actions[bot]", "Bot", marker+"\nold"), "--method PATCH repos/acme/auth/issues/comments/4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			writeFile(t, filepath.Join(a.temp, "comments.json"), "["+tt.comments+"]")
			writeFile(t, filepath.Join(a.temp, "m2md/plan.md"), strings.Repeat("ä", 40_000))
			os.Remove(filepath.Join(a.temp, "asked")) //nolint:errcheck // it may not be there
			if err := a.run("Install m2md", "Format", "Validate", "Test", "Plan"); err != nil {
				t.Fatalf("%v\n%s", err, a.log.String())
			}
			if asked := a.file("asked"); !strings.Contains(asked, tt.asked) {
				t.Errorf("GitHub is asked\n%s", asked)
			}
			if body := a.file("body"); len(body) > 65536 || !strings.Contains(body, "ä\n\nThe rest is in the summary of the run.\n") {
				t.Errorf("the comment has %d bytes and ends in %q", len(body), body[max(0, len(body)-100):])
			}
		})
	}
}

// Nothing that a pull request holds becomes a command of the log, however its
// files and tests are called and whatever they say.
func TestE2EActionPrintsNoCommandsOfAPullRequest(t *testing.T) {
	r := newRepository(t)
	a := newActionRun(t, "../../examples/ci/action.yml", r)
	a.event["github.event.pull_request.head.sha"], a.event["github.event.pull_request.base.sha"] = r.pullRequest(func() {
		const command = "::warning::planted"
		r.write("m2md.d/x\n"+command+"\n.hcl", "  locals {\n "+command+"\n}\n")
		r.write("m2md.d/y\n"+command+"\n.hcl", "  locals   {\n /*\n"+command+"\n*/ }\n")
		r.write("m2md.d/"+command+".hcl", "locals   { a =  \"\n"+command+"\" }")
		r.write("m2md.d/z.m2mdtest.hcl", "test \"x\\n"+command+"\\n\" {\nprovider = provider.deploy\nsource = oauth_source.github\nclaims = { repository = \"\\n"+command+"\" }\nexpect = \"deny\"\n}\n")
	})
	writeFile(t, filepath.Join(a.temp, "comments.json"), "[]")
	for _, broken := range []bool{true, false} {
		if !broken { // so that tests run
			for _, name := range []string{"m2md.d/x\n::warning::planted\n.hcl", "m2md.d/::warning::planted.hcl"} {
				if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		a.log.Reset()
		if err := a.run("Plan", "Comment"); err == nil {
			t.Error("the action passes")
		}
		if planted := commandsOf(a.log.String(), "planted"); len(planted) > 0 {
			t.Errorf("the log has the commands %q:\n%s", planted, a.log.String())
		}
		if !strings.Contains(a.log.String(), "planted") {
			t.Errorf("nothing of it is in the log:\n%s", a.log.String())
		}
	}
}

// commandsOf are the workflow commands of a log whose message begins with a word,
// but those that stand where commands are stopped. The runner trims lines first.
func commandsOf(log, word string) []string {
	var found []string
	stopped := ""
	for line := range strings.SplitSeq(log, "\n") {
		line = strings.TrimSpace(line)
		if token, stops := strings.CutPrefix(line, "::stop-commands::"); stops && stopped == "" {
			stopped = "::" + token + "::"
			continue
		}
		if line == stopped {
			stopped = ""
		}
		if _, message, _ := strings.Cut(strings.TrimPrefix(line, "::"), "::"); stopped == "" && strings.HasPrefix(line, "::") && strings.HasPrefix(message, word) {
			found = append(found, line)
		}
	}
	return found
}

// What the platform fills in stands in the environment of a script, never in the
// script; parts of others are named by commit; and no workflow here runs with
// rights on what strangers send.
func TestTheFilesForPipelinesAreSafeByForm(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../examples/*/action.yml", "../../examples/*/*/action.yml", "../../examples/*/workflows/*.yml", "scaffold/templates/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s finds %q, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text := regexp.MustCompile(`(?m)^\s*#.*$`).ReplaceAllString(readFile(t, file), "")
		for _, script := range literals(text) {
			if strings.Contains(script, "${{") {
				t.Errorf("%s fills something into a script:\n%s", file, script)
			}
		}
		if regexp.MustCompile(`pull_request_target|workflow_run`).MatchString(regexp.MustCompile(`#.*`).ReplaceAllString(text, "")) {
			t.Errorf("%s runs with rights on what strangers send", file)
		}
		for _, used := range regexp.MustCompile(`uses: (\S+)`).FindAllStringSubmatch(text, -1) {
			own := strings.HasPrefix(used[1], "m2md/m2md/") || strings.HasPrefix(used[1], "acme/workflows/")
			if !own && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(used[1]) {
				t.Errorf("%s uses %s, which somebody may move", file, used[1])
			}
		}
		if strings.Contains(text, "\njobs:") && !strings.Contains(text, "\npermissions: {}") {
			t.Errorf("%s does not begin with no permissions", file)
		}
	}
	action := readFile(t, "../../examples/ci/action.yml")
	for _, name := range []string{"Tell code scanning", "Comment"} {
		if step := section(t, action, "    - name: "+name); !strings.Contains(step, "github.event.pull_request.head.repo.full_name == github.repository") {
			t.Errorf("the step %q does not look whose pull request it is", name)
		}
	}
}

// gitlabAPI stands in for GitLab's API: notes of merge request 3 of project 20.
type gitlabAPI struct {
	*httptest.Server

	mu    sync.Mutex
	notes string   // JSON
	asked []string // METHOD PATH BODY
}

func newGitLabAPI(t *testing.T) *gitlabAPI {
	g := &gitlabAPI{notes: "[]"}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if r.Header.Get("PRIVATE-TOKEN") != "of-the-project" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		switch {
		case r.URL.Path == "/api/v4/user":
			io.WriteString(w, `{"id": 9}`) //nolint:errcheck // the job says what it did not get
		case r.Method == http.MethodGet:
			io.WriteString(w, g.notes) //nolint:errcheck // as above
		default:
			g.asked = append(g.asked, r.Method+" "+r.URL.Path+" "+r.FormValue("body"))
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// requests are those that change something, so far.
func (g *gitlabAPI) requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asked)
}

// has the merge request have notes, as JSON.
func (g *gitlabAPI) has(notes string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes = notes
}

// gitlabJob runs a job of the template by a shell, as a runner does.
func gitlabJob(t *testing.T, template map[string]any, name string, r *repository, env map[string]string) (said string, err error) {
	t.Helper()
	base, job := template[".m2md"].(map[string]any), template[name].(map[string]any)
	if job["extends"] != ".m2md" {
		t.Fatalf("the job %s extends %v", name, job["extends"])
	}
	cmd := exec.Command(needs(t, "bash"), "-eo", "pipefail", "-c")
	var lines []string
	for _, part := range []any{base["before_script"], job["script"]} {
		for _, line := range part.([]any) {
			lines = append(lines, line.(string))
		}
	}
	cmd.Args = append(cmd.Args, strings.Join(lines, "\n"))
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + platformPath(t, nil), "HOME=" + t.TempDir()}
	for _, variables := range []any{base["variables"], job["variables"]} {
		if some, is := variables.(map[string]any); is {
			for name, value := range some {
				cmd.Env = append(cmd.Env, name+"="+value.(string))
			}
		}
	}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func tryGitLabTemplate(t *testing.T, file string) {
	needs(t, "jq")
	needs(t, "curl")
	template := yamlDocument(t, file).(map[string]any)
	tests := []struct {
		name   string
		change func(r *repository)
		fails  []string // jobs
	}{
		{"nothing of the configuration changes", func(*repository) {}, nil},
		{"access is widened", (*repository).widened, []string{"m2md-plan"}},
		{"a file is not laid out", func(r *repository) { r.replace("m2md.d/server.hcl", "listen          =", "listen =") }, []string{"m2md-fmt"}},
		{"a warning", func(r *repository) { r.write("m2md.d/idle.hcl", "service_account \"idle\" {\n}\n") }, []string{"m2md-validate"}},
		{"a test fails", func(r *repository) { r.replace("m2md.d/access.hcl", `"workflow_dispatch"]`, `"schedule"]`) }, []string{"m2md-plan", "m2md-test"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, api := newRepository(t), newGitLabAPI(t)
			_, base := r.pullRequest(func() { tt.change(r) })
			r.git("checkout", "-q", "topic") // GitLab runs the head, unless told otherwise
			env := map[string]string{
				"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_API_V4_URL": api.URL + "/api/v4", "CI_PROJECT_ID": "20", "CI_MERGE_REQUEST_IID": "3",
				"M2MD_NOTE_TOKEN": "of-the-project", "M2MD_FAIL_ON": "widen",
			}
			for _, name := range []string{"m2md-fmt", "m2md-validate", "m2md-test", "m2md-plan"} {
				if said, err := gitlabJob(t, template, name, r, env); (err != nil) != slices.Contains(tt.fails, name) {
					t.Errorf("%s ends with %v:\n%s", name, err, said)
				}
			}
			checkGitLabReports(t, r, slices.Contains(tt.fails, "m2md-validate"))
			if plan, asked := readFile(t, filepath.Join(r.dir, "m2md-plan.md")), api.requests(); len(asked) != 1 || asked[0] != "POST /api/v4/projects/20/merge_requests/3/notes <!-- m2md plan -->\n"+plan {
				t.Errorf("GitLab is asked %q", asked)
			}
			// Again: the note is written anew, and only where it is the job's own.
			api.has(`[{"id": 1, "author": {"id": 5}, "body": "<!-- m2md plan -->"}, {"id": 2, "author": {"id": 9}, "body": "<!-- m2md plan -->\nold"}]`)
			said, _ := gitlabJob(t, template, "m2md-plan", r, env)
			if asked := api.requests(); len(asked) != 2 || !strings.HasPrefix(asked[1], "PUT /api/v4/projects/20/merge_requests/3/notes/2 ") || strings.Contains(said, "of-the-project") {
				t.Errorf("GitLab is asked %q; the job says\n%s", asked, said)
			}
		})
	}
}

// checkGitLabReports wants the reports in the forms that GitLab reads.
func checkGitLabReports(t *testing.T, r *repository, found bool) {
	t.Helper()
	var quality []struct {
		Description, Severity, Fingerprint string
		CheckName                          string `json:"check_name"`
		Location                           struct {
			Path  string
			Lines struct{ Begin int }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(r.dir, "m2md-codequality.json"))), &quality); err != nil || found != (len(quality) > 0) {
		t.Errorf("the report for Code Quality: %v\n%s", err, readFile(t, filepath.Join(r.dir, "m2md-codequality.json")))
	}
	for _, q := range quality {
		if q.Description == "" || q.CheckName != "CFG001" || q.Fingerprint == "" || q.Severity != "critical" || q.Location.Path != "m2md.d/idle.hcl" || q.Location.Lines.Begin != 1 {
			t.Errorf("the report for Code Quality has %+v", q)
		}
	}
	if sarif := readFile(t, filepath.Join(r.dir, "m2md.sarif")); !strings.Contains(sarif, `"version": "2.1.0"`) {
		t.Errorf("it leaves no SARIF:\n%s", sarif)
	}
	if junit := readFile(t, filepath.Join(r.dir, "m2md-junit.xml")); !strings.Contains(junit, "<testsuites>") {
		t.Errorf("it leaves no report of the tests:\n%s", junit)
	}
}

// tryHooks has pre-commit itself run the hooks, from a repository that has them
// at its top.
func tryHooks(t *testing.T, file string) {
	program := needs(t, "pre-commit")
	hooks := &repository{t, t.TempDir()}
	hooks.git("init", "-q")
	hooks.write(".pre-commit-hooks.yaml", readFile(t, file))
	rev := hooks.commit("hooks")
	r := newRepository(t)
	r.write(".pre-commit-config.yaml", fmt.Sprintf("repos:\n- repo: %s\n  rev: %s\n  hooks:\n  - id: m2md-fmt\n  - id: m2md-validate\n  - id: m2md-test\n", hooks.dir, rev))
	r.commit("hooks")
	path, home := platformPath(t, nil), t.TempDir()
	hook := func() (string, error) {
		cmd := exec.Command(program, "run", "--all-files", "--color=never")
		cmd.Dir = r.dir
		cmd.Env = []string{"PATH=" + path, "HOME=" + home, "PRE_COMMIT_HOME=" + filepath.Join(home, "cache")}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := hook(); err != nil || strings.Count(said, "Passed") != 3 {
		t.Fatalf("pre-commit ends with %v:\n%s", err, said)
	}
	r.replace("m2md.d/server.hcl", "listen          =", "listen =")
	if said, err := hook(); err == nil || !strings.Contains(said, "files were modified by this hook") || strings.Count(said, "Passed") != 2 {
		t.Errorf("pre-commit ends with %v:\n%s", err, said)
	}
	if said, err := hook(); err != nil {
		t.Errorf("what m2md fmt did does not last: %v\n%s", err, said)
	}
	r.replace("m2md.d/access.hcl", `"workflow_dispatch"]`, `"schedule"]`)
	if said, err := hook(); err == nil || !strings.Contains(said, "--- FAIL: a job of the branch gets in/by hand") {
		t.Errorf("pre-commit ends with %v:\n%s", err, said)
	}
}

// tryActionlint has actionlint judge each workflow, with the action beside it, and
// shellcheck each script.
func tryActionlint(t *testing.T, dir string) {
	program := needs(t, "actionlint")
	needs(t, "shellcheck") // which actionlint runs on scripts of workflows
	r := newRepository(t)
	r.write("ci/action.yml", readFile(t, filepath.Join(dir, "action.yml")))
	workflow := replaceEach(t, readFile(t, filepath.Join(dir, "workflows/m2md.yml")), map[string]string{"m2md/m2md/examples/ci@v1": "./ci"})
	r.write(".github/workflows/m2md.yml", workflow)
	r.write(".github/workflows/init.yml", readFile(t, filepath.Join(r.dir, "m2md.d/for-github/workflow.yml")))
	for _, name := range []string{"deploy.yml", "shared-deploy.yml"} {
		r.write(".github/workflows/"+name, readFile(t, filepath.Join(dir, "../github-actions/workflows", name)))
	}
	judge := func() (string, error) {
		cmd := exec.Command(program, "-no-color")
		cmd.Dir = r.dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := judge(); err != nil {
		t.Errorf("actionlint: %v\n%s", err, said)
	}
	// It does look at the inputs, and at scripts.
	r.write(".github/workflows/m2md.yml", replaceEach(t, workflow, map[string]string{"config: m2md.d": "configuration: m2md.d"}))
	if said, err := judge(); err == nil || !strings.Contains(said, `input "configuration" is not defined in action "m2md"`) {
		t.Errorf("actionlint takes an input that there is not: %v\n%s", err, said)
	}
	checkScripts(t, dir)
}

// checkScripts has shellcheck judge the scripts of the action and the template.
func checkScripts(t *testing.T, dir string) {
	scripts := map[string]string{}
	for _, one := range yamlDocument(t, filepath.Join(dir, "action.yml")).(map[string]any)["runs"].(map[string]any)["steps"].([]any) {
		if script, has := one.(map[string]any)["run"]; has {
			scripts["the step "+one.(map[string]any)["name"].(string)] = script.(string)
		}
	}
	for name, job := range yamlDocument(t, filepath.Join(dir, "m2md.gitlab-ci.yml")).(map[string]any) {
		for _, part := range []string{"before_script", "script"} {
			lines, _ := job.(map[string]any)[part].([]any)
			for i, line := range lines {
				scripts[fmt.Sprintf("%s %d of the job %s", part, i, name)] = line.(string)
			}
		}
	}
	if len(scripts) < 9 {
		t.Errorf("%d scripts were found, fewer than there were", len(scripts))
	}
	for name, script := range scripts {
		cmd := exec.Command(needs(t, "shellcheck"), "--shell=bash", "--severity=style", "-")
		cmd.Stdin = strings.NewReader("set -e -o pipefail\n" + script) // as the platforms say
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("shellcheck of %s: %v\n%s", name, err, out)
		}
	}
}
