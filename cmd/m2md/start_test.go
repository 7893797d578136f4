package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADaemonDoesNotStartOnBrokenFiles(t *testing.T) {
	tests := []struct {
		name     string
		files    map[string]string
		findings string
	}{
		{"a form that the language refuses", map[string]string{"a.hcl": "service_account \"ci\" {\n  lable = \"x\"\n}\n"}, `unknown attribute "lable"`},
		{"a reference to nothing", map[string]string{"a.hcl": "provider \"loki\" {\n  access \"ci\" {\n    from = [service_account.ci]\n  }\n}\n"}, "service_account.ci is not declared"},
		{"a missing secret", map[string]string{"a.hcl": "signing_key \"a\" {\n  private_key = env(\"M2MD_TEST_UNSET\")\n}\n"}, "M2MD_TEST_UNSET"},
		{"no files", nil, "no configuration in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.files)
			d, findings, err := r.open()
			if err == nil {
				d.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), "nothing is served before they are mended") || !strings.Contains(findings, tt.findings) {
				t.Errorf("got %v\n%s\nwant a finding with %q", err, findings, tt.findings)
			}
			if _, err := os.Lstat(filepath.Join(r.state, socketName)); err == nil {
				t.Error("it left an admin socket")
			}
		})
	}
}

func TestAConfigurationThatIsNotThereIsAFault(t *testing.T) {
	r := newRig(t, nil)
	if err := os.Remove(r.config); err != nil {
		t.Fatal(err)
	}
	_, findings, err := r.open()
	if err == nil || !strings.Contains(findings, "does not exist") {
		t.Errorf("got %v\n%s", err, findings)
	}
}

func TestASecondDaemonIsToldWhoHasTheStorage(t *testing.T) {
	first := served(t, map[string]string{"a.hcl": listeners + letsIn})
	second := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
	second.state = first.state
	if _, _, err := second.open(); err == nil || !strings.Contains(err.Error(), "m2md.db: locked by") {
		t.Errorf("the second daemon says %v", err)
	}
	if _, err := first.admin().Status(t.Context()); err != nil {
		t.Errorf("the first one is no longer there: %v", err)
	}
}

func TestAForeignFileInThePlaceOfStorageIsLeftAlone(t *testing.T) {
	for name, content := range map[string]string{
		"text":      "this is the only copy of my thesis",
		"long text": strings.Repeat("this is the only copy of my thesis\n", 4096),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
			path := filepath.Join(r.state, databaseName)
			writeFile(t, path, content)
			d, _, err := r.open()
			if err == nil {
				d.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), "opening storage "+path) {
				t.Errorf("got %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != content {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
}

func TestTheAdminSocketTakesOnlyAFreePlace(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string // in the error; "" for a start
	}{
		{"nothing is there", func(*testing.T, string) {}, ""},
		{"a killed daemon left a socket", func(t *testing.T, path string) {
			l := listenAt(t, path)
			l.SetUnlinkOnClose(false)
			l.Close()
		}, ""},
		{"somebody listens", func(t *testing.T, path string) { listenAt(t, path) }, "another process listens on"},
		{"a file", func(t *testing.T, path string) { writeFile(t, path, "mine") }, "is in the way: it is no socket"},
		{"a folder", func(t *testing.T, path string) { writeFile(t, filepath.Join(path, "mine"), "") }, "is in the way: it is no socket"},
		{"a link to a socket", func(t *testing.T, path string) {
			listenAt(t, path+"2")
			if err := os.Symlink(path+"2", path); err != nil {
				t.Fatal(err)
			}
		}, "is in the way: it is no socket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, map[string]string{"a.hcl": listeners + letsIn})
			path := filepath.Join(r.state, socketName)
			tt.prepare(t, path)
			d, _, err := r.open()
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if _, err := os.Lstat(path); err != nil {
					t.Errorf("what was there is gone: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r.run(d)
			if _, err := r.admin().Status(t.Context()); err != nil {
				t.Error(err)
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Errorf("the socket is %v, %v, want 0600", info.Mode(), err)
			}
			r.stop()
			if _, err := os.Lstat(path); err == nil {
				t.Error("the socket outlived the daemon")
			}
		})
	}
}

func listenAt(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.UnixListener)
}

// Who finds the address taken gives back everything, and can be started again.
func TestADaemonThatCannotListenReleasesWhatItHas(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := taken.Addr().String()
	r := newRig(t, map[string]string{"a.hcl": strings.Replace(listeners, "127.0.0.1:0", address, 1) + letsIn})
	if _, _, err := r.open(); err == nil || !strings.Contains(err.Error(), "listening on "+address+": ") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	taken.Close()
	d, _, err := r.open()
	if err != nil {
		t.Fatalf("the second attempt: %v", err)
	}
	d.Close()
}

func TestStatusTellsTheWarningsOfTheFirstGeneration(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + "provider \"idle\" {\n}\n"})
	for range 2 { // a reload that finds nothing new keeps them
		if status := r.daemon.Status(); !status.Reload.OK || !strings.Contains(status.Reload.Report, `nobody gets into provider "idle"`) {
			t.Errorf("Status = %+v", status)
		}
		r.reload(true)
	}
}

func TestAUnixSocketServesClients(t *testing.T) {
	folder := shortFolder(t)
	path := filepath.Join(folder, "http.sock")
	r := served(t, map[string]string{"a.hcl": strings.Replace(listeners, "127.0.0.1:0", "unix://"+path, 1) + letsIn})
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Errorf("the socket is %v, %v, want 0660", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
	res, err := client.PostForm("http://m2md/oauth2/token", loginForm(r.password("ci")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("login answered %s", res.Status)
	}
	if ip := r.decision(res.Header.Get("X-Request-Id"))["client_ip"]; ip != "" {
		t.Errorf("client_ip = %q; a unix socket has none", ip)
	}
	r.stop()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket outlived the daemon")
	}
}

func TestTwoDaemonsOfAProcessShareNothing(t *testing.T) {
	one, two := served(t, map[string]string{"a.hcl": listeners + letsIn}), served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := one.password("ci")
	const allowed, denied = `m2md_requests_total{door="token",outcome="allow",provider="loki"}`, `m2md_requests_total{door="token",outcome="deny",provider="loki"}`
	res, other := one.login(password), two.login(password)
	if res.StatusCode != http.StatusOK || other.StatusCode == http.StatusOK {
		t.Errorf("logins answered %s and %s, want only the first to pass", res.Status, other.Status)
	}
	one.checkMetrics(map[string]string{allowed: "1", denied: ""})
	two.checkMetrics(map[string]string{allowed: "", denied: "1"})
	one.write("b.hcl", "service_account \"b\" {\n}\n")
	one.awaitGeneration(2)
	if two.reload(true); two.generation() != 1 {
		t.Errorf("the other daemon serves generation %d", two.generation())
	}
	one.stop()
	if len(one.decisions()) != 1 || len(two.decisions()) != 1 {
		t.Errorf("%d and %d decisions, want one each", len(one.decisions()), len(two.decisions()))
	}
	if status := two.login(password).StatusCode; status != other.StatusCode {
		t.Errorf("after the first ended, the second answers %d", status)
	}
}
