//go:build unix

package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startNginx runs the nginx of examples/nginx with other addresses, in front of
// a backend, and returns where it listens.
func startNginx(t *testing.T, s *site, provider, backend string) string {
	t.Helper()
	program := needs(t, "nginx")
	dir, address := t.TempDir(), freeAddress(t)
	copyNginx(t, dir, map[string]string{
		"server 127.0.0.1:9440;":      "server " + s.address + ";",
		"server 127.0.0.1:9481;":      "server " + backend + ";",
		"listen      127.0.0.1:9480;": "listen " + address + ";",
		"listen 127.0.0.1:9481;":      "listen " + freeAddress(t) + ";",
		"set $m2md_provider files;":   "set $m2md_provider " + provider + ";",
	})
	p := start(t, program, "-e", "stderr", "-p", dir, "-c", "nginx.conf")
	p.awaitStart(t, func() bool { return accepts(address) })
	return address
}

// copyNginx copies examples/nginx with replacements in nginx.conf, each of
// which must have something to replace.
func copyNginx(t *testing.T, dir string, replacements map[string]string) {
	t.Helper()
	files, err := filepath.Glob("../../examples/nginx/*.conf")
	if err != nil || len(files) != 3 {
		t.Fatalf("examples/nginx holds %q (%v), and should hold three files", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content := string(raw)
		if filepath.Base(file) == "nginx.conf" {
			for old, replacement := range replacements {
				if strings.Count(content, old) != 1 {
					t.Fatalf("%s does not say %q once", file, old)
				}
				content = strings.Replace(content, old, replacement, 1)
			}
		}
		writeFile(t, filepath.Join(dir, filepath.Base(file)), content)
	}
}

// seen is a request as it arrived at the backend.
type seen struct {
	URI    string
	Header http.Header
}

// echo is a backend that answers with the request that it saw.
func echo(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(seen{r.RequestURI, r.Header}) //nolint:errcheck // the test looks at what arrives
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	body   string
	seen   *seen // what the backend saw; nil where the request did not reach it
}

// get asks for a path exactly as it is written, with headers exactly as they
// are: http.Client would mend both.
func get(t testing.TB, address, path string, headers ...string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience)) //nolint:errcheck // of a connection that is open
	lines := append([]string{"GET " + path + " HTTP/1.1", "Host: files.localhost", "Connection: close"}, headers...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("GET %s: %s", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("GET %s: %s", path, err)
	}
	got := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	var echoed seen
	if json.Unmarshal(body, &echoed) == nil && echoed.URI != "" {
		got.seen = &echoed
	}
	return got
}

func bearer(token string) string { return "Authorization: Bearer " + token }

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// guardedFiles lets backup in, and knows stranger, who may not.
const guardedFiles = `
service_account "backup" {
  display_name = "Nightly backup"
  groups       = ["storage", "night"]
}
service_account "stranger" {}

provider "files" {
  access "backup" {
    from = [service_account.backup]
  }
  forward_auth {
    external_host = "files.localhost"
    skip_paths    = ["/ready", "/static/*"]
  }
}
`

func TestE2ENginxLetsInOnlyWhoIsProven(t *testing.T) {
	s := newSite(t, guardedFiles)
	nginx := startNginx(t, s, "files", echo(t))
	daemon := s.serve()
	backup, stranger := s.password("backup"), s.password("stranger")
	token := s.token("files", backup)

	asBackup := map[string]string{
		"X-M2md-Subject": "backup", "X-M2md-Name": "Nightly backup", "X-M2md-Groups": "storage|night",
		"X-M2md-Source": "service_account.backup", "X-M2md-Provider": "files", "X-M2md-Scope": "",
	}
	asNobody := map[string]string{
		"X-M2md-Subject": "", "X-M2md-Name": "", "X-M2md-Groups": "", "X-M2md-Source": "", "X-M2md-Provider": "", "X-M2md-Scope": "",
	}
	spoofed := []string{
		"X-M2md-Subject: root", "X-M2md-Name: Root", "X-M2md-Groups: admin", "X-M2md-Source: service_account.root",
		"X-M2md-Provider: all", "X-M2md-Scope: everything", "X_M2md_Subject: root", "X-M2md.Subject: root",
	}
	elsewhere := []string{
		"X-Original-URL: http://files.localhost/ready", "X-Original-Method: OPTIONS", "X-Forwarded-Uri: /ready", "X-Forwarded-Host: files.localhost",
	}
	tests := []struct {
		name    string
		path    string
		headers []string
		status  int
		arrives map[string]string // at the backend; nil: nothing does
	}{
		{"a token", "/reports?month=11", []string{bearer(token)}, 200, asBackup},
		{"an app password by Basic", "/reports", []string{basic("backup", backup)}, 200, asBackup},
		{"an app password by Basic under any name", "/reports", []string{basic("x", backup)}, 200, asBackup},
		{"nothing", "/reports", nil, 401, nil},
		{"a broken token", "/reports", []string{bearer(token + "x")}, 401, nil},
		{"a mistyped app password", "/reports", []string{basic("backup", backup[:len(backup)-1])}, 401, nil},
		{"an account that no access names", "/reports", []string{basic("stranger", stranger)}, 403, nil},
		{"two credentials", "/reports", []string{bearer(token), basic("backup", backup)}, 400, nil}, // nginx itself refuses

		{"a token and made-up identity headers", "/reports", append(spoofed, bearer(token)), 200, asBackup},
		{"made-up identity headers alone", "/reports", spoofed, 401, nil},
		{"a made-up original path", "/reports", elsewhere, 401, nil},
		{"a skipped path", "/ready", nil, 200, asNobody},
		{"a skipped path with a query", "/ready?now", nil, 200, asNobody},
		{"a path below a skipped folder", "/static/a/b.css", nil, 200, asNobody},
		{"a skipped path and made-up identity headers", "/ready", spoofed, 200, asNobody},

		// What nginx, m2md and a backend may read as different paths.
		{"dot segments behind a skipped path", "/ready/../reports", nil, 401, nil},
		{"dot segments below a skipped folder", "/static/../reports", nil, 401, nil},
		{"a dot segment at the end", "/static/..", nil, 401, nil},
		{"a dot segment before a fragment", "/static/..#x", nil, 401, nil},
		{"an empty segment", "//ready", nil, 401, nil},
		{"encoded slashes", "/ready%2f..%2freports", nil, 401, nil},
		{"encoded dots", "/static/%2e%2e/reports", nil, 401, nil},
		{"an encoded letter", "/read%79", nil, 401, nil},
		{"a path parameter", "/static/..;/reports", nil, 401, nil},
		{"a backslash", `/static/..\reports`, nil, 401, nil},
		{"another case", "/READY", nil, 401, nil},
		{"a trailing slash", "/ready/", nil, 401, nil},
		{"a URL in the request line", "http://files.localhost/reports", nil, 401, nil},
		{"what nginx asks m2md by", "/_m2md", nil, 404, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := get(t, nginx, tt.path, tt.headers...)
			if got.status != tt.status {
				t.Fatalf("status %d, want %d; body %s", got.status, tt.status, got.body)
			}
			if (got.seen != nil) != (tt.arrives != nil) {
				t.Fatalf("reached the backend: %t, want %t; body %s", got.seen != nil, tt.arrives != nil, got.body)
			}
			if got.seen != nil {
				checkArrived(t, got.seen, tt.path, tt.arrives)
			}
			if tt.status == 401 && !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "B") {
				t.Errorf("WWW-Authenticate is %q", got.header.Values("WWW-Authenticate"))
			}
			if id := got.header.Get("X-Request-Id"); tt.status == 401 || tt.status == 403 {
				eventually(t, "in the decision log: the request id of the refusal", func() bool {
					return id != "" && strings.Contains(daemon.stdout.String(), id)
				})
			}
		})
	}
}

// checkArrived compares what the backend saw with what m2md said; an empty
// header and none are the same to it.
func checkArrived(t *testing.T, got *seen, uri string, want map[string]string) {
	t.Helper()
	if got.URI != uri {
		t.Errorf("the backend saw %s, want %s", got.URI, uri)
	}
	for name, value := range want {
		if arrived := strings.Join(got.Header.Values(name), ","); arrived != value {
			t.Errorf("%s arrives as %q, want %q", name, arrived, value)
		}
	}
	for name := range got.Header {
		loose := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
		if _, known := want[name]; strings.HasPrefix(loose, "x-m2md") && !known {
			t.Errorf("%s arrives, which m2md does not set", name)
		}
	}
	for _, name := range []string{"Authorization", "X-Original-Url", "X-Original-Method"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s arrives at the backend", name)
		}
	}
}

func TestE2ENginxLetsNobodyInWhenTheDaemonIsGone(t *testing.T) {
	s := newSite(t, guardedFiles)
	nginx := startNginx(t, s, "files", echo(t))
	daemon := s.serve()
	token := s.token("files", s.password("backup"))
	if got := get(t, nginx, "/reports", bearer(token)); got.status != 200 {
		t.Fatalf("status %d before the daemon ends", got.status)
	}
	daemon.stop(t)
	for _, path := range []string{"/reports", "/ready"} {
		if got := get(t, nginx, path, bearer(token)); got.status != 500 || got.seen != nil {
			t.Errorf("%s: status %d, want 500 and nothing at the backend", path, got.status)
		}
	}
}

func TestE2EAccountRemovedFromTheFilesIsOutAtTheNextGeneration(t *testing.T) {
	s := newSite(t, guardedFiles)
	s.write("site.hcl", strings.Replace(guardedFiles, "[service_account.backup]", "[service_account.backup, service_account.stranger]", 1))
	nginx := startNginx(t, s, "files", echo(t))
	s.serve()
	backup, stranger := s.password("backup"), s.password("stranger")
	token, other := s.token("files", backup), s.token("files", stranger)
	for _, credential := range []string{bearer(token), bearer(other), basic("backup", backup), basic("stranger", stranger)} {
		if got := get(t, nginx, "/reports", credential); got.status != 200 {
			t.Fatalf("before: status %d", got.status)
		}
	}

	removed := strings.Replace(guardedFiles, "service_account \"stranger\" {}", "", 1)
	if removed == guardedFiles {
		t.Fatal("there is nothing to remove")
	}
	s.write("site.hcl", removed) // the daemon sees it by itself
	eventually(t, "served: generation 2", func() bool {
		status, err := s.admin().Status(t.Context())
		return err == nil && status.Generation == 2
	})

	for _, tt := range []struct {
		name, credential string
		status           int
	}{
		{"the token of the removed account", bearer(other), 401},
		{"the app password of the removed account", basic("stranger", stranger), 401},
		{"the token of the other", bearer(token), 200},
		{"the app password of the other", basic("backup", backup), 200},
	} {
		if got := get(t, nginx, "/reports", tt.credential); got.status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, got.status, tt.status)
		}
	}
	if answer, err := s.ask(t.Context(), credentials("files", stranger)); err != nil || answer.Error != "invalid_client" {
		t.Errorf("the removed account's login: %v %+v, want invalid_client", err, answer)
	}
	if out, _, _ := s.command("status"); !strings.Contains(out, "stranger") {
		t.Errorf("status does not tell of the orphaned password:\n%s", out)
	}
}
