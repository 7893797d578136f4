package issuer

import "time"

// githubActions is GitHub Actions: every repository's on github.com, every one
// of the instance on GitHub Enterprise Server.
//
// Seen in https://docs.github.com/actions/reference/security/oidc (github/docs,
// content/actions/reference/security/oidc.md at 051718f2): the issuers, with
// the enterprise's slug and on ghe.com, the claims, the default audience, the
// immutable sub.
func githubActions() Profile {
	return Profile{
		Name:     "github-actions",
		Title:    "GitHub Actions",
		Shared:   true,
		Issuers:  []string{"https://token.actions.githubusercontent.com"},
		KeyHosts: []string{"token.actions.githubusercontent.com"},
		IssuerForms: []IssuerForm{
			{exactly("https://token.actions.githubusercontent.com"), wellKnown, "${0}/.well-known/jwks"},
			// One enterprise's, where it is set so (include_enterprise_slug). The
			// address of its keys is not documented.
			{Form{"https://token.actions.githubusercontent.com/ENTERPRISE", whole(`https://token\.actions\.githubusercontent\.com/[A-Za-z0-9_-]+`)}, wellKnown, ""},
			// Data residency. The address of its keys is not documented.
			{Form{"https://token.actions.SUBDOMAIN.ghe.com", whole(`https://token\.actions\.[a-z0-9-]+\.ghe\.com(?:/[A-Za-z0-9_-]+)?`)}, wellKnown, ""},
			// GitHub Enterprise Server. That its keys are there was seen in public
			// configurations (kyma-project's for github.tools.sap), not in GitHub's
			// documentation.
			{Form{"https://HOST/_services/token", whole(`https://` + authority + `/_services/token`)}, wellKnown, "${0}/.well-known/jwks"},
		},
		// "the URL of the repository owner". On GitHub Enterprise Server it is
		// https://HOST/OWNER, whose form says nothing.
		DefaultAudiences: []Form{{"https://github.com/OWNER", whole(`https://github\.com/[A-Za-z0-9_-]+`)}},
		// A job asks for as many as it wants, each with its own jti.
		Replay: SingleUse,
		// From iat to exp in the documented tokens.
		Lifetime: 5 * time.Minute,
		claims:   githubClaims,
		example:  githubExample,
	}
}

// githubClaims are all strings, numbers and booleans too, but for the dates.
// What GitHub Enterprise Server signs depends on its version; always means
// github.com.
func githubClaims() []Claim {
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: String, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		{Path: path("jti"), Type: String, Kind: Protocol},
		// repo:OWNER@ID/REPO@ID:… for repositories made, renamed or transferred
		// after 2026-07-15, repo:OWNER/REPO:… for others and on GitHub Enterprise
		// Server, and anything else by include_claim_keys.
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},

		{Path: path("repository"), Type: String, Kind: MutableName, Stable: path("repository_id"), PinsTenant: true},
		{Path: path("repository_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("repository_owner"), Type: String, Kind: MutableName, Stable: path("repository_owner_id"), PinsTenant: true},
		{Path: path("repository_owner_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("repository_visibility"), Type: String, Kind: Attribute},
		{Path: path("enterprise"), Type: String, Kind: MutableName, Stable: path("enterprise_id"), PinsTenant: true, When: "when the owner belongs to an enterprise"},
		{Path: path("enterprise_id"), Type: String, Kind: StableID, PinsTenant: true, When: "when the owner belongs to an enterprise"},
		// Custom properties. Even booleans ("true") and lists ("a,b") are strings.
		// Repositories of any owner may have a property of this name.
		{Path: path("repo_property_"), Prefix: true, Type: String, Kind: Attribute, When: "when the owner includes the custom property, and the repository has it"},

		{Path: path("ref"), Type: String, Kind: Ref},
		{Path: path("ref_type"), Type: String, Kind: Attribute},
		// Not documented; seen in tokens (of 2024-04, in huydd79/conjur-authn-jwt).
		{Path: path("ref_protected"), Type: String, Kind: Protection, When: "on github.com, though it is not documented"},
		// Not in the table of claims, but in the documented tokens.
		{Path: path("sha"), Type: String, Kind: Commit},
		{Path: path("base_ref"), Type: String, Kind: Event}, // "" but for pull requests
		{Path: path("head_ref"), Type: String, Kind: Event}, // "" but for pull requests
		{Path: path("event_name"), Type: String, Kind: Event},
		{Path: path("environment"), Type: String, Kind: Environment, When: "when the job names an environment"},

		{Path: path("workflow"), Type: String, Kind: Workflow},
		{Path: path("workflow_ref"), Type: String, Kind: Workflow, Stable: path("repository_id"), PinsTenant: true},
		{Path: path("workflow_sha"), Type: String, Kind: Workflow},
		// Documented for reusable workflows; other tokens have it too, equal to
		// workflow_ref (same source as ref_protected). It pins no tenant: any
		// repository may call a public workflow.
		{Path: path("job_workflow_ref"), Type: String, Kind: Workflow},
		{Path: path("job_workflow_sha"), Type: String, Kind: Workflow},

		{Path: path("actor"), Type: String, Kind: Actor, Stable: path("actor_id")},
		{Path: path("actor_id"), Type: String, Kind: Actor},
		{Path: path("run_id"), Type: String, Kind: Run},
		{Path: path("run_number"), Type: String, Kind: Run},
		{Path: path("run_attempt"), Type: String, Kind: Run},
		{Path: path("check_run_id"), Type: String, Kind: Run, When: "on github.com, and on newer versions of GitHub Enterprise Server"},
		{Path: path("runner_environment"), Type: String, Kind: Runner},
	}
}

func githubExample() map[string]any {
	return map[string]any{
		"iss": "https://token.actions.githubusercontent.com",
		"aud": "https://auth.example.com",
		"exp": exampleTime(5 * time.Minute),
		"iat": exampleTime(0),
		"nbf": exampleTime(-10 * time.Minute), // as in the documented tokens
		"jti": "6f4762ed-0758-4ccb-808d-ee3af5d723a8",
		"sub": "repo:acme@1234/api@5678:ref:refs/heads/main",

		"repository":            "acme/api",
		"repository_id":         "5678",
		"repository_owner":      "acme",
		"repository_owner_id":   "1234",
		"repository_visibility": "private",
		"ref":                   "refs/heads/main",
		"ref_type":              "branch",
		"ref_protected":         "true",
		"sha":                   "37e804e2c3d53a01264ac9dedd5f9a59eacbd0a3",
		"base_ref":              "",
		"head_ref":              "",
		"event_name":            "push",
		"workflow":              "deploy",
		"workflow_ref":          "acme/api/.github/workflows/deploy.yml@refs/heads/main",
		"workflow_sha":          "37e804e2c3d53a01264ac9dedd5f9a59eacbd0a3",
		"job_workflow_ref":      "acme/api/.github/workflows/deploy.yml@refs/heads/main",
		"job_workflow_sha":      "37e804e2c3d53a01264ac9dedd5f9a59eacbd0a3",
		"actor":                 "bo",
		"actor_id":              "9",
		"run_id":                "8678864795",
		"run_number":            "19",
		"run_attempt":           "1",
		"check_run_id":          "23810044216",
		"runner_environment":    "github-hosted",
	}
}
