package engine_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

// selfSigned is a certificate of a key, as PEM.
func selfSigned(t *testing.T, key *enginetest.Key, from, to time.Time) engine.Secret {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Private.Public(), key.Private)
	if err != nil {
		t.Fatal(err)
	}
	return engine.Secret(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const day = 24 * time.Hour

func TestACertificateIsWarnedOfInTime(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "", "ES256")
	now := d.Clock.Now()
	tests := []struct {
		name     string
		from, to time.Duration // from now
		summary  string        // "" where nothing is told
		detail   string
	}{
		{"for a year", -time.Hour, 365 * day, "", ""},
		{"for a little more than 30 days", -365 * day, 30*day + time.Hour, "", ""},
		{"for a little less than 30 days", -365 * day, 30*day - time.Hour, "a certificate ends soon", "valid until " + now.Add(30*day-time.Hour).UTC().Format(time.DateOnly)},
		{"a short one, for more than a third of its life", -4 * day, 3 * day, "", ""},
		{"a short one, for less than a third of it", -5 * day, 2 * day, "a certificate ends soon", "valid until"},
		{"for a moment", -time.Hour, time.Minute, "a certificate ends soon", "the next one into the same file"},
		{"no more", -2 * time.Hour, -time.Hour, "a certificate is outside its validity", "refused outside of that"},
		{"not yet", time.Hour, 365 * day, "a certificate is outside its validity", now.Add(time.Hour).UTC().Format(time.DateOnly)},
		{"not yet, and not for long", time.Hour, 2 * time.Hour, "a certificate is outside its validity", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want []told
			if tt.summary != "" {
				want = warning(tt.summary, tt.detail, 31)
			}
			_, found := d.Compile(partner(selfSigned(t, key, now.Add(tt.from), now.Add(tt.to))))
			checkTold(t, found, want)

			// The listener's own.
			spec := oneAccess("service_account.ci")
			spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
			spec.Server.TLS = &engine.TLS{
				Decl:        enginetest.Declare("", 30, "certificate_file"),
				Certificate: engine.File{Content: selfSigned(t, key, now.Add(tt.from), now.Add(tt.to))},
				PrivateKey:  engine.File{Content: pkcs8(t, key.Private)},
			}
			if want != nil {
				want = warning(tt.summary, "Clients refuse to connect", 31)
			}
			_, found = d.Compile(spec)
			checkTold(t, found, want)
		})
	}
}

func TestTheCertificatesOfAGenerationAreTold(t *testing.T) {
	d := newDaemon(t)
	now := d.Clock.Now().Truncate(time.Second)
	first, second, third := enginetest.NewKey(t, "", "ES256"), enginetest.NewKey(t, "", "ES384"), enginetest.NewKey(t, "", "EdDSA")
	spec := partner(selfSigned(t, first, now, now.Add(400*day)) + selfSigned(t, second, now, now.Add(300*day)))
	spec.Certificates = append(spec.Certificates,
		engine.VerificationCertificate{
			Decl: enginetest.Declare("bare", 40), Trust: engine.Trust{Issuer: "https://bare.example", Audiences: []string{audience}},
			Certificate: engine.File{Content: engine.Secret(third.PublicPEM())},
		},
		engine.VerificationCertificate{
			Decl: enginetest.Declare("other", 50), Trust: engine.Trust{Issuer: "https://other.example", Audiences: []string{audience}},
			Certificate: engine.File{Content: selfSigned(t, third, now, now.Add(100*day))},
		})
	spec.Server.TLS = &engine.TLS{
		Decl:        enginetest.Declare("", 30, "certificate"),
		Certificate: engine.File{Content: selfSigned(t, first, now, now.Add(200*day))},
		PrivateKey:  engine.File{Content: pkcs8(t, first.Private)},
	}
	want := []struct {
		label string
		days  int
	}{{"other", 100}, {"partner", 300}, {"partner", 400}, {engine.ServerCertificate, 200}}
	got := d.Serve(t, spec).Certificates()
	if len(got) != len(want) {
		t.Fatalf("told %+v", got)
	}
	for i, one := range want {
		if end := now.Add(time.Duration(one.days) * day); got[i].Label != one.label || !got[i].NotAfter.Equal(end) || !got[i].NotBefore.Equal(now) {
			t.Errorf("told %+v, want %s until %s", got[i], one.label, end)
		}
	}
}

func TestACertificateCountsToTheSecondOfItsEnd(t *testing.T) {
	end := time.Unix(1_800_000_000, 0)
	v := engine.CertificateValidity{NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end}
	for _, tt := range []struct {
		at    time.Time
		valid bool
	}{{end, true}, {end.Add(time.Nanosecond), false}, {v.NotBefore, true}, {v.NotBefore.Add(-time.Nanosecond), false}} {
		if got := v.ValidAt(tt.at); got != tt.valid {
			t.Errorf("at %s it is valid: %t", tt.at, got)
		}
	}
	if v.EndsSoon(end.Add(-engine.ExpiryNotice)) || !v.EndsSoon(end.Add(-engine.ExpiryNotice+time.Nanosecond)) || !v.EndsSoon(end.Add(time.Hour)) {
		t.Error("it ends soon at another time than 30 days before")
	}
}
