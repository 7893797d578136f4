package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/serve"
)

const (
	oneCommit   = "0123456789abcdef0123456789abcdef01234567"
	otherCommit = "89abcdef0123456789abcdef0123456789abcdef"
	longCommit  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// What stands in .git says which revision it is; what m2md does not understand,
// or what would lead elsewhere, says nothing.
func TestTheRevisionIsReadFromTheRepository(t *testing.T) {
	packed := "# pack-refs with: peeled fully-peeled sorted\n" + otherCommit + " refs/heads/main\n" + oneCommit + " refs/tags/v1\n^" + otherCommit + "\n"
	tests := []struct {
		name  string
		files map[string]string // below the folder in which the configuration conf lies
		want  serve.Revision
	}{
		{"no repository", nil, serve.Revision{}},
		{"a branch", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": oneCommit + "\n"}, serve.Revision{Commit: oneCommit, Ref: "refs/heads/main"}},
		{"a branch with a slash", map[string]string{".git/HEAD": "ref: refs/heads/a/b.c-d\n", ".git/refs/heads/a/b.c-d": oneCommit + "\n"}, serve.Revision{Commit: oneCommit, Ref: "refs/heads/a/b.c-d"}},
		{"a detached HEAD", map[string]string{".git/HEAD": oneCommit + "\n"}, serve.Revision{Commit: oneCommit}},
		{"SHA-256", map[string]string{".git/HEAD": longCommit + "\n"}, serve.Revision{Commit: longCommit}},
		{"a packed branch", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": packed}, serve.Revision{Commit: otherCommit, Ref: "refs/heads/main"}},
		{"a loose branch before a packed one", map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": packed, ".git/refs/heads/main": oneCommit}, serve.Revision{Commit: oneCommit, Ref: "refs/heads/main"}},
		{"a ref of a ref", map[string]string{".git/HEAD": "ref: refs/heads/a\n", ".git/refs/heads/a": "ref: refs/heads/b\n", ".git/refs/heads/b": oneCommit}, serve.Revision{Commit: oneCommit, Ref: "refs/heads/a"}},
		{"a ref of itself", map[string]string{".git/HEAD": "ref: refs/heads/a\n", ".git/refs/heads/a": "ref: refs/heads/a\n"}, serve.Revision{}},
		{"a branch without a commit", map[string]string{".git/HEAD": "ref: refs/heads/main\n"}, serve.Revision{}},
		{"another form of refs", map[string]string{".git/HEAD": "ref: refs/heads/.invalid\n", ".git/reftable/tables.list": ""}, serve.Revision{}},
		{"a ref that leads out", map[string]string{".git/HEAD": "ref: refs/heads/../../../secret\n", "secret": oneCommit}, serve.Revision{}},
		{"a ref at the root", map[string]string{".git/HEAD": "ref: /etc/hostname\n"}, serve.Revision{}},
		{"no commit", map[string]string{".git/HEAD": "zzz\n"}, serve.Revision{}},
		{"a ref that steers a terminal", map[string]string{".git/HEAD": "ref: refs/heads/\x1b[2J\n", ".git/refs/heads/\x1b[2J": oneCommit}, serve.Revision{}},
		{"a worktree", map[string]string{
			".git": "gitdir: main/.git/worktrees/w\n", "main/.git/worktrees/w/HEAD": "ref: refs/heads/w\n",
			"main/.git/worktrees/w/commondir": "../..\n", "main/.git/refs/heads/w": oneCommit,
		}, serve.Revision{Commit: oneCommit, Ref: "refs/heads/w"}},
		{"a file that is no .git", map[string]string{".git": "something\n"}, serve.Revision{}},
		{"a repository above another that says nothing", map[string]string{"conf/.git/HEAD": "zzz", ".git/HEAD": oneCommit}, serve.Revision{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			for name, content := range tt.files {
				writeFile(t, filepath.Join(root, name), content)
			}
			config := filepath.Join(root, "conf", "m2md.d")
			writeFile(t, filepath.Join(config, "a.hcl"), "")
			if got := gitRevision(config); got != tt.want {
				t.Errorf("gitRevision = %+v, want %+v", got, tt.want)
			}
			link := filepath.Join(t.TempDir(), "current") // as git-sync has it
			if err := os.Symlink(config, link); err != nil {
				t.Fatal(err)
			}
			if got := gitRevision(link); got != tt.want {
				t.Errorf("through a link: gitRevision = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Git itself agrees, after each thing that moves refs about.
func TestTheRevisionIsWhatGitSays(t *testing.T) {
	git := needs(t, "git")
	root := t.TempDir()
	in := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.Command(git, append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	agrees := func(dir string) {
		t.Helper()
		if got, want := gitRevision(dir), in(dir, "rev-parse", "HEAD"); got.Commit != want {
			t.Errorf("gitRevision = %+v, Git says %s", got, want)
		}
	}
	in(root, "init", "-q", "-b", "main")
	in(root, "commit", "-q", "--allow-empty", "-m", "one")
	agrees(root)
	in(root, "commit", "-q", "--allow-empty", "-m", "two")
	in(root, "pack-refs", "--all")
	agrees(root)
	tree := filepath.Join(t.TempDir(), "tree")
	in(root, "worktree", "add", "-q", "-b", "feature/x", tree)
	in(tree, "commit", "-q", "--allow-empty", "-m", "three")
	agrees(tree)
	in(root, "checkout", "-q", "--detach", "HEAD~1")
	agrees(root)
	agrees(tree)
}
