package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/enginetest"
	"github.com/m2md/m2md/engine/issuer"
)

// profiled is a source of a profile, with an iss of that kind and a key of its own.
func profiled(t testing.TB, label, profile string, line int) engine.OAuthSource {
	t.Helper()
	known, ok := issuer.Lookup(profile)
	if !ok {
		t.Fatalf("there is no profile %s", profile)
	}
	source := github(label, enginetest.NewKey(t, "k", "ES256"))
	source.Decl, source.Profile = enginetest.Declare(label, line, "issuer", "require_claims"), profile
	source.Issuer = fmt.Sprint(known.Example()["iss"])
	if known.SPIFFE {
		source.TrustDomain = "example.org"
	}
	return source
}

// require is enginetest.Require with each field at a line of its own, from
// 7000 on, in the order of the names.
func require(value map[string]any) *engine.Requirement {
	r := enginetest.Require(value)
	line := 7000
	var place func(r *engine.Requirement)
	place = func(r *engine.Requirement) {
		for i := range r.Fields {
			r.Fields[i].At = enginetest.At(line)
			line++
			place(&r.Fields[i].Requirement)
		}
		for i := range r.AnyOf {
			place(&r.AnyOf[i])
		}
	}
	place(r)
	return r
}

type object = map[string]any

func TestWhatIsRequiredOfClaimsIsCheckedAgainstTheProfile(t *testing.T) {
	never := func(summary, detail string, line int) []told { return fault(summary, detail, line) }
	tests := []struct {
		profile string
		require object
		told    []told // nothing where it is sound
	}{
		// Numbers and booleans that are strings.
		{"github-actions", object{"repository_id": "1234", "repository_owner_id": []any{"1", "2"}}, nil},
		{"github-actions", object{"repository_id": 1234}, never(`"repository_id" of GitHub Actions is a string`, `a number without quotes never matches. Write the number in quotes, as in "1234".`, 7000)},
		{"github-actions", object{"ref_protected": true}, never(`"ref_protected" of GitHub Actions is a string`, `Write it in quotes: "true" or "false".`, 7000)},
		{"gitlab", object{"ref_protected": "true", "runner_id": 5}, nil},
		{"gitlab", object{"ref_protected": true}, never(`"ref_protected" of GitLab CI is a string`, `Write it in quotes: "true" or "false".`, 7000)},
		{"gitlab", object{"runner_id": "5"}, never(`"runner_id" of GitLab CI is a number`, "Write the number without quotes.", 7000)},
		{"gitlab", object{"runner_id": enginetest.Pattern("5|6")}, never(`"runner_id" of GitLab CI is a number`, "a pattern never matches. Name the numbers in a list", 7000)},
		{"buildkite", object{"build_number": 175}, nil},
		{"buildkite", object{"build_number": "175"}, never(`"build_number" of Buildkite is a number`, "Write the number without quotes.", 7000)},
		{"google", object{"email_verified": true}, nil},
		{"google", object{"email_verified": "true"}, never(`"email_verified" of Google is a boolean`, "Write true or false, without quotes.", 7000)},
		{"circleci", object{"oidc.circleci.com/ssh-rerun": false}, nil},
		{"circleci", object{"oidc.circleci.com/ssh-rerun": enginetest.Pattern("false")}, never(`"oidc.circleci.com/ssh-rerun" of CircleCI is a boolean`, "a pattern never", 7000)},

		// Lists match by containment.
		{"circleci", object{"oidc.circleci.com/context-ids": "a"}, nil},
		{"circleci", object{"oidc.circleci.com/context-ids": []any{"a", enginetest.Pattern("b.*")}}, nil},
		{"circleci", object{"oidc.circleci.com/context-ids": 1}, never(`"oidc.circleci.com/context-ids" of CircleCI is a list of strings`, "in quotes", 7000)},
		{"gitlab", object{"aud": "a", "groups_direct": []any{"b"}}, nil},
		{"gitlab", object{"user_identities": object{"provider": "x"}}, nil}, // of whose members nothing is known
		{"gitlab", object{"user_identities": "x"}, never(`"user_identities" of GitLab CI is a list of objects`, "in braces", 7000)},

		// One of several values that is of the wrong type was meant to count, too.
		{"github-actions", object{"repository_id": []any{"1234", 5678}}, never(`"repository_id" of GitHub Actions is a string`, "a number", 7000)},
		{"github-actions", object{"repository_id": []any{object{"a": "b"}}}, never(`"repository_id" of GitHub Actions is a string`, "an object never matches. Write its value", 7000)},

		// Claims in claims.
		{"kubernetes", object{"kubernetes.io": object{"serviceaccount": object{"uid": "u"}, "namespace": []any{"a", "b"}}}, nil},
		{"kubernetes", object{"kubernetes.io": "x"}, never(`"kubernetes.io" of Kubernetes service accounts is an object`, "in braces", 7000)},
		{"kubernetes", object{"kubernetes.io": object{"pod": object{"name": 1}}}, never(`"kubernetes.io"."pod"."name" of Kubernetes service accounts is a string`, "in quotes", 7002)},
		{"kubernetes", object{"kubernetes.io": []any{object{"namespace": "a"}, object{"namespace": true}}}, never(`"kubernetes.io"."namespace" of Kubernetes service accounts is a string`, "in quotes", 7002)},
		{"kubernetes", object{"sub": object{"a": "b"}}, never(`"sub" of Kubernetes service accounts is a string`, "an object never matches", 7000)},
		{"kubernetes", object{"kubernetes.io": object{"namespce": "a"}}, warning(`no token of Kubernetes service accounts is known to have "kubernetes.io"."namespce"`, `Did you mean "namespace"?`, 7001)},
		{"kubernetes", object{"namespace": "a"}, warning(`no token of Kubernetes service accounts is known to have "namespace"`, `There is "kubernetes.io"."namespace".`, 7000)},
		{"kubernetes", object{"kubernetes.io/namespace": "a"}, warning(`no token of Kubernetes service accounts is known to have "kubernetes.io/namespace"`, "nobody gets in", 7000)},
		{"google", object{"google": object{"compute_engine": object{"project_number": 1, "project_id": "p"}}}, nil},
		{"google", object{"google": object{"compute_engine": object{"project_number": "1"}}}, never(`"google"."compute_engine"."project_number" of Google is a number`, "without quotes", 7002)},

		// Names.
		{"github-actions", object{"repositry_id": "1"}, warning(`no token of GitHub Actions is known to have "repositry_id"`, `Did you mean "repository_id"?`, 7000)},
		{"github-actions", object{"project_id": "1"}, warning(`no token of GitHub Actions is known to have "project_id"`, "oauth_source.s", 7000)},
		{"github-actions", object{"repo_property_team": "sre"}, nil}, // known by how it begins
		{"github-actions", object{"repo_property_team": true}, never(`"repo_property_team" of GitHub Actions is a string`, "in quotes", 7000)},
		{"buildkite", object{"agent_tag:queue": "x"}, nil},
		{"buildkite", object{"https://aws.amazon.com/tags": object{"principal_tags": object{"organization_slug": "acme"}}}, nil}, // as the job asks
		{"azure", object{"extn.department": "x"}, nil},                                                                           // customers add their own
		{"azure", object{"roles": "Machine", "tid": 5}, never(`"tid" of Microsoft Entra ID is a string`, "in quotes", 7001)},
		{"spiffe", object{"team": object{"name": true}}, nil}, // the standard allows any
		{"spiffe", object{"sub": enginetest.Pattern("spiffe://.*"), "aud": "m2md"}, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %v", tt.profile, tt.require), func(t *testing.T) {
			d := newDaemon(t)
			spec := oneAccess("oauth_source.s")
			spec.Sources = []engine.OAuthSource{profiled(t, "s", tt.profile, 100)}

			// Asked by the source, and the same by the access.
			spec.Sources[0].Require = require(tt.require)
			_, found := d.Compile(spec)
			checkTold(t, found, tt.told)
			spec.Sources[0].Require, spec.Providers[0].Accesses[0].Require = nil, require(tt.require)
			_, found = d.Compile(spec)
			checkTold(t, found, tt.told)
		})
	}
}

// checkTold compares findings with what is expected of them.
func checkTold(t *testing.T, found engine.Findings, want []told) {
	t.Helper()
	if len(found) != len(want) {
		t.Fatalf("told %d findings, want %d:\n%s", len(found), len(want), explain(found))
	}
	for i, one := range want {
		got := found[i]
		if got.Severity != one.severity || got.Summary != one.summary || !strings.Contains(got.Detail, one.detail) || got.At != enginetest.At(one.line) {
			t.Errorf("told %s, want %s: %s: …%s… at line %d", explain(found[i:i+1]), one.severity, one.summary, one.detail, one.line)
		}
	}
	checkProse(t, found)
}

// What an access requires is checked for each source that it names, and told once.
func TestAnAccessOfSeveralSourcesIsCheckedForEach(t *testing.T) {
	d := newDaemon(t)
	base := func(from ...string) engine.Spec {
		spec := oneAccess(from...)
		spec.Accounts = []engine.ServiceAccount{{Decl: enginetest.Declare("ci", 10)}}
		spec.Sources = []engine.OAuthSource{
			profiled(t, "gl", "gitlab", 100), profiled(t, "gl_own", "gitlab", 200), profiled(t, "gh", "github-actions", 300), profiled(t, "bk", "buildkite", 400),
		}
		spec.Sources[1].Issuer = "https://gitlab.example"
		spec.Certificates = []engine.VerificationCertificate{{
			Decl: enginetest.Declare("partner", 500), Trust: engine.Trust{Issuer: "https://partner.example", Audiences: []string{audience}},
			Certificate: engine.File{Content: engine.Secret(enginetest.NewKey(t, "", "ES256").PublicPEM())},
		}}
		return spec
	}
	tests := []struct {
		name    string
		from    []string
		require object
		told    []told
	}{
		{"two of one kind", []string{"oauth_source.gl", "oauth_source.gl_own", "oauth_source.gl"}, object{"ref_protected": true},
			fault(`"ref_protected" of GitLab CI is a string`, "Tokens of oauth_source.gl and oauth_source.gl_own have it so", 7000)},
		{"two kinds, both of which send strings", []string{"oauth_source.gl", "oauth_source.gh"}, object{"ref_protected": true},
			append(fault(`"ref_protected" of GitLab CI is a string`, "Tokens of oauth_source.gl have", 7000), fault(`"ref_protected" of GitHub Actions is a string`, "Tokens of oauth_source.gh have", 7000)...)},
		{"two kinds, one of which knows the claim", []string{"oauth_source.gl", "oauth_source.gh"}, object{"repository_id": "1"},
			warning(`no token of GitLab CI is known to have "repository_id"`, "from oauth_source.gl.", 7000)},
		{"a kind and who has none", []string{"oauth_source.gl", "verification_certificate.partner"}, object{"team": "sre"},
			warning(`no token of GitLab CI is known to have "team"`, "from oauth_source.gl.", 7000)},
		{"a value for one kind, and one for who has none", []string{"oauth_source.gl", "verification_certificate.partner"}, object{"ref_protected": []any{"true", true}}, nil},
		{"a value for each of two kinds", []string{"oauth_source.bk", "oauth_source.gl"}, object{"job_id": []any{"302", 175}}, nil},
		{"a value for nobody", []string{"oauth_source.gl"}, object{"ref_protected": []any{"true", true}},
			fault(`"ref_protected" of GitLab CI is a string`, "true or false", 7000)},
		{"sources that do not exist", []string{"oauth_source.none"}, object{"ref_protected": true},
			fault("oauth_source.none is not declared", "", 9000)},
		{"who has no profile", []string{"verification_certificate.partner"}, object{"whatever": true}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := base(tt.from...)
			spec.Providers[0].Accesses[0].Require = require(tt.require)
			_, found := d.Compile(spec)
			checkTold(t, found, tt.told)
		})
	}
	t.Run("an account's tokens", func(t *testing.T) {
		spec := base("service_account.ci")
		spec.Accounts[0].JWTs = []engine.AccountJWT{{
			Decl: enginetest.Declare("", 15, "source", "require_claims"), Source: &enginetest.Refs("oauth_source.gl")[0],
			Require: require(object{"ref_protected": true}),
		}}
		_, found := d.Compile(spec)
		checkTold(t, found, fault(`"ref_protected" of GitLab CI is a string`, "quotes", 7000))

		spec.Accounts[0].JWTs[0].Require = enginetest.Require(object{"project_id": "1"})
		spec.Sources[0].Require = enginetest.Require(object{"project_id": "2"})
		_, found = d.Compile(spec)
		checkTold(t, found, warning(`oauth_source.gl never gets in by service_account "ci"`, `"project_id"`, 9000))

		spec.Sources[0].Require = nil
		spec.Providers[0].Accesses[0].Require = require(object{"ref_protected": true, "project_idd": "1"})
		_, found = d.Compile(spec)
		checkTold(t, found, append(warning(`no token of GitLab CI is known to have "project_idd"`, `Did you mean "project_id"?`, 7000),
			fault(`"ref_protected" of GitLab CI is a string`, "quotes", 7001)...))
	})
	t.Run("a place that is not known is that of the attribute", func(t *testing.T) {
		spec := base("oauth_source.gl")
		spec.Providers[0].Accesses[0].Decl = enginetest.Declare("all", 2, "from", "require_claims")
		spec.Providers[0].Accesses[0].Require = enginetest.Require(object{"ref_protected": true})
		_, found := d.Compile(spec)
		checkTold(t, found, fault(`"ref_protected" of GitLab CI is a string`, "quotes", 4))
	})
}

func TestRequirementsThatContradictEachOtherAreToldOf(t *testing.T) {
	never := func(claim string) []told {
		return warning(`oauth_source.s never gets in by access "all"`, "no value of "+claim+" is right for both", 9000)
	}
	tests := []struct {
		name           string
		profile        string // "" for none
		source, access object
		told           []told
	}{
		{"one owner and another", "github-actions", object{"repository_owner_id": "1"}, object{"repository_owner_id": "2"}, never(`"repository_owner_id"`)},
		{"one owner and the same", "github-actions", object{"repository_owner_id": "1"}, object{"repository_owner_id": "1"}, nil},
		{"several owners and one of them", "github-actions", object{"repository_owner_id": []any{"1", "2"}}, object{"repository_owner_id": "2"}, nil},
		{"several owners and several others", "github-actions", object{"repository_owner_id": []any{"1", "2"}}, object{"repository_owner_id": []any{"3", "4"}}, never(`"repository_owner_id"`)},
		{"a pattern and what matches it", "github-actions", object{"ref": enginetest.Pattern("refs/heads/.*")}, object{"ref": "refs/heads/main"}, nil},
		{"a pattern and what does not match it", "github-actions", object{"ref": "refs/tags/v1"}, object{"ref": enginetest.Pattern("refs/heads/.*")}, never(`"ref"`)},
		{"two patterns", "github-actions", object{"ref": enginetest.Pattern("a")}, object{"ref": enginetest.Pattern("b")}, nil}, // which is not decided
		{"different claims", "github-actions", object{"repository_owner_id": "1"}, object{"repository_id": "2"}, nil},
		{"numbers", "buildkite", object{"build_number": 1}, object{"build_number": 2}, never(`"build_number"`)},
		{"equal numbers", "buildkite", object{"build_number": 1}, object{"build_number": 1}, nil},
		{"booleans", "circleci", object{"oidc.circleci.com/ssh-rerun": true}, object{"oidc.circleci.com/ssh-rerun": false}, never(`"oidc.circleci.com/ssh-rerun"`)},
		{"a list, which can hold both", "circleci", object{"oidc.circleci.com/context-ids": "a"}, object{"oidc.circleci.com/context-ids": "b"}, nil},
		{"what can be a list", "kubernetes", object{"aud": "a"}, object{"aud": "b"}, nil},
		{"claims in claims", "kubernetes", object{"kubernetes.io": object{"namespace": "a"}}, object{"kubernetes.io": object{"namespace": "b"}}, never(`"kubernetes.io"."namespace"`)},
		{"a sub of whatever issuer", "", object{"sub": "a"}, object{"sub": "b"}, never(`"sub"`)},
		{"a claim of who knows what", "", object{"team": "a"}, object{"team": "b"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDaemon(t)
			spec := oneAccess("oauth_source.s", "oauth_source.s")
			spec.Sources = []engine.OAuthSource{github("s", enginetest.NewKey(t, "k", "ES256"))}
			if tt.profile != "" {
				spec.Sources[0] = profiled(t, "s", tt.profile, 100)
			}
			spec.Sources[0].Require, spec.Providers[0].Accesses[0].Require = require(tt.source), require(tt.access)
			_, found := d.Compile(spec)
			checkTold(t, found, tt.told)
		})
	}
}
