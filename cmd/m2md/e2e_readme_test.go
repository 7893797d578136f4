//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// clone copies what a newcomer has after cloning, with free ports in the place
// of those that the examples want, so that the checkout stays clean and nobody
// is in the way. It returns the folder and what replaces the ports in a text.
func clone(t *testing.T) (dir string, ports *strings.Replacer) {
	t.Helper()
	var pairs []string
	for _, port := range []string{"9440", "9441", "9480", "9481"} {
		_, free, err := net.SplitHostPort(freeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, port, free)
	}
	ports = strings.NewReplacer(pairs...)
	dir = t.TempDir()
	for _, room := range []string{"cmd", "engine", "hcl", "scripting", "storage", "examples"} {
		if err := os.CopyFS(filepath.Join(dir, room), os.DirFS(filepath.Join("../..", room))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"Makefile", "go.mod", "go.sum"} {
		writeFile(t, filepath.Join(dir, file), readFile(t, filepath.Join("../..", file)))
	}
	err := filepath.WalkDir(filepath.Join(dir, "examples"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".pem" {
			return err
		}
		writeFile(t, path, ports.Replace(readFile(t, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, ports
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// shell runs a program in a folder, in a process group of its own that ends
// with the test, and returns what it wrote.
func shell(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var wrote transcript
	cmd.Stdout, cmd.Stderr = &wrote, &wrote
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) //nolint:errcheck // all of it may have ended
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s %s: %s\n%s", program, strings.Join(args, " "), err, wrote.String())
	}
	return wrote.String()
}

// tourLines are the lines of the bash blocks in the README's tour.
func tourLines(t *testing.T) (lines []string) {
	t.Helper()
	_, tour, found := strings.Cut(readFile(t, "../../README.md"), "\n### The tour\n")
	if !found {
		t.Fatal("the README has no section \"The tour\"")
	}
	tour, _, _ = strings.Cut(tour, "\n## ")
	inside := false
	for line := range strings.Lines(tour) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```bash"
		case inside && line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// TestE2ETourOfTheReadme pastes the README's tour line by line into a shell.
func TestE2ETourOfTheReadme(t *testing.T) {
	for _, program := range []string{"bash", "make", "openssl", "curl", "jq", "nginx"} {
		needs(t, program)
	}
	// What some lines show, in the order of the tour. All others need only succeed.
	expected := []struct{ line, shows string }{
		{"m2md validate", "valid"},
		{"/-/ready", "ready"},
		{"m2md status", "generation"},
		{`client_secret="$password"`, `"access_token":`},
		{"@base64d", `"sub": "backup"`},
		{`client_secret="$jwt"`, `"access_token":`},
		{`-H "Authorization: Bearer $token"`, "HTTP/1.1 200 OK"},
		{"curl -sS -i http", "HTTP/1.1 401 Unauthorized"},
	}
	dir, ports := clone(t)
	lines := tourLines(t)
	const mark = "\x01"
	var script strings.Builder
	for _, line := range lines {
		fmt.Fprintf(&script, "%s\nprintf '%s%%d%s' $?\n", ports.Replace(line), mark, mark)
	}
	parts := strings.Split(shell(t, dir, "bash", "--noprofile", "--norc", "-c", script.String()), mark)
	if len(parts) != 2*len(lines)+1 {
		t.Fatalf("%d lines gave %d answers:\n%s", len(lines), len(parts)/2, strings.Join(parts, ""))
	}
	for i, line := range lines {
		shown, code := parts[2*i], parts[2*i+1]
		if code != "0" {
			t.Fatalf("exit code %s of\n%s\nwhich shows\n%s", code, line, shown)
		}
		if len(expected) > 0 && strings.Contains(line, expected[0].line) {
			if !strings.Contains(shown, expected[0].shows) {
				t.Errorf("%s\nshows\n%s\nand should show %q", line, shown, expected[0].shows)
			}
			expected = expected[1:]
		}
	}
	if len(expected) > 0 {
		t.Errorf("the tour has no line with %q after the others", expected[0].line)
	}
	t.Logf("the tour has %d lines", len(lines))
}

func TestE2EMakeRunShowsAllAnswersAndEnds(t *testing.T) {
	for _, program := range []string{"bash", "make", "openssl", "curl"} {
		needs(t, program)
	}
	dir, _ := clone(t)
	shown := shell(t, dir, "make", "run", "ARGS=--once")
	for _, want := range []string{
		"$ curl", "client_secret=m2md_", "client_assertion=ey", `"sub":"backup"`, `"sub":"ci/repo:acme/files"`,
		"HTTP/1.1 200 OK", "HTTP/1.1 401 Unauthorized", "policy main_branch said no", "All answers are the expected ones.",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("it does not show %q:\n%s", want, shown)
		}
	}
}
