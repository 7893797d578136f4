package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/hcl"
)

// sourceOf declares a source, at line 1, whose keys stand behind an attribute at
// line 3.
func sourceOf(label, issuer, attribute, url string) string {
	return fmt.Sprintf("oauth_source %q {\n  issuer     = %q\n  %s = %q\n  allow_http = true\n  audiences  = [\"https://auth.example.com\"]\n}\n"+
		"provider %q {\n  access \"x\" {\n    from = [oauth_source.%s]\n  }\n}\n", label, issuer, attribute, url, label, label)
}

// Of each source, validate --online tells at most one thing, at its line.
func TestOnlineTellsOneThingOfEachSourceAtItsLine(t *testing.T) {
	key := enginetest.NewKey(t, "one", "ES256")
	sound, hanging, stopped := enginetest.NewIssuer(t, key), enginetest.NewIssuer(t, key), enginetest.NewIssuer(t, key)
	hanging.Break(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "sentinel of a stranger", http.StatusBadGateway)
	})
	stopped.Stop()
	empty := answeringAt(t, `{"keys": [{"kty": "oct", "k": "c2VudGluZWw", "kid": "shared"}]}`, 0)
	page := answeringAt(t, `<html>sentinel of a stranger</html>`, 0)
	early := answeringAt(t, string(enginetest.JWKS(key)), -2*time.Hour)
	late := answeringAt(t, string(enginetest.JWKS(key)), 3*time.Minute)
	tests := []struct {
		name, config string
		want         []string // LINE SEVERITY ID
		says         string
	}{
		{"all is well", sourceOf("a", sound.URL, "oidc_jwks_url", sound.JWKSURL()), nil, ""},
		{"all is well by discovery", sourceOf("a", sound.URL, "oidc_well_known_url", sound.WellKnownURL()), nil, ""},
		{"another issuer in the discovery document", sourceOf("a", sound.URL+"/", "oidc_well_known_url", sound.WellKnownURL()), []string{"3 error ONL001"}, "its issuer is another than the configured one"},
		{"another issuer than the keys' calls itself", sourceOf("a", sound.URL+"/", "oidc_jwks_url", sound.JWKSURL()), []string{"2 error ONL003"}, `says "` + sound.URL + `"`},
		{"a status", sourceOf("a", hanging.URL, "oidc_jwks_url", hanging.JWKSURL()), []string{"3 error ONL001"}, "status 502"},
		{"nobody listens", sourceOf("a", stopped.URL, "oidc_jwks_url", stopped.JWKSURL()), []string{"3 error ONL001"}, "connection refused"},
		{"a page", sourceOf("a", "https://ci.example", "oidc_jwks_url", page), []string{"3 error ONL001"}, "an HTML page"},
		{"no usable key", sourceOf("a", "https://ci.invalid", "oidc_jwks_url", empty), []string{"3 error ONL002"}, `"shared"`},
		{"a clock that is behind", sourceOf("a", "https://ci.invalid", "oidc_jwks_url", early), []string{"3 warning ONL004"}, "behind"},
		{"a clock that is ahead", sourceOf("a", "https://ci.invalid", "oidc_jwks_url", late), []string{"3 warning ONL004"}, "ahead"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m2md.hcl")
			writeFile(t, path, tt.config+"server {\n  external_url = \"https://auth.example.com\"\n}\n")
			before := judgedBy(t, validation{options: hcl.Options{Path: path, WithTests: true}})
			a := judgedBy(t, validation{options: hcl.Options{Path: path, WithTests: true}, online: true})
			var got []string
			for _, one := range a.Findings {
				if slices.Contains(before.Findings, one) {
					continue
				}
				got = append(got, fmt.Sprintf("%d %s %s", one.At.Start.Line, one.Severity, one.ID))
				if !strings.Contains(one.Detail, tt.says) || strings.Contains(one.Detail, "sentinel") {
					t.Errorf("it says %q, want %q in it", one.Detail, tt.says)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q\n%s", got, tt.want, text(a))
			}
		})
	}
}

func judgedBy(t *testing.T, v validation) *assessment {
	t.Helper()
	a, err := v.judge(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answeringAt is a server with one document, by a clock that differs.
func answeringAt(t *testing.T, document string, ahead time.Duration) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, document)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// An issuer that never answers takes no longer than the bound.
func TestAskingIssuersEnds(t *testing.T) {
	issuer := enginetest.NewIssuer(t, enginetest.NewKey(t, "one", "ES256"))
	issuer.Hang()
	path := filepath.Join(t.TempDir(), "m2md.hcl")
	var config strings.Builder
	for i := range 3 * fetchesAtOnce {
		config.WriteString(sourceOf(fmt.Sprintf("s%d", i), issuer.URL, "oidc_jwks_url", issuer.JWKSURL()))
	}
	writeFile(t, path, config.String())
	a := assessed(t, path)
	asked := askIssuers(t.Context(), fetchedSources(a.Spec), 100*time.Millisecond)
	if len(asked) != 3*fetchesAtOnce {
		t.Fatalf("%d sources were asked", len(asked))
	}
	for _, one := range asked {
		if one.err == nil || !strings.Contains(one.err.Error(), "asking all issuers took longer than 100ms") {
			t.Errorf("got %v", one.err)
		}
	}
}

// What a cache says of the age of its answer explains a clock that seems late.
func TestTheAgeOfAnAnswerIsNoDifferenceOfClocks(t *testing.T) {
	key := enginetest.NewKey(t, "one", "ES256")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Header().Set("Age", "3600")
		fmt.Fprint(w, string(enginetest.JWKS(key)))
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "m2md.hcl")
	writeFile(t, path, sourceOf("a", "https://ci.invalid", "oidc_jwks_url", server.URL))
	if found := onlineFindings(askIssuers(t.Context(), fetchedSources(assessed(t, path).Spec), onlineAsks)); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}
