package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/jwks"
)

func TestWhereKeysArePublishedIsSaidByTheNearestThatKnows(t *testing.T) {
	source := func(profile, issuer string, attributes ...string) engine.OAuthSource {
		s := engine.OAuthSource{Decl: engine.Decl{Label: "x", Attrs: map[string]engine.Range{}}, Profile: profile, Trust: engine.Trust{Issuer: issuer}}
		for _, name := range attributes {
			s.Attrs[name] = engine.Range{}
		}
		return s
	}
	remote := source("", "https://a.example", "oidc_jwks_url")
	remote.JWKSURL = "https://a.example/keys"
	absent := source("", "https://a.example", "oidc_jwks_url")
	absent.Unknown = map[string]bool{"oidc_jwks_url": true}
	const github = "https://token.actions.githubusercontent.com"
	tests := []struct {
		name   string
		source engine.OAuthSource
		origin jwks.Origin
		from   string
		want   jwks.Config
		fault  string
	}{
		{"the source", remote, jwks.Origin{}, "", jwks.Config{URL: remote.JWKSURL, Issuer: "https://a.example"}, ""},
		{"--from before the source", remote, jwks.Origin{}, "https://b.example/keys", jwks.Config{URL: "https://b.example/keys", Issuer: "https://a.example"}, ""},
		{"--from a discovery document", remote, jwks.Origin{}, "https://b.example/.well-known/openid-configuration?x", jwks.Config{WellKnownURL: "https://b.example/.well-known/openid-configuration?x", Issuer: "https://a.example"}, ""},
		{"the pinned document before the profile", source("github-actions", github), jwks.Origin{URL: "https://c.example/keys"}, "", jwks.Config{URL: "https://c.example/keys", Issuer: github}, ""},
		{"a profile that knows the key set", source("github-actions", github), jwks.Origin{}, "", jwks.Config{URL: github + "/.well-known/jwks", Issuer: github}, ""},
		{"a profile that knows the discovery document", source("kubernetes", "https://kubernetes.default.svc"), jwks.Origin{}, "", jwks.Config{WellKnownURL: "https://kubernetes.default.svc/.well-known/openid-configuration", Issuer: "https://kubernetes.default.svc"}, ""},
		{"a profile of another issuer", source("github-actions", "https://evil.example"), jwks.Origin{}, "", jwks.Config{}, "name the URL with --from"},
		{"nobody", source("", "https://a.example"), jwks.Origin{}, "", jwks.Config{}, "name the URL with --from"},
		{"a document without the query", source("github-actions", github), jwks.Origin{URL: "https://c.example/keys", QueryLeftOut: true}, "", jwks.Config{}, "name the whole URL with --from"},
		{"a value that is absent here", absent, jwks.Origin{}, "", jwks.Config{}, "its oidc_jwks_url is absent here"},
		{"any issuer", source("", ""), jwks.Origin{WellKnownURL: "https://c.example/d"}, "", jwks.Config{WellKnownURL: "https://c.example/d", AnyIssuer: true}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := whence(tt.source, tt.origin, tt.from)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("whence: %v, want %q", err, tt.fault)
				}
				return
			}
			if err != nil || got.URL != tt.want.URL || got.WellKnownURL != tt.want.WellKnownURL || got.Issuer != tt.want.Issuer || got.AnyIssuer != tt.want.AnyIssuer {
				t.Errorf("whence = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// pinnable writes a configuration with one source of an issuer, and returns its
// folder.
func pinnable(t *testing.T, i *enginetest.Issuer, attribute, address string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "m2md.d")
	writeFile(t, filepath.Join(folder, "a.hcl"), "oauth_source \"ci\" {\n  issuer = \""+i.URL+"\"\n  "+attribute+" = \""+address+"\"\n  allow_http = true\n  audiences = [\"m2md\"]\n}\n")
	return folder
}

// m2md runs a command in this process.
func m2md(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = run(append([]string{"m2md"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

func TestPinTellsWhichKeysItSkipsAndWritesTheOthersAlone(t *testing.T) {
	good := enginetest.NewKey(t, "good", "ES256")
	issuer := enginetest.NewIssuer(t, good)
	jwk, err := json.Marshal(good.JWK())
	if err != nil {
		t.Fatal(err)
	}
	issuer.Break(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"keys":[{"kty":"oct","kid":"\u001b[2J\nsecret","k":"c2VudGluZWw"},`+string(jwk)+`,{"kty":"PQC"}],"note":"sentinel"}`)
	})
	folder := pinnable(t, issuer, "oidc_jwks_url", issuer.JWKSURL())
	out, errs, code := m2md("jwks", "pin", "--config", folder, "ci")
	if code != 0 || errs != "" || !strings.Contains(out, "Pinned 1 key of") || !strings.Contains(out, "Skipped key 1 (") || !strings.Contains(out, "symmetric") ||
		!strings.Contains(out, "Skipped key 3 (without a kid): ") || strings.ContainsAny(out, "\x1b") {
		t.Errorf("it exits with %d and says %q, %q", code, out, errs)
	}
	written := readFile(t, filepath.Join(folder, "jwks", "ci.json"))
	if keys, skipped, err := jwks.Decode([]byte(written)); err != nil || len(keys) != 1 || len(skipped) != 0 || keys[0].ID != "good" || strings.Contains(written, "sentinel") {
		t.Errorf("written is %s, %v", written, err)
	}
}

func TestPinTakesTheKeysOfTheConfiguredIssuerAlone(t *testing.T) {
	issuer := enginetest.NewIssuer(t, enginetest.NewKey(t, "a", "ES256"))
	other := enginetest.NewIssuer(t, enginetest.NewKey(t, "b", "ES256"))
	folder := pinnable(t, issuer, "oidc_well_known_url", other.WellKnownURL())
	out, errs, code := m2md("jwks", "pin", "--config", folder, "ci")
	if code != exitFault || out != "" || !strings.Contains(errs, "its issuer is another than the configured one") {
		t.Errorf("it exits with %d and says %q, %q", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(folder, "jwks")); err == nil {
		t.Error("something was written")
	}
	folder = pinnable(t, issuer, "oidc_well_known_url", issuer.WellKnownURL())
	if out, errs, code := m2md("jwks", "pin", "--config", folder, "ci"); code != 0 || !strings.Contains(out, "in the place of oidc_well_known_url") {
		t.Errorf("it exits with %d and says %q, %q", code, out, errs)
	}
}

// A daemon may read the file at any moment.
func TestAPinnedFileIsWholeAtEveryMoment(t *testing.T) {
	keys := []*enginetest.Key{enginetest.NewKey(t, "a", "ES256"), enginetest.NewKey(t, "b", "ES256")}
	issuer := enginetest.NewIssuer(t, keys...)
	folder := pinnable(t, issuer, "oidc_jwks_url", issuer.JWKSURL())
	path := filepath.Join(folder, "jwks", "ci.json")
	pin := func() {
		t.Helper()
		if _, errs, code := m2md("jwks", "pin", "--config", folder, "ci"); code != 0 {
			t.Fatalf("it exits with %d and says %q", code, errs)
		}
	}
	pin()
	stop, reader := make(chan struct{}), make(chan int)
	go func() {
		reads := 0
		defer func() { reader <- reads }()
		for ; ; reads++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Microsecond): // or it leaves the writer no processor
			}
			content, err := os.ReadFile(path)
			if err == nil {
				_, err = jwks.DecodePinned(content)
			}
			if err != nil {
				t.Errorf("read were %d bytes: %v", len(content), err)
			}
		}
	}()
	for n := range 8 {
		issuer.Publish(keys[:1+n%2]...)
		pin()
	}
	close(stop)
	if reads := <-reader; reads < 8 {
		t.Errorf("it was read %d times, which proves little", reads)
	}
}

func TestPinFollowsALinkAndKeepsIt(t *testing.T) {
	issuer := enginetest.NewIssuer(t, enginetest.NewKey(t, "a", "ES256"))
	folder := pinnable(t, issuer, "oidc_jwks_url", issuer.JWKSURL())
	writeFile(t, filepath.Join(folder, "real.json"), `{"keys":[]}`)
	link := filepath.Join(folder, "link.json")
	if err := os.Symlink("real.json", link); err != nil {
		t.Skipf("left out: no links here: %v", err)
	}
	if out, errs, code := m2md("jwks", "pin", "--config", folder, "--output", link, "ci"); code != 0 {
		t.Fatalf("it exits with %d and says %q, %q", code, out, errs)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || !strings.Contains(readFile(t, filepath.Join(folder, "real.json")), `"kid": "a"`) {
		t.Errorf("the link is no link, or the file is not written: %v", err)
	}
}

func TestManySourcesAreComparedAtATime(t *testing.T) {
	issuer := enginetest.NewIssuer(t, enginetest.NewKey(t, "a", "ES256"))
	folder := filepath.Join(t.TempDir(), "m2md.d")
	document := string(enginetest.JWKS(enginetest.NewKey(t, "old", "ES256")))
	document = strings.Replace(document, "{", `{"m2md":{"oidc_jwks_url":"`+issuer.JWKSURL()+`"},`, 1)
	const many = 3 * fetchesAtOnce
	for n := range many {
		label := "s" + string(rune('a'+n))
		writeFile(t, filepath.Join(folder, label+".json"), strings.Replace(document, `"old"`, `"old-`+label+`"`, 1))
		writeFile(t, filepath.Join(folder, label+".hcl"), "oauth_source \""+label+"\" {\n  issuer = \"https://"+label+".example\"\n  oidc_jwks_file = \""+label+".json\"\n  allow_http = true\n  audiences = [\"m2md\"]\n}\n")
	}
	issuer.Break(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Millisecond)
		w.Write(enginetest.JWKS()) //nolint:errcheck // the client tells
	})
	out, errs, code := m2md("jwks", "check", "--config", folder, "--format", "json")
	var found checkReport
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != exitFault || errs != "" || len(found.Sources) != many {
		t.Fatalf("it exits with %d, %q, %v:\n%s", code, errs, err, out)
	}
	for n, one := range found.Sources {
		if label := "s" + string(rune('a'+n)); one.Source != label || len(one.Gone) != 1 || one.Gone[0].ID != "old-"+label || one.Error != "" {
			t.Errorf("source %d is %+v", n, one)
		}
	}
}
