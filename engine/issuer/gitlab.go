package issuer

import (
	"encoding/json"
	"time"
)

// gitlab is GitLab CI: an instance signs for all its projects.
//
// Seen in https://docs.gitlab.com/ci/secrets/id_token_authentication/
// (gitlabhq/gitlabhq, doc/ci/secrets/id_token_authentication.md at 5b3014ad) and
// in the code that signs (lib/gitlab/ci/jwt.rb at 017a6c12, jwt_v2.rb at
// 1b725bd9, lib/json_web_token/user_project_token_claims.rb at 017a6c12).
func gitlab() Profile {
	return Profile{
		Name:     "gitlab",
		Title:    "GitLab CI",
		Shared:   true,
		Issuers:  []string{"https://gitlab.com"},
		KeyHosts: []string{"gitlab.com"},
		IssuerForms: []IssuerForm{
			// The address of the keys was seen in descriptions of gitlab.com's
			// discovery document (logto.io, docs.ezoidc.dev), not in GitLab's
			// documentation.
			{exactly("https://gitlab.com"), wellKnown, "${0}/oauth/discovery/keys"},
			// "the domain of the GitLab instance", which may have a relative URL, and
			// may be set to something else (ci_id_tokens.issuer_url).
			{Form{"https://HOST", whole(`https://` + authority + urlPath)}, wellKnown, "${0}/oauth/discovery/keys"},
		},
		// The documentation says "the domain of the GitLab instance by default",
		// although id_tokens requires aud.
		DefaultAudiences: []Form{exactly("https://gitlab.com"), exactly("gitlab.com")},
		// One of each kind a job: a step that is tried again presents the same.
		Replay: SingleUse,
		// The timeout of the job, whose default is an hour, or five minutes where it
		// has none.
		Lifetime: time.Hour,
		claims:   gitlabClaims,
		example:  gitlabExample,
	}
}

// gitlabClaims are strings even where they say a number or true, but for the
// dates and runner_id.
func gitlabClaims() []Claim {
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: StringOrStrings, Kind: Protocol}, // as .gitlab-ci.yml says it
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		{Path: path("jti"), Type: String, Kind: Protocol},
		// project_path:GROUP/PROJECT:ref_type:TYPE:ref:NAME, or what the project says
		// in ci_id_token_sub_claim_components.
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},
		// In the code only.
		{Path: path("target_audience"), Type: String, Kind: Protocol, When: "when GitLab itself asks, for Google Cloud"},

		// Since the fix that https://gitlab.com/gitlab-org/gitlab/-/issues/563038
		// tells of, these four are the fork's in the pipeline of a merge request from
		// a fork, and so are ref and sub.
		{Path: path("namespace_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("namespace_path"), Type: String, Kind: MutableName, Stable: path("namespace_id"), PinsTenant: true},
		{Path: path("project_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("project_path"), Type: String, Kind: MutableName, Stable: path("project_id"), PinsTenant: true},
		{Path: path("project_visibility"), Type: String, Kind: Attribute},
		// The project that the job runs in, whose code may be a fork's all the same
		// (merge request 202241, of 2025; the version is not verified).
		{Path: path("job_namespace_id"), Type: String, Kind: StableID, PinsTenant: true, When: "in versions since the end of 2025"},
		{Path: path("job_namespace_path"), Type: String, Kind: MutableName, Stable: path("job_namespace_id"), PinsTenant: true, When: "in versions since the end of 2025"},
		{Path: path("job_project_id"), Type: String, Kind: StableID, PinsTenant: true, When: "in versions since the end of 2025"},
		{Path: path("job_project_path"), Type: String, Kind: MutableName, Stable: path("job_project_id"), PinsTenant: true, When: "in versions since the end of 2025"},

		{Path: path("ref"), Type: String, Kind: Ref}, // without refs/heads/
		{Path: path("ref_type"), Type: String, Kind: Attribute},
		{Path: path("ref_path"), Type: String, Kind: Ref},             // with refs/heads/
		{Path: path("ref_protected"), Type: String, Kind: Protection}, // "true" or "false"
		{Path: path("sha"), Type: String, Kind: Commit},
		{Path: path("pipeline_source"), Type: String, Kind: Event},
		// From https://gitlab.com/gitlab-org/gitlab/-/issues/459001; the tier and the
		// version are not verified.
		{Path: path("job_source"), Type: String, Kind: Event, When: "in newer versions"},
		{Path: path("job_policy_ref_uri"), Type: String, Kind: Workflow, Nullable: true, When: "in newer versions, for jobs of a security policy"},
		{Path: path("job_policy_ref_sha"), Type: String, Kind: Workflow, Nullable: true, When: "in newer versions, for jobs of a security policy"},
		{Path: path("ci_config_ref_uri"), Type: String, Kind: Workflow, Nullable: true, Stable: path("project_id"), When: "when the definition of the pipeline is in the project"},
		{Path: path("ci_config_sha"), Type: String, Kind: Workflow, Nullable: true, When: "when the definition of the pipeline is in the project"},
		{Path: path("environment"), Type: String, Kind: Environment, When: "when the job names an environment"},
		{Path: path("environment_protected"), Type: String, Kind: Protection, When: "when the job names an environment"},
		{Path: path("environment_action"), Type: String, Kind: Phase, When: "when the job names an environment"},
		{Path: path("deployment_tier"), Type: String, Kind: Attribute, When: "when the job names an environment"},

		{Path: path("user_id"), Type: String, Kind: Actor},
		{Path: path("user_login"), Type: String, Kind: Actor, Nullable: true, Stable: path("user_id")},
		{Path: path("user_email"), Type: String, Kind: Actor, Nullable: true, Stable: path("user_id")},
		{Path: path("user_access_level"), Type: String, Kind: Actor, Nullable: true},
		{Path: path("user_identities"), Type: Objects, Kind: Actor, When: "when the user chose so"},
		{Path: path("groups_direct"), Type: Strings, Kind: Actor, Stable: path("user_id"), When: "behind a feature flag, for users of at most 200 groups"},
		{Path: path("pipeline_id"), Type: String, Kind: Run},
		{Path: path("job_id"), Type: String, Kind: Run},
		{Path: path("runner_id"), Type: Number, Kind: Runner},
		{Path: path("runner_environment"), Type: String, Kind: Runner},
	}
}

func gitlabExample() map[string]any {
	return map[string]any{
		"iss": "https://gitlab.com",
		"aud": "https://auth.example.com",
		"exp": exampleTime(time.Hour),
		"iat": exampleTime(0),
		"nbf": exampleTime(-5 * time.Second), // NOT_BEFORE_TIME
		"jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
		"sub": "project_path:acme/api:ref_type:branch:ref:main",

		"namespace_id":       "72",
		"namespace_path":     "acme",
		"project_id":         "20",
		"project_path":       "acme/api",
		"project_visibility": "private",
		"job_namespace_id":   "72",
		"job_namespace_path": "acme",
		"job_project_id":     "20",
		"job_project_path":   "acme/api",
		"ref":                "main",
		"ref_type":           "branch",
		"ref_path":           "refs/heads/main",
		"ref_protected":      "true",
		"sha":                "714a629c0b401fdce83e847fc9589983fc6f46bc",
		"pipeline_source":    "push",
		"ci_config_ref_uri":  "gitlab.com/acme/api//.gitlab-ci.yml@refs/heads/main",
		"ci_config_sha":      "714a629c0b401fdce83e847fc9589983fc6f46bc",
		"user_id":            "1",
		"user_login":         "bo",
		"user_email":         "bo@example.com",
		"user_access_level":  "maintainer",
		"pipeline_id":        "574",
		"job_id":             "302",
		"runner_id":          json.Number("12270807"),
		"runner_environment": "gitlab-hosted",
	}
}
