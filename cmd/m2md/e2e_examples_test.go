//go:build unix

package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestE2EExamples tries each folder of examples. One that nothing here tries is
// a fault.
func TestE2EExamples(t *testing.T) {
	tries := map[string]func(t *testing.T, dir string){
		"quickstart":     tryQuickstart,
		"nginx":          tryNginx,
		"traefik":        tryTraefik,
		"systemd":        trySystemd,
		"github-actions": tryGitHubActions,
		"gitlab":         tryGitLab,
		"kubernetes":     tryKubernetes,
		"use-cases":      tryUseCases,
		"ci":             tryCI,
	}
	folders, err := os.ReadDir("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join("../../examples", folder.Name())
			if len(readFile(t, filepath.Join(dir, "README.md"))) == 0 {
				t.Error("its README.md is empty")
			}
			try, known := tries[folder.Name()]
			if !known {
				t.Fatal("no test tries it")
			}
			tried++
			try(t, dir)
		})
	}
	if tried != len(tries) {
		t.Errorf("%d examples were tried, and there should be %d", tried, len(tries))
	}
}

// tryQuickstart validates it as it lies in a clone. TestE2ETourOfTheReadme and
// TestE2EMakeRunShowsAllAnswersAndEnds do the rest.
func tryQuickstart(t *testing.T, dir string) {
	out, err := exec.Command(builtBinary(t), "validate", "--config", filepath.Join(dir, "m2md.d")).CombinedOutput()
	if err != nil {
		t.Errorf("validate: %s\n%s", err, out)
	}
}

// tryUseCases does what its README says.
func tryUseCases(t *testing.T, dir string) {
	for _, args := range [][]string{{"validate"}, {"test", "--require-deny-tests"}} {
		out, err := exec.Command(builtBinary(t), append(args, "--config", filepath.Join(dir, "m2md.d"))...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %s\n%s", args[0], err, out)
		}
	}
}

// tryNginx has nginx judge the files. TestE2ENginxLetsInOnlyWhoIsProven has it
// serve them.
func tryNginx(t *testing.T, _ string) {
	program := needs(t, "nginx")
	copied := t.TempDir()
	copyNginx(t, copied, nil)
	out, err := exec.Command(program, "-e", "stderr", "-t", "-p", copied, "-c", "nginx.conf").CombinedOutput()
	if err != nil || strings.Contains(string(out), "[warn]") {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}

// tryTraefik asks m2md as Traefik would by dynamic.yaml, and looks whether
// Traefik passes on all that m2md tells. Traefik itself is not at hand.
func tryTraefik(t *testing.T, dir string) {
	config := readFile(t, filepath.Join(dir, "dynamic.yaml"))
	_, rest, found := strings.Cut(config, "address: http://127.0.0.1:9440")
	if !found {
		t.Fatal("dynamic.yaml has no forwardAuth address at m2md's port")
	}
	path, rest, _ := strings.Cut(rest, "\n")
	var listed []string
	_, rest, _ = strings.Cut(rest, "authResponseHeaders:\n")
	for line := range strings.Lines(rest) {
		name, isItem := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if !isItem {
			break
		}
		listed = append(listed, http.CanonicalHeaderKey(name))
	}

	s := newSite(t, guardedFiles)
	s.serve()
	token := s.token("files", s.password("backup"))
	traefik := []string{"X-Forwarded-Method: GET", "X-Forwarded-Proto: http", "X-Forwarded-Host: files.localhost", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Port: 80"}
	tests := []struct {
		name    string
		headers []string
		status  int
	}{
		{"with a token", []string{"X-Forwarded-Uri: /reports", bearer(token)}, 200},
		{"with nothing", []string{"X-Forwarded-Uri: /reports"}, 401},
		{"with nothing, for a skipped path", []string{"X-Forwarded-Uri: /ready?now"}, 200},
		{"with nothing, and nginx's header for a skipped path", []string{"X-Forwarded-Uri: /reports", "X-Original-URL: http://files.localhost/ready"}, 401},
		{"with nothing, for an ambiguous path", []string{"X-Forwarded-Uri: /static/../reports"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := get(t, s.address, path, append(tt.headers, traefik...)...)
			if got.status != tt.status {
				t.Errorf("status %d, want %d", got.status, tt.status)
			}
			if tt.status == 200 {
				checkListed(t, got.header, listed)
			}
		})
	}
}

// checkListed wants every identity header of m2md listed, and no other.
func checkListed(t *testing.T, told http.Header, listed []string) {
	t.Helper()
	var names []string
	for name := range told {
		if strings.HasPrefix(name, "X-M2md-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.Sort(listed)
	if !slices.Equal(names, listed) {
		t.Errorf("m2md tells %q, and dynamic.yaml lists %q", names, listed)
	}
}

// trySystemd has systemd judge the unit, with the built daemon in the place of
// the installed one.
func trySystemd(t *testing.T, dir string) {
	program := needs(t, "systemd-analyze")
	const installed = "/usr/local/bin/m2md"
	content := readFile(t, filepath.Join(dir, "m2md.service"))
	if !strings.Contains(content, "ExecStart="+installed+" serve") {
		t.Fatalf("the unit does not start %s", installed)
	}
	unit := filepath.Join(t.TempDir(), "m2md.service")
	writeFile(t, unit, strings.ReplaceAll(content, installed, builtBinary(t)))
	if out, err := exec.Command(program, "verify", "--man=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), "m2md.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// In tenths: what the example's README says.
	if out, err := exec.Command(program, "security", "--offline=true", "--threshold=12", unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}
