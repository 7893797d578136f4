package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const issuedAnswer = `{"access_token":"t0k'e$n\u0060","token_type":"Bearer","expires_in":60,"scope":"a"}`

const issuedText = "t0k'e$n`"

// outputOf is what goes where by some flags.
func outputOf(t *testing.T, args ...string) tokenRun {
	t.Helper()
	address, _ := answering(t, says(200, jsonType, "\n"+issuedAnswer+"\n"))
	return runToken(t, nil, append([]string{"--url", address, "--client-id", "c", "--app-password-file", secretFile(t, tokenSentinel)}, args...)...)
}

func TestATokenIsWrittenInEachForm(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("m2md:" + issuedText))
	docker := func(host, auth string) string {
		return "{\n\t\"auths\": {\n\t\t\"" + host + "\": {\n\t\t\t\"auth\": \"" + auth + "\"\n\t\t}\n\t}\n}\n"
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"as it is", nil, issuedText + "\n"},
		{"as it is, said", []string{"--output", "token"}, issuedText + "\n"},
		{"a header", []string{"--output", "header"}, "Authorization: Bearer " + issuedText + "\n"},
		{"all", []string{"--output", "json"}, issuedAnswer + "\n"},
		{"for a shell", []string{"--output", "env"}, `export M2MD_TOKEN='t0k'\''e$n` + "`'\n"},
		{"for Docker", []string{"--output", "docker-config", "--registry", "registry.test:5000"}, docker("registry.test:5000", auth)},
		{"for Docker's own registry", []string{"--output", "docker-config", "--registry", "docker.io"}, docker("https://index.docker.io/v1/", auth)},
		{"for Docker, by another name", []string{"--output", "docker-config", "--registry", "r.test", "--login", "ci"}, docker("r.test", base64.StdEncoding.EncodeToString([]byte("ci:"+issuedText)))},
		{"for netrc", []string{"--output", "netrc", "--machine", "git.test", "--login", "ci"}, "machine git.test login ci password " + issuedText + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := outputOf(t, tt.args...); got.code != 0 || got.stdout != tt.want || got.stderr != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, tt.want)
			}
			path := filepath.Join(t.TempDir(), "out")
			if got := outputOf(t, append(tt.args, "--file", path)...); got.code != 0 || got.stdout != "" || got.stderr != "" {
				t.Errorf("with a file: exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
			}
			if got := readFile(t, path); got != tt.want {
				t.Errorf("the file holds %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAShellReadsTheTokenBack(t *testing.T) {
	shell := needs(t, "sh")
	out, err := exec.Command(shell, "-c", outputOf(t, "--output", "env").stdout+`printf %s "$M2MD_TOKEN"`).Output()
	if err != nil || string(out) != issuedText {
		t.Errorf("the shell has %q, %v", out, err)
	}
}

func TestAFileIsReplacedAsAWhole(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("left out: modes are those of Unix")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "token")
	check := func(mode os.FileMode) {
		t.Helper()
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != mode || readFile(t, path) != issuedText+"\n" {
			t.Errorf("the file has %v, %v, want %v", info.Mode(), err, mode)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("the folder holds %v, %v", left, err)
		}
	}
	if got := outputOf(t, "--file", path); got.code != 0 {
		t.Fatal(got.stderr)
	}
	check(0o600)

	// What was open stays as it was: nobody reads half of one and half of another.
	before, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	if got := outputOf(t, "--file", path, "--mode", "0640"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	check(0o640)
	was, err := before.Stat()
	if is, statErr := os.Stat(path); err != nil || statErr != nil || os.SameFile(was, is) {
		t.Error("the file was written over")
	}
}

func TestALinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	link, path := filepath.Join(dir, "link"), filepath.Join(dir, "elsewhere", "token")
	writeFile(t, path, "old")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("left out: %v", err)
	}
	if got := outputOf(t, "--file", link); got.code != 0 {
		t.Fatal(got.stderr)
	}
	if real, err := filepath.EvalSymlinks(link); err != nil || filepath.Base(real) != "token" || readFile(t, path) != issuedText+"\n" {
		t.Errorf("the link leads to %s, %v, with %q", real, err, readFile(t, path))
	}
}

func TestWhatCannotBeWrittenIsTold(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "token")
	netrc := filepath.Join(dir, "netrc")
	writeFile(t, netrc, "machine a.test login me password mine\nmachine b.test login me password mine\n")
	other := filepath.Join(dir, "other")
	writeFile(t, other, "machine b.test login me password mine\n")
	broken := filepath.Join(dir, "broken.json")
	writeFile(t, broken, `{"auths":{}`)
	twice := filepath.Join(dir, "twice.json")
	writeFile(t, twice, `{"auths":{"a":{},"a":{}}}`)
	large := filepath.Join(dir, "large.json")
	writeFile(t, large, `{"auths":{}}`+strings.Repeat(" ", maxDockerConfig))
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no folder", []string{"--file", missing}, "writing " + missing + ": there is no folder " + filepath.Dir(missing)},
		{"a folder", []string{"--file", dir}, "writing " + dir + ": it is no regular file"},
		{"a netrc of several machines", []string{"--file", netrc, "--output", "netrc", "--machine", "a.test"}, "it holds more than an entry for a.test, which would be lost"},
		{"a netrc of another machine", []string{"--file", other, "--output", "netrc", "--machine", "a.test"}, "it holds more than an entry for a.test, which would be lost"},
		{"a broken config", []string{"--file", broken, "--output", "docker-config", "--registry", "r"}, "writing " + broken + ": it is not well-formed JSON"},
		{"auths that are twice the same", []string{"--file", twice, "--output", "docker-config", "--registry", "r"}, "its auths: it names a member twice"},
		{"a config beyond all bounds", []string{"--file", large, "--output", "docker-config", "--registry", "r"}, "it is larger than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before string
			if info, err := os.Stat(tt.args[1]); err == nil && info.Mode().IsRegular() {
				before = readFile(t, tt.args[1])
			}
			got := outputOf(t, tt.args...)
			if got.code != exitFault || got.stdout != "" || !strings.Contains(got.stderr, tt.want) || strings.Contains(got.stderr, issuedText) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, tt.want)
			}
			if before != "" && readFile(t, tt.args[1]) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func TestADockerConfigKeepsWhatElseItHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	writeFile(t, path, `{"credsStore":"desktop","credHelpers":{"r.test":"ecr-login"},"auths":{"other.test":{"auth":"eDp5"},"r.test":{"auth":"old","email":"x"}},"HttpHeaders":{"X":"1e400"},"n":1234567890123456789}`)
	got := outputOf(t, "--output", "docker-config", "--registry", "r.test", "--file", path)
	want := "m2md: " + path + " has a credHelpers entry for r.test, which Docker asks instead\nm2md: " + path + " has a credsStore, which Docker asks instead\n"
	if got.code != 0 || got.stderr != want {
		t.Fatalf("exit code %d, stderr %q, want %q", got.code, got.stderr, want)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(readFile(t, path))); err != nil {
		t.Fatal(err)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("m2md:" + issuedText))
	if want := `{"HttpHeaders":{"X":"1e400"},"auths":{"other.test":{"auth":"eDp5"},"r.test":{"auth":"` + auth + `"}},"credHelpers":{"r.test":"ecr-login"},"credsStore":"desktop","n":1234567890123456789}`; compact.String() != want {
		t.Errorf("it holds %s, want %s", &compact, want)
	}
}

func TestANetrcOfOursIsWrittenAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "netrc")
	for range 2 {
		if got := outputOf(t, "--output", "netrc", "--machine", "git.test", "--file", path); got.code != 0 {
			t.Fatal(got.stderr)
		}
	}
	if got := readFile(t, path); got != "machine git.test login m2md password "+issuedText+"\n" {
		t.Errorf("it holds %q", got)
	}
}
