package serve_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage"
)

// keyring is that of a door's daemon; of its storage alone where nothing serves.
func (d *door) keyring(serving bool) serve.Keyring {
	live := d.Live.Load
	if !serving {
		live = func() *engine.Engine { return nil }
	}
	return serve.Keyring{Store: d.Deps.SigningKeys, Random: rand.Reader, Now: d.Clock.Now, Live: live}
}

// threeKeys are a kept key that rotates, one that is brought along, and a spare
// one; they sign for loki, grafana and nobody.
func (d *door) threeKeys(t *testing.T) engine.Spec {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(enginetest.NewKey(t, "", "EdDSA").Private)
	if err != nil {
		t.Fatal(err)
	}
	spec := d.spec()
	spec.SigningKeys = []engine.SigningKey{
		{Decl: enginetest.Declare("main", 5), RotateEvery: 2 * time.Hour},
		{Decl: enginetest.Declare("own", 6, "private_key"), PrivateKey: engine.File{Content: engine.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))}},
		{Decl: enginetest.Declare("spare", 7)},
	}
	for i := range spec.Providers {
		label := "main"
		if i > 0 {
			label = "own"
		}
		spec.Providers[i].SigningKey = &engine.Ref{Kind: engine.KindSigningKey, Label: label}
	}
	return spec
}

func TestOperatorsSeeWhatEachKeyDoes(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.threeKeys(t))
	listed := func(serving bool) (lines []string) {
		all, err := d.keyring(serving).ListKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range all {
			lines = append(lines, fmt.Sprintf("%s %s %s %t", k.Name, k.Algorithm, k.State, k.Kept))
		}
		return lines
	}
	if got, want := listed(true), []string{"own EdDSA signing false", "main ES256 signing true", "spare ES256 signing true"}; !slices.Equal(got, want) {
		t.Errorf("a daemon lists %q, want %q", got, want)
	}
	if got, want := listed(false), []string{"main ES256 signing true", "spare ES256 signing true"}; !slices.Equal(got, want) {
		t.Errorf("storage lists %q, want %q", got, want)
	}
}

func TestAnOrderNamesTheKeyThatIsMeant(t *testing.T) {
	d := newDoor(t)
	spec := d.threeKeys(t)
	d.Serve(t, spec)
	tests := []struct {
		name    string
		order   serve.KeyOrder
		because string // of a refusal
	}{
		{"a kept key", serve.KeyOrder{Name: "main"}, ""},
		{"at once", serve.KeyOrder{Name: "spare", Now: true}, ""},
		{"none of several", serve.KeyOrder{}, "name one of main, spare"},
		{"one that is brought along", serve.KeyOrder{Name: "own"}, "replace its file to rotate it"},
		{"one that nobody declares", serve.KeyOrder{Name: "mian"}, `Did you mean "main"?`},
		{"a key that is not kept", serve.KeyOrder{Drop: "x"}, "no such signing key is kept"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, serving := range []bool{true, false} {
				if !serving && tt.order.Name == "own" {
					continue // which storage does not know
				}
				told, err := d.keyring(serving).OrderKeys(t.Context(), tt.order)
				switch {
				case tt.because == "" && (err != nil || told.Name != tt.order.Name || told.ID == ""):
					t.Errorf("serving %t: %+v, %v", serving, told, err)
				case tt.because != "" && (err == nil || !strings.Contains(err.Error(), tt.because)):
					t.Errorf("serving %t: %v, want %q", serving, err, tt.because)
				}
			}
		})
	}
	spec = d.spec() // whose only key has no name
	d.Serve(t, spec)
	if told, err := d.keyring(true).OrderKeys(t.Context(), serve.KeyOrder{}); err != nil || told.Name != "" || told.State != "next" {
		t.Errorf("the only key: %+v, %v", told, err)
	}
}

// kidsIn are the kids of an exported key set, the one that signs first.
func kidsIn(t *testing.T, content string) (kids []string) {
	t.Helper()
	keys, skipped, err := jwks.Decode([]byte(content))
	if err != nil || len(skipped) > 0 {
		t.Fatalf("%s: %v, %v", content, skipped, err)
	}
	for _, key := range keys {
		kids = append(kids, key.ID)
	}
	return kids
}

func TestPublicKeysAreExported(t *testing.T) {
	d := newDoor(t)
	d.Serve(t, d.threeKeys(t))
	next, err := d.keyring(true).OrderKeys(t.Context(), serve.KeyOrder{Name: "main"})
	if err != nil {
		t.Fatal(err)
	}
	e := d.Serve(t, d.threeKeys(t)) // with another key for own
	id := map[string]string{}
	for _, info := range e.Keys() {
		if info.State == engine.KeySigning {
			id[info.Name] = info.ID
		}
	}
	tests := []struct {
		name    string
		asked   serve.KeyExport
		kids    []string
		because string // of a refusal
	}{
		{"kept keys", serve.KeyExport{Name: "main"}, []string{id["main"], next.ID}, ""},
		{"those of a provider", serve.KeyExport{Provider: "loki"}, []string{id["main"], next.ID}, ""},
		{"one that is brought along", serve.KeyExport{Name: "own"}, []string{id["own"]}, ""},
		{"those of a provider whose key is brought along", serve.KeyExport{Provider: "odd"}, []string{id["own"]}, ""},
		{"none of several", serve.KeyExport{}, nil, "name one of own, main, spare"},
		{"one that nobody declares", serve.KeyExport{Name: "mian"}, nil, `Did you mean "main"?`},
		{"those of nobody", serve.KeyExport{Provider: "tempo"}, nil, `there is no provider "tempo"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.asked.Format = "jwks"
			got, err := d.keyring(true).ExportKeys(t.Context(), tt.asked)
			if tt.because != "" {
				if err == nil || !strings.Contains(err.Error(), tt.because) {
					t.Errorf("%v, want %q", err, tt.because)
				}
				return
			}
			if err != nil || !slices.Equal(kidsIn(t, got.Content), tt.kids) {
				t.Errorf("%s, %v, want %v", got.Content, err, tt.kids)
			}
			tt.asked.Format = "pem"
			asPEM, err := d.keyring(true).ExportKeys(t.Context(), tt.asked)
			if n := strings.Count(asPEM.Content, "-----BEGIN PUBLIC KEY-----"); err != nil || n != len(tt.kids) || strings.Contains(asPEM.Content, "PRIVATE") {
				t.Errorf("%s, %v, want %d keys", asPEM.Content, err, len(tt.kids))
			}
			tt.asked.Format = "certificate"
			certificates, err := d.keyring(true).ExportKeys(t.Context(), tt.asked)
			if tt.kids[0] == id["own"] {
				if err == nil || !strings.Contains(err.Error(), "these are brought along") {
					t.Errorf("a certificate for a key that is brought along: %v", err)
				}
				return
			}
			if n := strings.Count(certificates.Content, "-----BEGIN CERTIFICATE-----"); err != nil || n != len(tt.kids) || strings.Contains(certificates.Content, "PRIVATE") {
				t.Errorf("%s, %v, want %d certificates", certificates.Content, err, len(tt.kids))
			}
		})
	}
	if _, err := d.keyring(true).ExportKeys(t.Context(), serve.KeyExport{Name: "main", Format: "pkcs8"}); err == nil {
		t.Error("a private key can be asked for")
	}
	plain, err := d.keyring(false).ExportKeys(t.Context(), serve.KeyExport{Name: "main", Format: "jwks"})
	if err != nil || !slices.Equal(kidsIn(t, plain.Content), []string{id["main"], next.ID}) {
		t.Errorf("without a daemon: %s, %v", plain.Content, err)
	}
	if _, err := d.keyring(false).ExportKeys(t.Context(), serve.KeyExport{Provider: "loki", Format: "jwks"}); err == nil || !strings.Contains(err.Error(), "only a running daemon") {
		t.Errorf("those of a provider without a daemon: %v", err)
	}
}

// Without the configuration, and so without its secret, encrypted keys can be
// listed and dropped, and no other be put beside them.
func TestEncryptedKeysAreLeftAloneWithoutADaemon(t *testing.T) {
	d := newDoor(t)
	raw := d.Deps.SigningKeys
	sealed, _, err := storage.SealKeys(t.Context(), raw, storage.Encryption{Key: []byte("0123456789abcdef0123456789abcdef"), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	d.Deps.SigningKeys = sealed
	d.Serve(t, d.spec())
	if _, err := d.keyring(true).OrderKeys(t.Context(), serve.KeyOrder{}); err != nil {
		t.Errorf("a daemon: %v", err)
	}
	d.Deps.SigningKeys = raw
	ring := d.keyring(false)
	all, err := ring.ListKeys(t.Context())
	if err != nil || len(all) != 2 || all[0].State != "signing" {
		t.Fatalf("ListKeys = %+v, %v", all, err)
	}
	const encrypted = "only a running daemon can read them"
	if _, err := ring.OrderKeys(t.Context(), serve.KeyOrder{}); err == nil || !strings.Contains(err.Error(), encrypted) {
		t.Errorf("rotating: %v", err)
	}
	for _, format := range serve.KeyFormats() {
		if _, err := ring.ExportKeys(t.Context(), serve.KeyExport{Format: format}); err == nil || !strings.Contains(err.Error(), encrypted) {
			t.Errorf("exporting as %s: %v", format, err)
		}
	}
	if told, err := ring.OrderKeys(t.Context(), serve.KeyOrder{Drop: all[0].ID}); err != nil || told.ID != all[0].ID {
		t.Errorf("dropping: %+v, %v", told, err)
	}
	if after, err := sealed.SigningKeys(t.Context()); err != nil || len(after) != 1 {
		t.Errorf("%d keys are left, %v", len(after), err)
	}
}
