package issuer_test

import (
	"iter"
	"net/url"
	"slices"
	"testing"

	"github.com/m2md/m2md/engine/issuer"
)

// all gives every profile by its name.
func all() iter.Seq2[string, issuer.Profile] {
	return func(yield func(string, issuer.Profile) bool) {
		for _, name := range issuer.Names() {
			if p, _ := issuer.Lookup(name); !yield(name, p) {
				return
			}
		}
	}
}

func TestEveryProfileIsFoundByItsName(t *testing.T) {
	names := issuer.Names()
	want := []string{"azure", "buildkite", "circleci", "forgejo", "github-actions", "gitlab", "google", "kubernetes", "spiffe", "terraform"}
	if !slices.Equal(names, want) {
		t.Fatalf("Names() = %v, want %v", names, want)
	}
	for _, name := range names {
		p, ok := issuer.Lookup(name)
		if !ok || p.Name != name || p.Title == "" {
			t.Errorf("Lookup(%q) = %+v, %t", name, p, ok)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("Names() = %v, want them in order, each once", names)
	}
	for _, name := range []string{"", "github", "GitLab"} {
		if p, ok := issuer.Lookup(name); ok {
			t.Errorf("Lookup(%q) found %q", name, p.Name)
		}
	}
}

func TestAnIssuerThatSignsForEverybodyIsKnownAsShared(t *testing.T) {
	tests := []struct{ iss, profile string }{
		{"https://token.actions.githubusercontent.com", "github-actions"},
		{"https://gitlab.com", "gitlab"},
		{"https://accounts.google.com", "google"},
		{"accounts.google.com", "google"}, // the older form, which Google still signs
		{"https://agent.buildkite.com", "buildkite"},
		{"https://app.terraform.io", "terraform"},
		{"https://app.eu.terraform.io", "terraform"},
		{"https://oidc.circleci.com", "circleci"}, // what --root-issuer gives
		{"https://login.microsoftonline.com/common/v2.0", "azure"},
		{"https://login.microsoftonline.com/organizations/v2.0", "azure"},
		{"https://login.microsoftonline.com/0f0f0f0f-0000-4000-8000-000000000000/v2.0", ""}, // one tenant's
		{"https://gitlab.com/", ""},                                                         // iss is compared byte for byte
		{"https://gitlab.example.com", ""},
		{"https://oidc.circleci.com/org/0f0f0f0f-0000-4000-8000-000000000000", ""}, // one organization's
		{"https://kubernetes.default.svc.cluster.local", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.iss, func(t *testing.T) {
			p, ok := issuer.SharedIssuer(tt.iss)
			if p.Name != tt.profile || ok != (tt.profile != "") {
				t.Errorf("SharedIssuer(%q) = %q, %t, want %q", tt.iss, p.Name, ok, tt.profile)
			}
		})
	}
}

func TestAKeySetOfManyTenantsIsKnownByItsHost(t *testing.T) {
	tests := []struct{ address, profile string }{
		{"https://token.actions.githubusercontent.com/.well-known/jwks", "github-actions"},
		{"https://TOKEN.Actions.githubusercontent.com.:443/.well-known/jwks", "github-actions"}, // the same host
		{"https://www.googleapis.com/oauth2/v3/certs", "google"},
		{"https://login.microsoftonline.com/0f0f0f0f-0000-4000-8000-000000000000/discovery/v2.0/keys", "azure"},
		{"https://gitlab.com.example.net/oauth/discovery/keys", ""},
		{"https://oidc.circleci.com/org/0f0f/.well-known/jwks-pub.json", "circleci"}, // nobody says that they are one organization's
		{"://", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.address, func(t *testing.T) {
			p, ok := issuer.SharedKeySet(tt.address)
			if p.Name != tt.profile || ok != (tt.profile != "") {
				t.Errorf("SharedKeySet(%q) = %q, %t, want %q", tt.address, p.Name, ok, tt.profile)
			}
		})
	}
}

func TestOnlyAnIssuerThatNamesTheTenantNarrowsASharedProfile(t *testing.T) {
	tests := []struct {
		profile, iss string
		any          bool
	}{
		{"azure", "https://login.microsoftonline.com/0f0f0f0f-0000-4000-8000-000000000000/v2.0", false},
		{"azure", "https://login.microsoftonline.com/common/v2.0", true},
		{"github-actions", "https://token.actions.githubusercontent.com", true},
		{"gitlab", "https://gitlab.example.com", true}, // any project of that instance
		{"kubernetes", "https://kubernetes.default.svc.cluster.local", false},
		{"circleci", "https://oidc.circleci.com/org/0f0f", false},
		{"circleci", "https://oidc.circleci.com", true},
	}
	for _, tt := range tests {
		p, ok := issuer.Lookup(tt.profile)
		if !ok || p.AnyTenant(tt.iss) != tt.any {
			t.Errorf("%s: AnyTenant(%q) = %t, want %t", tt.profile, tt.iss, !tt.any, tt.any)
		}
	}
}

// Data that contradicts itself would be believed by whoever reads only one field.
func TestProfilesDoNotContradictThemselves(t *testing.T) {
	for name, p := range all() {
		if known := len(p.Issuers) > 0 || len(p.KeyHosts) > 0; known && !p.Shared {
			t.Errorf("%s lists shared issuers or hosts, but is not shared", name)
		}
		if p.Shared && !slices.ContainsFunc(p.Claims(), func(c issuer.Claim) bool { return c.PinsTenant }) {
			t.Errorf("%s is shared, but none of its claims pins the tenant", name)
		}
		if p.IssuerPinsTenant && !p.Shared {
			t.Errorf("%s: its issuer pins a tenant, but it is not shared", name)
		}
		for _, host := range p.KeyHosts {
			if u, err := url.Parse("https://" + host); err != nil || u.Hostname() != host {
				t.Errorf("%s: %q is not a bare host", name, host)
			}
		}
	}
}
