package issuer_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine/issuer"
)

func TestAnIssuerMatchesItsFormAndNothingNearIt(t *testing.T) {
	const id, other = "0f0f0f0f-0000-4000-8000-000000000000", "72f988bf-86f1-41af-91ab-2d7cd011db47"
	tests := []struct {
		profile, iss string
		want         bool
	}{
		{"github-actions", "https://token.actions.githubusercontent.com", true},
		{"github-actions", "https://token.actions.githubusercontent.com/octocat-inc", true}, // an enterprise's
		{"github-actions", "https://token.actions.octocorp.ghe.com", true},
		{"github-actions", "https://github.example.com/_services/token", true},
		{"github-actions", "https://github.example.com:8443/_services/token", true},
		{"github-actions", "https://token.actions.githubusercontent.com.evil.test", false},
		{"github-actions", "https://token.actions.githubusercontent.com/", false},
		{"github-actions", "https://token.actions.githubusercontent.com/a/b", false},
		{"github-actions", "http://token.actions.githubusercontent.com", false},
		{"github-actions", "https://token-actions.githubusercontent.com", false}, // the dot is a dot
		{"github-actions", "https://token.actions.evil.test/.ghe.com", false},
		{"github-actions", "https://token.actions.githubusercontent.com\n", false},
		{"github-actions", "https://evil.test#/_services/token", false},
		{"github-actions", "https://a@evil.test/_services/token", false},
		{"github-actions", "https://github.example.com/_services/token/", false},
		{"github-actions", "http://github.example.com/_services/token", false},
		{"github-actions", "https://github.example.com/x/_services/token", false},
		{"github-actions", "https://gitlab.com", false},
		{"gitlab", "https://gitlab.com", true},
		{"gitlab", "https://gitlab.example.com", true},
		{"gitlab", "https://example.com/gitlab", true}, // a relative URL
		{"gitlab", "https://gitlab.com/", false},
		{"gitlab", "http://gitlab.example.com", false},
		{"gitlab", "gitlab.com", false}, // what CI_JOB_JWT had
		{"kubernetes", "https://kubernetes.default.svc.cluster.local", true},
		{"kubernetes", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE86F27C29EF05B482628D9790EA7066", true},
		{"kubernetes", "https://eastus.oic.prod-aks.azure.com/" + id + "/" + other + "/", true}, // with the slash
		{"kubernetes", "https://container.googleapis.com/v1/projects/acme-prod/locations/europe-west1/clusters/main", true},
		{"kubernetes", "kubernetes/serviceaccount", false}, // tokens without an end
		{"kubernetes", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE/", false},
		{"kubernetes", "http://kubernetes.default.svc", false},
		{"circleci", "https://oidc.circleci.com/org/" + id, true},
		{"circleci", "https://oidc.circleci.com", true},
		{"circleci", "https://oidc.circleci.com/org/" + id + "/", false},
		{"circleci", "https://oidc.circleci.com/org/ORG", false},
		{"circleci", "https://oidc.circleci.com.evil.test/org/" + id, false},
		{"circleci", "http://oidc.circleci.com/org/" + id, false},
		{"buildkite", "https://agent.buildkite.com", true},
		{"buildkite", "https://agent.buildkite.com/", false},
		{"buildkite", "https://agent.buildkite.com.evil.test", false},
		{"google", "https://accounts.google.com", true},
		{"google", "accounts.google.com", true},
		{"google", "http://accounts.google.com", false},
		{"google", "https://accounts.google.com/", false},
		{"azure", "https://login.microsoftonline.com/" + id + "/v2.0", true},
		{"azure", "https://sts.windows.net/" + id + "/", true}, // with the slash
		{"azure", "https://sts.windows.net/" + id, false},
		{"azure", "https://login.microsoftonline.com/" + id + "/v2.0/", false},
		{"azure", "https://login.microsoftonline.com/common/v2.0", false}, // no token has it
		{"azure", "https://login.microsoftonline.com/{tenantid}/v2.0", false},
		{"azure", "https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0", false}, // no token has a name
		{"terraform", "https://app.terraform.io", true},
		{"terraform", "https://tfe.example.com", true},
		{"terraform", "https://app.terraform.io/", false},
		{"terraform", "http://app.terraform.io", false},
		{"spiffe", "https://oidc-discovery.example.org", true},
		{"spiffe", "spiffe://example.org", false},
		{"forgejo", "https://codeberg.org/api/actions", true},
		{"forgejo", "https://example.com/forgejo/api/actions", true},
		{"forgejo", "https://codeberg.org/api/actions/", false},
		{"forgejo", "https://gitea.example.com/api/actions/oidc", false}, // Gitea's
		{"forgejo", "https://codeberg.org", false},
	}
	for _, tt := range tests {
		t.Run(tt.profile+" "+tt.iss, func(t *testing.T) {
			p, ok := issuer.Lookup(tt.profile)
			if !ok || p.MatchesIssuer(tt.iss) != tt.want {
				t.Errorf("MatchesIssuer(%q) = %t, want %t", tt.iss, !tt.want, tt.want)
			}
		})
	}
}

func TestTheKeysOfAnIssuerAreWhereItHasThem(t *testing.T) {
	const id = "0f0f0f0f-0000-4000-8000-000000000000"
	tests := []struct{ profile, iss, wellKnown, jwks string }{
		{"github-actions", "https://token.actions.githubusercontent.com", "https://token.actions.githubusercontent.com/.well-known/openid-configuration", "https://token.actions.githubusercontent.com/.well-known/jwks"},
		{"github-actions", "https://github.example.com/_services/token", "https://github.example.com/_services/token/.well-known/openid-configuration", "https://github.example.com/_services/token/.well-known/jwks"},
		{"github-actions", "https://token.actions.githubusercontent.com/octocat-inc", "https://token.actions.githubusercontent.com/octocat-inc/.well-known/openid-configuration", ""},
		{"gitlab", "https://example.com/gitlab", "https://example.com/gitlab/.well-known/openid-configuration", "https://example.com/gitlab/oauth/discovery/keys"},
		{"kubernetes", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE/.well-known/openid-configuration", "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE/keys"},
		{"kubernetes", "https://eastus.oic.prod-aks.azure.com/" + id + "/" + id + "/", "https://eastus.oic.prod-aks.azure.com/" + id + "/" + id + "/.well-known/openid-configuration", ""},
		{"kubernetes", "https://kubernetes.default.svc", "https://kubernetes.default.svc/.well-known/openid-configuration", ""},
		{"circleci", "https://oidc.circleci.com/org/" + id, "https://oidc.circleci.com/org/" + id + "/.well-known/openid-configuration", "https://oidc.circleci.com/org/" + id + "/.well-known/jwks-pub.json"},
		{"buildkite", "https://agent.buildkite.com", "https://agent.buildkite.com/.well-known/openid-configuration", "https://agent.buildkite.com/.well-known/jwks"},
		{"google", "accounts.google.com", "https://accounts.google.com/.well-known/openid-configuration", "https://www.googleapis.com/oauth2/v3/certs"},
		{"azure", "https://login.microsoftonline.com/" + id + "/v2.0", "https://login.microsoftonline.com/" + id + "/v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/" + id + "/discovery/v2.0/keys"},
		{"azure", "https://sts.windows.net/" + id + "/", "https://login.microsoftonline.com/" + id + "/.well-known/openid-configuration", ""},
		{"terraform", "https://tfe.example.com", "https://tfe.example.com/.well-known/openid-configuration", "https://tfe.example.com/.well-known/jwks"},
		{"spiffe", "https://oidc.example.org", "https://oidc.example.org/.well-known/openid-configuration", "https://oidc.example.org/keys"},
		{"forgejo", "https://codeberg.org/api/actions", "https://codeberg.org/api/actions/.well-known/openid-configuration", "https://codeberg.org/api/actions/.well-known/keys"},
		{"buildkite", "https://evil.test", "", ""},
		{"azure", "https://login.microsoftonline.com/${0}/v2.0", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.profile+" "+tt.iss, func(t *testing.T) {
			p, ok := issuer.Lookup(tt.profile)
			if wellKnown, jwks := p.WellKnownURL(tt.iss), p.JWKSURL(tt.iss); !ok || wellKnown != tt.wellKnown || jwks != tt.jwks {
				t.Errorf("discovery at %q, keys at %q, want %q and %q", wellKnown, jwks, tt.wellKnown, tt.jwks)
			}
		})
	}
}

// Where a shared profile is known by its iss, it must be by its keys too.
func TestTheKeysOfASharedIssuerAreKnownAsShared(t *testing.T) {
	found := 0
	for name, p := range all() {
		for _, iss := range p.Issuers {
			for _, address := range []string{p.JWKSURL(iss), p.WellKnownURL(iss)} {
				if address == "" {
					continue
				}
				found++
				if of, ok := issuer.SharedKeySet(address); !ok || of.Name != name {
					t.Errorf("%s: %s is not known to be for many tenants", name, address)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("looked at %d addresses", found)
	}
}

// An expression that is not anchored, or anchored at one of its halves only,
// lets a name in that only holds the right one.
func TestEveryPatternIsAnchored(t *testing.T) {
	anchored := func(t *testing.T, form issuer.Form) {
		t.Helper()
		if form.Pattern == "" && form.Text != "" {
			return // compared byte for byte
		}
		inner, begins := strings.CutPrefix(form.Pattern, `\A(?:`)
		inner, ends := strings.CutSuffix(inner, `)\z`)
		// What is between compiles alone: "a)|(?:b" would not.
		if _, err := regexp.Compile(inner); err != nil || !begins || !ends || inner == "" || form.Text == "" {
			t.Errorf("%q is not anchored: %s (%v)", form.Text, form.Pattern, err)
		}
	}
	for name, p := range all() {
		t.Run(name, func(t *testing.T) {
			if len(p.IssuerForms) == 0 {
				t.Error("it has no form of iss")
			}
			for _, form := range p.IssuerForms {
				anchored(t, form.Form)
				if u, err := url.Parse(strings.NewReplacer("${0}", "https://example.com", "${tenant}", "t").Replace(form.WellKnown)); err != nil || u.Scheme != "https" {
					t.Errorf("%s: discovery at %q", form.Text, form.WellKnown)
				}
			}
			for _, form := range p.DefaultAudiences {
				anchored(t, form)
			}
		})
	}
}

func TestAnAudienceThatManyGetIsKnown(t *testing.T) {
	tests := []struct {
		profile, aud string
		want         bool
	}{
		{"github-actions", "https://github.com/octo-org", true},
		{"github-actions", "https://github.com/octo-org/repo", false},
		{"github-actions", "https://auth.example.com", false},
		{"gitlab", "https://gitlab.com", true},
		{"kubernetes", "https://kubernetes.default.svc.cluster.local", true},
		{"kubernetes", "m2md", false},
		{"circleci", "c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e", true},
		{"buildkite", "https://buildkite.com/acme-inc", true},
		{"google", "https://auth.example.com", false},
		{"azure", "api://AzureADTokenExchange", true},
		{"azure", "https://management.azure.com/", true},
		{"terraform", "aws.workload.identity", true},
		{"terraform", "m2md", false},
		{"spiffe", "spiffe://example.org/m2md", false},
		{"forgejo", "https://codeberg.org/acme", true},
	}
	for _, tt := range tests {
		p, ok := issuer.Lookup(tt.profile)
		if !ok || p.DefaultAudience(tt.aud) != tt.want {
			t.Errorf("%s: DefaultAudience(%q) = %t, want %t", tt.profile, tt.aud, !tt.want, tt.want)
		}
	}
}

func TestAnAudienceOfSomebodyElseIsKnown(t *testing.T) {
	tests := []struct{ aud, party string }{
		{"sts.amazonaws.com", "AWS"},
		{"api://AzureADTokenExchange", "Microsoft Entra ID"},
		{"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q", "Google Cloud"},
		{"https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q", "Google Cloud"},
		{"sigstore", "Sigstore"},
		{"pypi", "PyPI"},
		{"https://auth.example.com", ""},
		{"https://iam.googleapis.com.evil.test/", ""},
		{"m2md", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if party, ok := issuer.ForeignAudience(tt.aud); party != tt.party || ok != (tt.party != "") {
			t.Errorf("ForeignAudience(%q) = %q, %t, want %q", tt.aud, party, ok, tt.party)
		}
	}
}
