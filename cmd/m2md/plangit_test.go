package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// planRepository is a repository with a commit for each of some sets of files.
func planRepository(t *testing.T, revisions ...map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q", "-b", "main")
	for _, files := range revisions {
		for name, content := range files {
			path := filepath.Join(dir, name)
			os.Remove(path) //nolint:errcheck // it may not be there
			if target, link := strings.CutPrefix(content, "-> "); link {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(target, path); err != nil {
					t.Fatal(err)
				}
				continue
			}
			writeFile(t, path, content)
		}
		git(t, dir, "add", "-A")
		git(t, dir, "commit", "-q", "--allow-empty", "-m", "one")
	}
	return dir
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// planCommandOf runs the command, and gives all that it says.
func planCommandOf(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	var out, told bytes.Buffer
	code = run(append([]string{"m2md", "plan", "--tries", "200"}, args...), &out, &told)
	return out.String() + told.String(), code
}

// A change from an id to a wildcard names somebody who newly gets in, and
// --fail-on widen ends with 3.
func TestAPlanOfARevisionStopsTheMergeThatWidens(t *testing.T) {
	dir := planRepository(t,
		map[string]string{"m2md.d/main.hcl": planned, "m2md.d/keys/one.json": keyOne},
		map[string]string{"m2md.d/main.hcl": strings.Replace(planned, `repository_id = "5678"`, `repository = pattern("acme/.*")`, 1)},
	)
	config := filepath.Join(dir, "m2md.d")
	said, code := planCommandOf(t, "--git", "main~1..main", "--config", config, "--fail-on", "widen")
	if code != exitPlan || !strings.Contains(said, `newly gets in: oauth_source.github repository="acme/another" repository_id="999999"`) || !strings.Contains(said, "m2md.d/main.hcl:") {
		t.Errorf("code %d:\n%s", code, said)
	}
	if strings.Contains(said, os.TempDir()) {
		t.Errorf("it tells where the revision was written:\n%s", said)
	}
	for _, revisions := range []string{"main~1", "main~1...main", "main~1.."} {
		if again, _ := planCommandOf(t, "--git", revisions, "--config", config); !strings.Contains(again, `repository="acme/another"`) {
			t.Errorf("%s:\n%s", revisions, again)
		}
	}
	if said, code := planCommandOf(t, "--git", "main..main", "--config", config, "--fail-on", "any"); code != 0 || !strings.Contains(said, "no change") {
		t.Errorf("code %d:\n%s", code, said)
	}
	// The files as they are belong to no revision, and stay as they are.
	writeFile(t, filepath.Join(config, "main.hcl"), planned)
	if said, code := planCommandOf(t, "--git", "main~1", "--config", config); code != 0 || !strings.Contains(said, "no change") {
		t.Errorf("code %d:\n%s", code, said)
	}
	if status := git(t, dir, "status", "--porcelain"); strings.TrimSpace(status) != "M m2md.d/main.hcl" {
		t.Errorf("the work tree is not as it was:\n%s", status)
	}
}

// Before there was a configuration, nobody got in.
func TestAFirstConfigurationLetsAllOfItsOwnIn(t *testing.T) {
	dir := planRepository(t, map[string]string{"README": "nothing"}, map[string]string{"m2md.d/main.hcl": planned, "m2md.d/keys/one.json": keyOne})
	said, code := planCommandOf(t, "--git", "main~1..main", "--config", filepath.Join(dir, "m2md.d"), "--fail-on", "widen")
	if code != exitPlan || !strings.Contains(said, "the provider is new: oauth_source.github may newly get in") || !strings.Contains(said, "newly gets in: ") {
		t.Errorf("code %d:\n%s", code, said)
	}
}

// What cannot be understood is wrong usage, and what is not there is said.
func TestAPlanOfNothingSaysSo(t *testing.T) {
	dir := planRepository(t, map[string]string{"m2md.d/main.hcl": planned, "m2md.d/keys/one.json": keyOne})
	config := filepath.Join(dir, "m2md.d")
	for _, tt := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--git", "--output=/tmp/x..main", "--config", config}, exitUsage, "names no revision"},
		{[]string{"--git", "gone..main", "--config", config}, exitFault, `no revision "gone"`},
		{[]string{"--git", "main..main", "--config", filepath.Join(dir, "other")}, exitFault, "has no configuration"},
		{[]string{config}, exitUsage, "OLD and NEW"},
		{[]string{config, config, config}, exitUsage, "OLD and NEW"},
		{[]string{"--fail-on", "all", config, config}, exitUsage, "none of widen"},
		{[]string{"--format", "html", config, config}, exitUsage, "none of text"},
		{[]string{config, filepath.Join(dir, "other")}, exitFault, "no such file"},
	} {
		if said, code := planCommandOf(t, tt.args...); code != tt.code || !strings.Contains(said, tt.says) {
			t.Errorf("%v: code %d, want %d and %q:\n%s", tt.args, code, tt.code, tt.says, said)
		}
	}
}

// hostileRevision is one of a stranger that tries to have the runner's secrets
// told, in every place where a value goes.
func hostileRevision(outside string) map[string]string {
	return map[string]string{
		"m2md.d/main.hcl": `
locals {
  token  = env("PLAN_TOKEN")
  outer  = try(file("` + outside + `"), "none")
  above  = file("../../../../../../../../../../../../etc/passwd")
  beside = file("../outside.txt")
  link   = file("link.txt")
  loop   = file("loop.txt")
  parts  = [for c in split("", env("PLAN_TOKEN", "x")) : c]
}
server {
  external_url = "https://auth.example.com"
}
oauth_source "github" {
  profile        = "github-actions"
  issuer         = "https://token.actions.githubusercontent.com"
  oidc_jwks_file = "` + outside + `"
  audiences      = ["https://${local.token}.example.com"]
}
service_account "ci" {
  display_name = local.outer
  groups       = [local.token, local.link]
  attributes   = { token = local.token, length = strlen(local.token), above = local.above, beside = local.beside, parts = local.parts, loop = local.loop }
}
policy "asks" {
  inputs = { secret = local.token, file = local.link }
  script = <<-JS
    message("the secret is " + inputs.secret + inputs.file);
    if (request.context.oauth_jwt && request.context.oauth_jwt.sub === inputs.secret) throw new Error(inputs.secret);
    return true;
  JS
}
provider "loki" {
  claims = { token = local.token }
  access "ci" {
    from           = [oauth_source.github]
    require_claims = { repository = local.token, ref = pattern("refs/${local.outer}") }
    policies       = [policy.asks]
  }
  access "accounts" {
    from = [service_account.ci]
  }
}
`,
		"m2md.d/link.txt":       "-> " + outside,
		"m2md.d/loop.txt":       "-> loop.txt",
		"outside.txt":           "s3cr3t-beside",
		"m2md.d/.gitattributes": "* filter=evil\n",
	}
}

// A stranger's revision learns nothing of the machine that plans it.
func TestAHostileRevisionLearnsNothingOfTheRunner(t *testing.T) {
	const secret = "s3cr3t-0f-the-runner"
	t.Setenv("PLAN_TOKEN", secret)
	outside := filepath.Join(t.TempDir(), "outside.txt")
	writeFile(t, outside, secret)
	ran := filepath.Join(t.TempDir(), "ran")
	dir := planRepository(t,
		map[string]string{"m2md.d/main.hcl": planned, "m2md.d/keys/one.json": keyOne},
		hostileRevision(outside),
	)
	// What a repository's own configuration may have run, must not.
	for name, value := range map[string]string{"filter.evil.smudge": "touch " + ran, "filter.evil.clean": "touch " + ran, "core.fsmonitor": "touch " + ran, "core.pager": "touch " + ran, "diff.external": "touch " + ran} {
		git(t, dir, "config", name, value)
	}
	t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "nowhere"))
	config := filepath.Join(dir, "m2md.d")
	folder := planFolder(t, map[string]string{"main.hcl": planned, "keys/one.json": keyOne})
	for _, form := range []string{"text", "json", "markdown"} {
		for _, args := range [][]string{{"--git", "main~1..main", "--config", config}, {"--git", "main~1", "--config", config}, {folder, config}, {config, folder}} {
			said, _ := planCommandOf(t, append([]string{"--format", form}, args...)...)
			for _, word := range []string{secret, "s3cr3t", "root:", secret[:8], "0f-the"} {
				if strings.Contains(said, word) {
					t.Errorf("%s %v tells %q:\n%s", form, args, word, said)
				}
			}
			if !strings.Contains(said, "provider.loki") || strings.Contains(said, "has faults") {
				t.Errorf("%s %v planned nothing:\n%s", form, args, said)
			}
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the repository had something run")
	}
}

// Where a stranger's files have faults, what is shown of them is theirs alone.
func TestTheFaultsOfAHostileRevisionShowNothingOfTheRunner(t *testing.T) {
	const secret = "s3cr3t-0f-the-runner"
	t.Setenv("PLAN_TOKEN", secret)
	outside := filepath.Join(t.TempDir(), "outside.txt")
	writeFile(t, outside, secret)
	for name, files := range map[string]map[string]string{
		"a script that is a file outside": {"m2md.d/x.hcl": "policy \"p\" {\n  script_file = \"" + outside + "\"\n}\n"},
		"a script above":                  {"m2md.d/x.hcl": "policy \"p\" {\n  script_file = \"../outside.js\"\n}\n", "outside.js": secret},
		"a script that is a link":         {"m2md.d/x.hcl": "policy \"p\" {\n  script_file = \"p.js\"\n}\n", "m2md.d/p.js": "-> " + outside},
		"a file that is a link":           {"m2md.d/x.hcl": "-> " + outside},
		"a script that Git keeps":         {"m2md.d/x.hcl": "policy \"p\" {\n  script_file = \"../.git/config\"\n}\n"},
		"a secret in a test's claims":     {"m2md.d/x.hcl": "test \"t\" {\n  provider = provider.loki\n  source = oauth_source.github\n  claims = { a = file(\"main.hcl\") }\n  expect = \"deny\"\n}\n"},
		"a secret in a test's name":       {"m2md.d/x.hcl": "test \"${env(\"PLAN_TOKEN\")}\" {\n}\n"},
		"a folder that is a link":         {"m2md.d/folder": "-> ..", "m2md.d/x.hcl": "x ="},
		"a value that does not fit":       {"m2md.d/x.hcl": "service_account \"x\" {\n  groups = env(\"PLAN_TOKEN\") + 1\n  nothing = env(\"PLAN_TOKEN\")\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := planRepository(t, map[string]string{"m2md.d/main.hcl": planned, "m2md.d/keys/one.json": keyOne}, files)
			for _, form := range []string{"text", "json", "markdown"} {
				said, code := planCommandOf(t, "--format", form, "--git", "main~1..main", "--config", filepath.Join(dir, "m2md.d"))
				if code == 0 || strings.Contains(said, "s3cr3t") || strings.Contains(said, "repositoryformatversion") {
					t.Errorf("code %d:\n%s", code, said)
				}
			}
		})
	}
}

// Text of strangers is only text, wherever it is shown.
func TestHostileTextStaysTextInAComment(t *testing.T) {
	const evil = "`</details><img src=x> @admin [a](https://evil.example) ``` \\u001b[31m\\u202e"
	was, is := plannedFiles(), plannedFiles(`"5678"`, `"`+evil+`"`, `  groups = ["metrics"]`, `  display_name = "`+evil+`"`)
	is["@admin `x`.hcl"] = "service_account \"mine\" {\n  display_name = \"" + evil + "\"\n}\n"
	run := planOf(t, was, is)
	var text, comment, document bytes.Buffer
	for report, out := range map[*bytes.Buffer]func(*bytes.Buffer) error{
		&text:     func(w *bytes.Buffer) error { return reportPlanAsText(w, run) },
		&comment:  func(w *bytes.Buffer) error { return reportPlanAsMarkdown(w, run) },
		&document: func(w *bytes.Buffer) error { return reportPlanAsJSON(w, run) },
	} {
		if err := out(report); err != nil {
			t.Fatal(err)
		}
	}
	for name, said := range map[string]string{"text": text.String(), "markdown": comment.String()} {
		if strings.ContainsAny(said, "\x1b\u202e\r") || !strings.Contains(said, "@admin") {
			t.Errorf("%s:\n%s", name, said)
		}
	}
	if !json.Valid(document.Bytes()) {
		t.Errorf("no JSON:\n%s", document.String())
	}
	for line := range strings.SplitSeq(comment.String(), "\n") {
		outside := withoutCode(line)
		for _, own := range []string{"<details>", "<summary>", "</summary>", "</details>"} {
			outside = strings.Replace(outside, own, "", 1)
		}
		if strings.ContainsAny(outside, "<>@[]`") || strings.Contains(outside, "http") {
			t.Errorf("it comes out of its code span: %s", line)
		}
	}
	if strings.Count(comment.String(), "\n</details>") != 1 {
		t.Error("the details are closed by what stands in them")
	}
}

// withoutCode takes the code spans out of a line, as CommonMark §6.1 has them.
func withoutCode(line string) string {
	var out strings.Builder
	for len(line) > 0 {
		run := len(line) - len(strings.TrimLeft(line, "`"))
		if run == 0 {
			out.WriteByte(line[0])
			line = line[1:]
			continue
		}
		fence, rest := line[:run], line[run:]
		end := -1
		for at := 0; at < len(rest); {
			i := strings.Index(rest[at:], fence)
			if i < 0 {
				break
			}
			i += at
			longer := i + run
			for longer < len(rest) && rest[longer] == '`' {
				longer++
			}
			if longer == i+run {
				end = i
				break
			}
			at = longer
		}
		if end < 0 {
			out.WriteString(fence)
			line = rest
			continue
		}
		line = rest[end+run:]
	}
	return out.String()
}
