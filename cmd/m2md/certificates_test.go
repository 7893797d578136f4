package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/serve"
)

// certificateUntil makes a certificate that ends then, PEM.
func certificateUntil(t *testing.T, end time.Time) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ci"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return encodePEM("CERTIFICATE", der)
}

// trusting is a verification certificate of that name, from a file.
func trusting(label string) string {
	return "verification_certificate \"" + label + "\" {\n  certificate_file = \"" + label + ".pem\"\n  issuer = \"https://" + label + ".example\"\n  audiences = [\"m2md\"]\n}\n"
}

func TestWhenCertificatesEndIsTold(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	const day = 24 * time.Hour
	soon, later, far := now.Add(10*day), now.Add(40*day), now.Add(400*day)
	files := map[string]string{
		"a.hcl":       listeners + letsIn + trusting("partner") + trusting("other"),
		"partner.pem": certificateUntil(t, far) + certificateUntil(t, soon),
		"other.pem":   certificateUntil(t, later),
	}
	r := served(t, files)
	series := func(label string) string {
		return `m2md_verification_certificate_expiry_timestamp_seconds{certificate="` + label + `"}`
	}
	r.checkMetrics(map[string]string{series("partner"): sample(soon), series("other"): sample(later), series("server.tls"): ""})
	eventually(t, "a reminder", func() bool { return r.logged("a certificate ends") == 1 })
	if r.logged("certificate=partner not_after=\""+when(soon)+"\" left=9d") != 1 {
		t.Errorf("the log is\n%s", r.log)
	}
	status, err := r.admin().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []serve.CertificateStatus{{Label: "other", NotAfter: later}, {Label: "partner", NotAfter: soon}, {Label: "partner", NotAfter: far}}
	if len(status.Certificates) != len(want) {
		t.Fatalf("Status tells %+v", status.Certificates)
	}
	for i, one := range want {
		if got := status.Certificates[i]; got.Label != one.Label || !got.NotAfter.Equal(one.NotAfter) {
			t.Errorf("Status tells %+v, want %+v", got, one)
		}
	}
	if !strings.Contains(status.Reload.Report, "a certificate ends soon") {
		t.Errorf("the report is %q", status.Reload.Report)
	}

	// The next generation's are told, and those alone.
	r.write("a.hcl", listeners+letsIn+trusting("partner"))
	r.write("partner.pem", certificateUntil(t, far))
	r.reload(true)
	r.checkMetrics(map[string]string{series("partner"): sample(far), series("other"): ""})
}

func TestTheListenersCertificateIsToldOf(t *testing.T) {
	certificate, key := keyPair(t, 1)
	r := served(t, map[string]string{
		"a.hcl":   "server {\n  listen = \"127.0.0.1:0\"\n  external_url = \"https://auth.test\"\n  tls {\n    certificate_file = \"tls.crt\"\n    private_key_file = \"tls.key\"\n  }\n}\nmetrics {\n  listen = \"127.0.0.1:0\"\n}\nservice_account \"ci\" {\n}\n",
		"tls.crt": certificate, "tls.key": key,
	})
	told := r.daemon.Status().Certificates
	if len(told) != 1 || told[0].Label != "server.tls" {
		t.Fatalf("Status tells %+v", told)
	}
	r.checkMetrics(map[string]string{`m2md_verification_certificate_expiry_timestamp_seconds{certificate="server.tls"}`: sample(told[0].NotAfter)})
	eventually(t, "a reminder", func() bool { return r.logged("certificate=server.tls") == 1 })
}

func TestALineTellsWhatToDoAboutACertificate(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		left time.Duration
		want string
	}{
		{400 * 24 * time.Hour, "partner: until 2027-12-26 12:00:00Z"},
		{30 * 24 * time.Hour, "partner: until 2026-12-21 12:00:00Z"},
		{30*24*time.Hour - time.Second, "partner: until 2026-12-21 11:59:59Z, ENDS SOON (29d left)"},
		{time.Hour, "partner: until 2026-11-21 13:00:00Z, ENDS SOON (0d left)"},
		{-time.Second, "partner: until 2026-11-21 11:59:59Z, EXPIRED"},
	}
	for _, tt := range tests {
		if got := certificateLine(serve.CertificateStatus{Label: "partner", NotAfter: now.Add(tt.left)}, now); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// The log repeats it once a day, from the day on which it is due, until another
// generation brings a newer certificate.
func TestTheLogRemindsOfACertificateOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		keys := jwks.NewCache(jwks.Options{})
		defer keys.Close()
		deps := rehearsalDeps(keys)
		generation := func(end time.Time) *engine.Engine {
			e, found := engine.Compile(t.Context(), engine.Spec{
				Server: engine.Server{ExternalURL: "https://auth.test"},
				Certificates: []engine.VerificationCertificate{{
					Decl: engine.Decl{Label: "partner"}, Trust: engine.Trust{Issuer: "https://partner.example", Audiences: []string{"m2md"}},
					Certificate: engine.File{Content: engine.Secret(certificateUntil(t, end))},
				}},
			}, 1, deps)
			if err := found.Err(); err != nil {
				t.Fatal(err)
			}
			return e
		}
		var log transcript
		d := &Daemon{log: slog.New(slog.NewTextHandler(&log, nil)), deps: deps}
		told := func() int { return strings.Count(log.String(), "a certificate ends") }
		d.live.Swap(generation(time.Now().Add(32*day + time.Hour)))

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.remindOfCertificates(ctx) }()
		for _, want := range []int{0, 0, 0, 1, 2, 3} { // the days of the first reminders
			synctest.Wait()
			if got := told(); got != want {
				t.Fatalf("%d reminders, want %d\n%s", got, want, log.String())
			}
			time.Sleep(day)
		}
		synctest.Wait()
		before := told()
		d.live.Swap(generation(time.Now().Add(400 * day)))
		time.Sleep(3 * day)
		synctest.Wait()
		if got := told(); got != before {
			t.Errorf("%d reminders, want %d", got, before)
		}
		cancel()
		<-ended
	})
}
