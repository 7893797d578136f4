package engine_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
)

func TestASPIFFEIDIsReadAsTheStandardSays(t *testing.T) {
	long := strings.Repeat("p", 2048-len("spiffe://example.org/"))
	tests := []struct {
		text         string
		domain, path string // "" where it is refused
		reason       string
	}{
		{"spiffe://example.org/ns/prod/sa/api", "example.org", "/ns/prod/sa/api", ""},
		{"spiffe://td/a", "td", "/a", ""},
		{"spiffe://my_td-1.example/A.b-c_9", "my_td-1.example", "/A.b-c_9", ""},
		{"spiffe://td/.../.a/b.", "td", "/.../.a/b.", ""}, // three dots are a name
		{"spiffe://1.2.3.4/a", "1.2.3.4", "/a", ""},
		{"spiffe://example.org/" + long, "example.org", "/" + long, ""},
		{"spiffe://" + strings.Repeat("d", 255) + "/a", strings.Repeat("d", 255), "/a", ""},

		{"", "", "", "begin with spiffe://"},
		{"example.org/ns", "", "", "begin with spiffe://"},
		{"https://example.org/ns", "", "", "begin with spiffe://"},
		{"SPIFFE://example.org/ns", "", "", "begin with spiffe://"},
		{" spiffe://example.org/ns", "", "", "begin with spiffe://"},
		{"spiffe:/example.org/ns", "", "", "begin with spiffe://"},
		{"spiffe://", "", "", "trust domain"},
		{"spiffe:///ns", "", "", "trust domain"},
		{"spiffe://Example.org/ns", "", "", "trust domain"},
		{"spiffe://example.org:8443/ns", "", "", "trust domain"},
		{"spiffe://user@example.org/ns", "", "", "trust domain"},
		{"spiffe://[::1]/ns", "", "", "trust domain"},
		{"spiffe://ex%61mple.org/ns", "", "", "trust domain"},
		{"spiffe://exämple.org/ns", "", "", "trust domain"},
		{"spiffe://example.org?/ns", "", "", "trust domain"},
		{"spiffe://example.org\\@evil/ns", "", "", "trust domain"},
		{"spiffe://" + strings.Repeat("d", 256) + "/a", "", "", "trust domain"},
		{"spiffe://example.org", "", "", "no path"},
		{"spiffe://example.org/", "", "", "empty segment"},
		{"spiffe://example.org//ns", "", "", "empty segment"},
		{"spiffe://example.org/ns//a", "", "", "empty segment"},
		{"spiffe://example.org/ns/", "", "", "empty segment"},
		{"spiffe://example.org/.", "", "", "segment of dots"},
		{"spiffe://example.org/ns/../admin", "", "", "segment of dots"},
		{"spiffe://example.org/ns/a?b=c", "", "", "something else"},
		{"spiffe://example.org/ns/a#b", "", "", "something else"},
		{"spiffe://example.org/n%73", "", "", "something else"},
		{"spiffe://example.org/ns/a b", "", "", "something else"},
		{"spiffe://example.org/ns/a\x00", "", "", "something else"},
		{"spiffe://example.org/ns/ä", "", "", "something else"},
		{"spiffe://example.org/ns/\xff", "", "", "something else"},
		{"spiffe://example.org/" + long + "p", "", "", "longer than 2048"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			id, err := engine.ParseSPIFFEID(tt.text)
			if id.TrustDomain != tt.domain || id.Path != tt.path || (err == nil) != (tt.reason == "") {
				t.Fatalf("got %+v, %v", id, err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.reason) {
				t.Errorf("got %v, want %q", err, tt.reason)
			}
		})
	}
}

// FuzzParseSPIFFEID wants of whatever is taken that it is one text only, and
// the same for who reads URLs.
func FuzzParseSPIFFEID(f *testing.F) {
	for _, seed := range []string{
		"spiffe://example.org/ns/prod/sa/api", "spiffe://td", "spiffe://td//a/../b", "spiffe://a:1/b", "spiffe://a@b/c", "spiffe://a/%2e%2e/b?c#d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := engine.ParseSPIFFEID(s)
		if err != nil {
			if id != (engine.SPIFFEID{}) || len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Errorf("got %+v and %q", id, err)
			}
			return
		}
		if id.String() != s || !engine.ValidTrustDomain(id.TrustDomain) {
			t.Errorf("%q is read as %+v", s, id)
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "spiffe" || u.Host != id.TrustDomain || u.Path != id.Path || u.JoinPath().Path != id.Path || u.String() != s {
			t.Errorf("%q is another URL, %v: %v", s, u, err)
		}
	})
}

// spire is a source of JWT-SVIDs of example.org, without an issuer.
func spire(label string, keys ...*enginetest.Key) engine.OAuthSource {
	return engine.OAuthSource{
		Decl:    enginetest.Declare(label, 100, "trust_domain"),
		Trust:   engine.Trust{TrustDomain: "example.org", Audiences: []string{audience}},
		Profile: "spiffe",
		JWKS:    engine.File{Content: engine.Secret(enginetest.JWKS(keys...))},
	}
}

func TestATrustDomainIsPinned(t *testing.T) {
	d := newDaemon(t)
	key := enginetest.NewKey(t, "", "ES256")
	key.Unpinned = true // as the keys of a bundle are
	spec := oneAccess("oauth_source.spire")
	spec.Sources = []engine.OAuthSource{spire("spire", key)}
	d.Serve(t, spec)
	now := d.Clock.Now()
	svid := map[string]any{"sub": "spiffe://example.org/ns/prod/sa/api", "aud": []any{audience}, "exp": now.Unix() + 300}
	tests := []struct {
		name    string
		changes map[string]any
		reason  string // "" where it is accepted
	}{
		{"the least that a JWT-SVID has", nil, ""},
		{"an iss that nobody asked about", map[string]any{"iss": "https://spire.example"}, ""},
		{"another trust domain", map[string]any{"sub": "spiffe://example.com/ns/prod/sa/api"}, `of the trust domain "example.com", and the source pins "example.org"`},
		{"a trust domain that begins so", map[string]any{"sub": "spiffe://example.org.evil/ns"}, "and the source pins"},
		{"a trust domain that ends so", map[string]any{"sub": "spiffe://evil.example.org/ns"}, "and the source pins"},
		{"the trust domain in another case", map[string]any{"sub": "spiffe://EXAMPLE.ORG/ns"}, "no SPIFFE ID"},
		{"the trust domain itself", map[string]any{"sub": "spiffe://example.org"}, "names no workload"},
		{"a path that climbs", map[string]any{"sub": "spiffe://example.org/ns/../admin"}, "segment of dots"},
		{"a sub of another kind", map[string]any{"sub": "repo:acme/api"}, "no SPIFFE ID"},
		{"a list of subs", map[string]any{"sub": []any{"spiffe://example.org/a"}}, `"sub" is not a string`},
		{"no sub", map[string]any{"sub": nil}, `"sub" is missing`},
		{"no aud", map[string]any{"aud": nil}, "none of the accepted"},
		{"no exp", map[string]any{"exp": nil}, `"exp" is missing`},
		{"an iss that is no string", map[string]any{"iss": 5}, `"iss" is not a string`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			jwt := key.MintWith(map[string]any{"typ": "JOSE"}, enginetest.With(svid, tt.changes))
			if tt.reason != "" {
				refused(t, d, jwt, tt.reason)
			} else if got := accepted(t, d, jwt); got.Subject != "spire/spiffe://example.org/ns/prod/sa/api" {
				t.Errorf("the subject is %q", got.Subject)
			}
		})
	}
	t.Run("an issuer beside it counts, too", func(t *testing.T) {
		spec.Sources[0].Issuer = "https://spire.example"
		d.Serve(t, spec)
		refused(t, d, key.Mint(svid), "whose issuer is")
		accepted(t, d, key.Mint(enginetest.With(svid, map[string]any{"iss": "https://spire.example"})))
	})
	t.Run("a pattern narrows the path", func(t *testing.T) {
		spec.Sources[0].Issuer, spec.Sources[0].Require = "", enginetest.Require(map[string]any{"sub": enginetest.Pattern(`spiffe://example\.org/ns/prod/.*`)})
		d.Serve(t, spec)
		accepted(t, d, key.Mint(svid))
		refused(t, d, key.Mint(enginetest.With(svid, map[string]any{"sub": "spiffe://example.org/ns/dev/sa/api"})), "require_claims of the source")
	})
}

// A source that looks at no iss is asked about every token of its provider, and
// must open no door of the others.
func TestASourceWithoutAnIssuerWeakensNoOther(t *testing.T) {
	d := newDaemon(t)
	hub, domain := enginetest.NewKey(t, "k", "ES256"), enginetest.NewKey(t, "k", "ES256")
	spec := oneAccess("oauth_source.spire", "oauth_source.gh")
	spec.Sources = []engine.OAuthSource{spire("spire", domain), github("gh", hub)}
	d.Serve(t, spec)
	job := enginetest.GitHubClaims(d.Clock.Now(), audience)
	svid := enginetest.With(job, map[string]any{"sub": "spiffe://example.org/a"})

	if got := accepted(t, d, hub.Mint(job)); got.Source != "oauth_source.gh" {
		t.Errorf("GitHub's token is of %s", got.Source)
	}
	// Whoever signs for the trust domain may say GitHub's iss, and is a workload.
	if got := accepted(t, d, domain.Mint(svid)); got.Source != "oauth_source.spire" {
		t.Errorf("the workload's token is of %s", got.Source)
	}
	refused(t, d, domain.Mint(job), "no SPIFFE ID")
	// Whoever signs for GitHub is nobody of the trust domain.
	if got := accepted(t, d, hub.Mint(svid)); got.Subject != "gh/spiffe://example.org/a" {
		t.Errorf("the subject is %q", got.Subject)
	}
	refused(t, d, hub.Mint(enginetest.With(svid, map[string]any{"iss": nil})), "no key of oauth_source.spire")
}
