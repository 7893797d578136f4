package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keyPair makes a certificate for 127.0.0.1 and its key, PEM.
func keyPair(t *testing.T, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "m2md.test"}, DNSNames: []string{"m2md.test"},
		IsCA: true, BasicConstraintsValid: true, // so that it can be its own root
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("CERTIFICATE", der), encodePEM("PRIVATE KEY", pkcs8)
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// everything uses a file in every way in which the language can.
const everything = `
locals {
  team = file("team.txt")
}

signing_key "main" {
  private_key_file = "key.pem"
}

verification_certificate "partner" {
  certificate_file = "partner.pem"
  issuer           = "https://partner.example"
  audiences        = ["m2md"]
}

oauth_source "cluster" {
  issuer         = "https://cluster.example"
  audiences      = ["m2md"]
  oidc_jwks_file = "jwks.json"
}

policy "scripted" {
  script_file = "policy.js"
}

service_account "ci" {
  attributes = { team = local.team }
}

provider "loki" {
  access "machines" {
    from     = [service_account.ci, verification_certificate.partner, oauth_source.cluster]
    policies = [policy.scripted]
  }
}
`

func jwksOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../../testdata", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Nobody asks for a reload here: each change is noticed.
func TestEveryChangeOfWhatWasReadIsTakenUp(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *rig)
	}{
		{"a file is written in place", func(r *rig) { r.write("a.hcl", listeners+everything+"# changed\n") }},
		{"a file is replaced by renaming", func(r *rig) {
			r.write(".a.hcl.tmp", listeners+everything+"# changed\n")
			if err := os.Rename(r.path(".a.hcl.tmp"), r.path("a.hcl")); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"a file is added", func(r *rig) { r.write("b.hcl", "service_account \"b\" {\n}\n") }},
		{"a file is added in a new folder", func(r *rig) { r.write("teams/b.hcl", "service_account \"b\" {\n}\n") }},
		{"a file is removed", func(r *rig) {
			if err := os.Remove(r.path("spare.hcl")); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"what file() read", func(r *rig) { r.write("team.txt", "other") }},
		{"a script", func(r *rig) { r.write("policy.js", "return false;") }},
		{"a certificate", func(r *rig) {
			certificate, _ := keyPair(r.t, 2)
			r.write("partner.pem", certificate)
		}},
		{"a private key", func(r *rig) {
			_, key := keyPair(r.t, 2)
			r.write("key.pem", key)
		}},
		{"a key set", func(r *rig) { r.write("jwks.json", jwksOf(r.t, "invalid/compile/material/jwks.json")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // each waits for the watcher to be quiet
			certificate, key := keyPair(t, 1)
			r := served(t, map[string]string{
				"a.hcl": listeners + everything, "spare.hcl": "service_account \"spare\" {\n}\n", "team.txt": "sre", "policy.js": "return true;",
				"key.pem": key, "partner.pem": certificate, "jwks.json": jwksOf(t, "valid/product/jwks/cluster-a.json"),
			})
			tt.change(r)
			r.awaitGeneration(2)
			if !r.daemon.Status().Reload.OK {
				t.Errorf("Status = %+v", r.daemon.Status())
			}
		})
	}
}

// What kubelet does with a mounted ConfigMap (pkg/volume/util/atomic_writer.go).
func TestAConfigMapThatIsSwappedIsTakenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]string{"..2026_1/a.hcl": listeners + letsIn})
	link := func(target, name string) {
		if err := os.Symlink(target, r.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	link("..2026_1", "..data")
	link("..data/a.hcl", "a.hcl")
	d, findings, err := r.open()
	if err != nil {
		t.Fatal(err, findings)
	}
	r.run(d)
	for generation := uint64(2); generation < 4; generation++ {
		folder := fmt.Sprintf("..2026_%d", generation)
		r.write(folder+"/a.hcl", fmt.Sprintf("%s%s# %d\n", listeners, letsIn, generation))
		link(folder, "..data_tmp")
		if err := os.Rename(r.path("..data_tmp"), r.path("..data")); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(r.path(fmt.Sprintf("..2026_%d", generation-1))); err != nil {
			t.Fatal(err)
		}
		r.awaitGeneration(generation)
	}
}

func TestSIGHUPReloads(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	const unchanged = `m2md_reloads_total{outcome="unchanged"}`
	for range 3 { // the channel has no room: each one was taken up when it is sent
		r.hangup <- syscall.SIGHUP
	}
	r.reload(true) // answered after those
	if n := r.metric(unchanged); len(n) == 1 && n < "4" {
		t.Errorf("%s unchanged reloads, want 4 at least", n)
	}
	if r.generation() != 1 {
		t.Errorf("generation %d serves, though nothing changed", r.generation())
	}
}

// misspelt is a fault of the language.
const misspelt = "service_account \"broken\" {\n  lable = \"x\"\n}\n"

func TestAFaultKeepsTheLastGoodGeneration(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := r.password("ci")
	good := r.daemon.live.Load()
	since := r.daemon.Status().Reload.LastGood

	r.write("b.hcl", misspelt)
	for range 3 { // as polling does
		result := r.reload(false)
		if result.Changed || result.Generation != 1 || !strings.Contains(result.Report, `unknown attribute "lable"`) || !strings.Contains(result.Report, "b.hcl:2,") {
			t.Errorf("Reload = %+v", result)
		}
	}
	if r.daemon.live.Load() != good {
		t.Error("another generation serves")
	}
	if res := r.login(password); res.StatusCode != http.StatusOK {
		t.Errorf("login answered %s", res.Status)
	}
	status := r.daemon.Status()
	if status.Reload.OK || !status.Reload.LastGood.Equal(since) || !status.Reload.At.After(since) || status.Generation != 1 || !strings.Contains(status.Reload.Report, "lable") {
		t.Errorf("Status = %+v", status)
	}
	r.checkMetrics(map[string]string{
		"m2md_last_reload_successful":                "0",
		"m2md_generation":                            "1",
		"m2md_last_reload_success_timestamp_seconds": sample(since),
	})
	if n := r.logged("reload refused"); n != 1 {
		t.Errorf("the fault was logged %d times, want once", n)
	}
	if status, _ := r.observed("/-/ready"); status != http.StatusOK {
		t.Errorf("readiness is %d; the last good generation serves", status)
	}

	// Another fault is news.
	r.write("b.hcl", strings.Replace(misspelt, "lable", "labl", 1))
	r.reload(false)
	if n := r.logged("reload refused"); n != 2 {
		t.Errorf("the second fault was not logged: %d", n)
	}

	// Undone: the same generation, told once.
	if err := os.Remove(r.path("b.hcl")); err != nil {
		t.Fatal(err)
	}
	if result := r.reload(true); result.Changed || result.Generation != 1 {
		t.Errorf("Reload = %+v", result)
	}
	r.reload(true)
	if n := r.logged("the files are again those that serve"); n != 1 {
		t.Errorf("that the fault was undone was logged %d times, want once", n)
	}
	r.checkMetrics(map[string]string{"m2md_last_reload_successful": "1", "m2md_generation": "1"})
	if status := r.daemon.Status(); !status.Reload.OK || status.Reload.Report != "" {
		t.Errorf("Status = %+v", status)
	}

	// The same fault as at first is told again; mended otherwise, the next
	// generation serves.
	r.write("b.hcl", misspelt)
	r.reload(false)
	if n := r.logged("reload refused"); n != 3 {
		t.Errorf("the fault that came back was not logged: %d", n)
	}
	r.write("b.hcl", "service_account \"b\" {\n}\n")
	if result := r.reload(true); !result.Changed || result.Generation != 2 {
		t.Errorf("Reload = %+v", result)
	}
	if r.logged("msg=reloaded") != 1 {
		t.Errorf("the reload was not logged once:\n%s", r.log)
	}
	r.checkMetrics(map[string]string{"m2md_last_reload_successful": "1", "m2md_generation": "2"})
}

// sample is a time as a sample of Prometheus shows it.
func sample(at time.Time) string {
	return strconv.FormatFloat(float64(at.Unix()), 'g', -1, 64)
}

// A fault that only compiling finds is no different.
func TestAFaultThatOnlyCompilingFindsKeepsTheLastGoodGeneration(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	good := r.daemon.live.Load()
	r.write("b.hcl", "policy \"p\" {\n  script = \"return a b;\"\n}\n")
	if result := r.reload(false); !strings.Contains(result.Report, "invalid JavaScript") {
		t.Errorf("Reload = %+v", result)
	}
	if r.daemon.live.Load() != good {
		t.Error("another generation serves")
	}
}

// A refused reload leaves nothing behind, in storage neither.
func TestNoSigningKeyIsMadeForFilesThatAreRefused(t *testing.T) {
	const another = "signing_key \"another\" {\n}\n"
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	kept := func() int {
		keys, err := r.daemon.store.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(keys)
	}
	before := kept()
	for name, files := range map[string]string{
		"a fault":   listeners + letsIn + another + misspelt,
		"a restart": strings.Replace(listeners, "127.0.0.1:0", "localhost:0", 1) + letsIn + another,
	} {
		r.write("a.hcl", files)
		r.reload(false)
		if n := kept(); n != before {
			t.Errorf("%s: %d keys are kept, want %d", name, n, before)
		}
	}
	r.write("a.hcl", listeners+letsIn+another)
	r.reload(true)
	if n := kept(); n != before+1 {
		t.Errorf("%d keys are kept, want %d", n, before+1)
	}
}

func TestWhatNeedsARestartRefusesTheReloadAtItsLine(t *testing.T) {
	const (
		restart = "needs a restart"
		server  = "server {\n  listen = \"127.0.0.1:0\"\n  external_url = \"http://auth.test\"\n}\n"
		metrics = "metrics {\n  listen = \"127.0.0.1:0\"\n}\n"
		storage = "storage {\n  engine = \"bolt\"\n  path   = \"other.db\"\n}\n"
	)
	certificate, key := keyPair(t, 1)
	tls := "server {\n  listen = \"127.0.0.1:0\"\n  external_url = \"http://auth.test\"\n  tls {\n    certificate_file = \"tls.crt\"\n    private_key_file = \"tls.key\"\n  }\n}\n"
	tests := []struct {
		name          string
		before, after string
		want          []string // "LINE WHAT"; empty where no restart is needed
	}{
		{"listen", server + metrics, strings.Replace(server, "127.0.0.1:0", "localhost:0", 1) + metrics, []string{`a.hcl:2,12 a changed "listen"`}},
		{"listen is left out", server + metrics, strings.Replace(server, "  listen = \"127.0.0.1:0\"\n", "", 1) + metrics, []string{`a.hcl:1,1 a changed "listen"`}},
		{"the server block is removed", server + metrics, metrics, []string{`:1,1 a changed "listen"`}},
		{"metrics listen", server + metrics, server + strings.Replace(metrics, "127.0.0.1:0", "localhost:0", 1), []string{`a.hcl:6,12 a changed "listen" of metrics`}},
		{"metrics are added", server, server + metrics, []string{`a.hcl:6,12 a changed "listen" of metrics`}},
		{"metrics are removed", server + metrics, server, []string{`:1,1 a changed "listen" of metrics`}},
		{"tls is added", server, tls, []string{`a.hcl:4,3 a changed "tls" block`}},
		{"tls is removed", tls, server, []string{`a.hcl:1,1 a changed "tls" block`}},
		{"the engine", server, server + "storage {\n  engine = \"memory\"\n}\n", []string{`a.hcl:6,12 a changed "storage"`}},
		{"the path", server + storage, server + strings.Replace(storage, "other", "another", 1), []string{`a.hcl:7,12 a changed "storage" path`}},
		{"storage is removed", server + storage, server, []string{`:1,1 a changed "storage" path`}},
		{"several at once", server + metrics, "server {\n  listen = \"localhost:0\"\n  external_url = \"http://auth.test\"\n}\n" + storage, []string{
			`a.hcl:2,12 a changed "listen"`, `:1,1 a changed "listen" of metrics`, `a.hcl:7,12 a changed "storage" path`,
		}},
		{"the engine that is there without saying so", server, server + "storage {\n  engine = \"bolt\"\n}\n", nil},
		{"the external URL", server, strings.Replace(server, "auth.test", "other.test", 1), nil},
		{"trusted proxies", server, strings.Replace(server, "}", "  trusted_proxies = [\"10.0.0.0/8\"]\n}", 1), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := served(t, map[string]string{"a.hcl": tt.before + letsIn, "tls.crt": certificate, "tls.key": key})
			good := r.daemon.live.Load()
			r.write("a.hcl", tt.after+letsIn)
			result := r.daemon.Reload(t.Context())
			if result.OK != (len(tt.want) == 0) || result.OK == (r.daemon.live.Load() == good) {
				t.Fatalf("Reload = %+v", result)
			}
			if n := strings.Count(result.Report, restart); n < len(tt.want) || (n > 0) != (len(tt.want) > 0) {
				t.Errorf("%d objections, want %d:\n%s", n, len(tt.want), result.Report)
			}
			for _, want := range tt.want {
				place, summary, _ := strings.Cut(want, " ")
				if !told(result.Report, place, summary+" "+restart) {
					t.Errorf("not told: %s\n%s", want, result.Report)
				}
			}
		})
	}
}

// told says whether a report has a finding with a summary at a place.
func told(report, place, summary string) bool {
	lines := strings.Split(report, "\n")
	for i, line := range lines[:len(lines)-1] {
		if strings.HasSuffix(line, ": "+summary) && strings.HasPrefix(line, "error: ") && strings.HasSuffix(lines[i+1], place) {
			return true
		}
	}
	return false
}

func TestARequestInFlightFinishesOnItsGeneration(t *testing.T) {
	r := served(t, map[string]string{"a.hcl": listeners + letsIn})
	password := r.password("ci")
	slow := r.begin(password)
	r.write("a.hcl", listeners+"provider \"loki\" {\n}\n") // the account is gone
	r.reload(true)
	res := slow.finish()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the request that began before the swap was answered %s", res.Status)
	}
	if d := r.decision(res.Header.Get("X-Request-Id")); d["generation"] != 1.0 || d["rule"] != "machines" || d["outcome"] != "allow" {
		t.Errorf("its decision is %v", d)
	}
	later := r.login(password)
	if later.StatusCode == http.StatusOK {
		t.Error("a request that began after the swap was let in")
	}
	if d := r.decision(later.Header.Get("X-Request-Id")); d["generation"] != 2.0 || d["outcome"] != "deny" {
		t.Errorf("its decision is %v", d)
	}
}

func TestANewCertificateIsShownToNewConnections(t *testing.T) {
	certificate, key := keyPair(t, 1)
	block := "  tls {\n    certificate_file = \"tls.crt\"\n    private_key_file = \"tls.key\"\n  }\n}\n\nmetrics"
	r := served(t, map[string]string{
		"a.hcl": strings.Replace(listeners, "}\n\nmetrics", block, 1) + letsIn, "tls.crt": certificate, "tls.key": key,
	})
	shown := func() (serial int64, protocol string) {
		conn, err := tls.Dial("tcp", r.address(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), conn.ConnectionState().NegotiatedProtocol
	}
	if serial, protocol := shown(); serial != 1 || protocol != "h2" {
		t.Fatalf("certificate %d over %q, want 1 over h2", serial, protocol)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(certificate))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "m2md.test"}}}
	defer client.CloseIdleConnections()
	health := func() {
		t.Helper()
		res, err := client.Get("https://" + r.address() + "/-/healthy")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
	}
	health()

	// A certificate without its key is no certificate: the old one stays.
	next, nextKey := keyPair(t, 2)
	r.write("tls.crt", next)
	if result := r.reload(false); !strings.Contains(result.Report, "the TLS certificate and key cannot be used together") {
		t.Errorf("Reload = %+v", result)
	}
	if serial, _ := shown(); serial != 1 {
		t.Errorf("certificate %d is shown, want the old one", serial)
	}
	r.write("tls.key", nextKey)
	r.awaitGeneration(2)
	if serial, _ := shown(); serial != 2 {
		t.Errorf("certificate %d is shown, want the new one", serial)
	}
	health() // on the connection that there was: the client trusts no other certificate
}
