//go:build unix

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// watchedMetrics has tokens that are expired soon, but not while a busy machine
// gets another.
const watchedMetrics = `
service_account "prometheus" {}

provider "metrics" {
  access_token_ttl = "8s"
  access "account" {
    from = [service_account.prometheus]
  }
  forward_auth {
    external_host = "metrics.localhost"
  }
}
`

// TestE2ETokenWatchFeedsPrometheus has Prometheus read the token from a file, as
// programs do that know nothing of tokens that expire.
func TestE2ETokenWatchFeedsPrometheus(t *testing.T) {
	program := needs(t, "prometheus")
	s := newSite(t, watchedMetrics)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "scraped_by{subject=%q} 1\n", r.Header.Get("X-M2md-Subject"))
	}))
	t.Cleanup(target.Close)
	nginx := startNginx(t, s, "metrics", target.Listener.Addr().String())
	daemon := s.serve()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	watch := startWatch(t, "--url", s.url, "--client-id", "metrics", "--app-password-file", secretFile(t, s.password("prometheus")), "--file", token)

	writeFile(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`
global: {scrape_interval: 2s, scrape_timeout: 2s}
scrape_configs:
- job_name: watched
  authorization: {credentials_file: %s}
  static_configs: [{targets: ['%s']}]
`, token, nginx))
	address := freeAddress(t)
	p := start(t, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	p.awaitStart(t, func() bool { return statusOfURL("http://"+address+"/-/ready") == http.StatusOK })

	eventually(t, "scraped", func() bool { return query(t, address, `scraped_by{subject="prometheus"}`, "watched") == "1" })
	for range 3 {
		first := readFile(t, token)
		eventually(t, "renewed", func() bool { return readFile(t, token) != first })
		expired := time.Unix(int64(claimsOf(t, first)["exp"].(float64)), 0)
		eventually(t, "expired: the token before", func() bool { return time.Now().After(expired.Add(time.Second)) })
		samples := query(t, address, "count_over_time(up[1h])", "watched")
		eventually(t, "scraped since then", func() bool { return query(t, address, "count_over_time(up[1h])", "watched") != samples })
	}
	if up := query(t, address, "min_over_time(up[1h])", "watched"); up != "1" {
		t.Errorf("the lowest that up was is %s, over three expiries", up)
	}
	if decisions := daemon.stdout.String(); strings.Contains(decisions, `"outcome":"deny"`) || strings.Count(decisions, `"outcome":"allow"`) < 8 {
		t.Errorf("a request was refused, or nobody asked:\n%s", decisions)
	}

	before := readFile(t, token)
	if err := watch.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told by SIGHUP", func() bool { return strings.Contains(watch.stderr.String(), "told by SIGHUP") })
	eventually(t, "renewed at once", func() bool { return readFile(t, token) != before })

	watch.stop(t)
	if watch.err != nil || watch.stdout.String() != "" || strings.Contains(watch.stderr.String(), "m2md_") || strings.Contains(watch.stderr.String(), "eyJ") {
		t.Errorf("SIGTERM ends it with %v; it wrote %q and\n%s", watch.err, watch.stdout.String(), watch.stderr.String())
	}
	eventually(t, "down: the token is expired and nobody gets another", func() bool { return query(t, address, "up", "watched") == "0" })
}

// startWatch starts `m2md token --watch` and waits until it tells systemd that it
// is ready, which it is when there is a token.
func startWatch(t *testing.T, args ...string) *process {
	t.Helper()
	socket := filepath.Join(shortFolder(t), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	watch := start(t, builtBinary(t), append([]string{"token", "--watch"}, args...)...)
	os.Unsetenv("NOTIFY_SOCKET") //nolint:errcheck // what follows is no unit
	told := make([]byte, 64)
	systemd.SetReadDeadline(time.Now().Add(patience)) //nolint:errcheck // of a socket that is open
	n, err := systemd.Read(told)
	if err != nil || string(told[:n]) != "READY=1" {
		t.Fatalf("systemd is told %q, %v\n%s", told[:n], err, watch.stderr.String())
	}
	return watch
}

// What a token is kept fresh with may end, be mended, and change: the file has a
// token that counts all the while, and then again.
func TestE2ETokenWatchOutlivesItsServer(t *testing.T) {
	s := newSite(t, strings.Replace(watchedMetrics, "8s", "1h", 1))
	daemon := s.serve()
	password := secretFile(t, s.password("prometheus"))
	token := filepath.Join(t.TempDir(), "token")
	watch := startWatch(t, "--url", s.url, "--client-id", "metrics", "--app-password-file", password, "--file", token)
	first := readFile(t, token)

	daemon.stop(t)
	if err := watch.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told: the server is gone", func() bool { return strings.Contains(watch.stderr.String(), `msg="no new token"`) })
	if readFile(t, token) != first {
		t.Error("the token that still counts was replaced")
	}
	s.serve()
	eventually(t, "renewed", func() bool { return readFile(t, token) != first })

	second := readFile(t, token)
	writeFile(t, password, s.password("prometheus")+"\n")
	eventually(t, "renewed by another password", func() bool { return readFile(t, token) != second })
	if !strings.Contains(watch.stderr.String(), "the proof has changed") {
		t.Errorf("it logs\n%s", watch.stderr.String())
	}
}
