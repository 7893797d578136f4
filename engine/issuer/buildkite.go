package issuer

import (
	"encoding/json"
	"time"
)

// buildkite is Buildkite's agents: every organization's.
//
// Seen in https://buildkite.com/docs/agent/cli/reference/oidc (buildkite/docs,
// pages/agent/cli/reference/oidc.md at 06eab4b8), all of it: the addresses, the
// claims, which of them a job must ask for, the default audience and lifetime.
func buildkite() Profile {
	return Profile{
		Name:     "buildkite",
		Title:    "Buildkite",
		Shared:   true,
		Issuers:  []string{"https://agent.buildkite.com"},
		KeyHosts: []string{"agent.buildkite.com"},
		IssuerForms: []IssuerForm{
			{exactly("https://agent.buildkite.com"), wellKnown, "${0}/.well-known/jwks"},
		},
		DefaultAudiences: []Form{{"https://buildkite.com/ORGANIZATION", whole(`https://buildkite\.com/[A-Za-z0-9_-]+`)}},
		Replay:           NoTokenID, // none is documented, none in the examples
		Lifetime:         5 * time.Minute,
		claims:           buildkiteClaims,
		example:          buildkiteExample,
	}
}

func buildkiteClaims() []Claim {
	asked := "when the job asks for it by --claim or --subject-claim"
	clustered := asked + ", and the organization has clusters"
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: String, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		// organization:SLUG:pipeline:SLUG:ref:REF:commit:SHA:step:KEY, or one id
		// (--subject-claim).
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},

		{Path: path("organization_slug"), Type: String, Kind: MutableName, Stable: path("organization_id"), PinsTenant: true},
		{Path: path("organization_id"), Type: String, Kind: StableID, PinsTenant: true, When: asked},
		// Another organization may have a pipeline of the same slug.
		{Path: path("pipeline_slug"), Type: String, Kind: MutableName, Stable: path("pipeline_id")},
		{Path: path("pipeline_id"), Type: String, Kind: StableID, PinsTenant: true, When: asked},
		{Path: path("cluster_id"), Type: String, Kind: StableID, PinsTenant: true, When: clustered},
		{Path: path("cluster_name"), Type: String, Kind: MutableName, Stable: path("cluster_id"), When: clustered},
		{Path: path("queue_id"), Type: String, Kind: StableID, PinsTenant: true, When: clustered},
		{Path: path("queue_key"), Type: String, Kind: MutableName, Stable: path("queue_id"), When: clustered},

		// What the branch is of is not said: build_tag is beside it.
		{Path: path("build_branch"), Type: String, Kind: Ref},
		{Path: path("build_tag"), Type: String, Kind: Ref, When: "when the build is of a tag"},
		{Path: path("build_commit"), Type: String, Kind: Commit},
		{Path: path("build_source"), Type: String, Kind: Event}, // ui, api, webhook, trigger_job, schedule
		{Path: path("step_key"), Type: String, Kind: Workflow, Nullable: true},
		{Path: path("build_number"), Type: Number, Kind: Run},
		{Path: path("build_id"), Type: String, Kind: Run, When: asked},
		{Path: path("job_id"), Type: String, Kind: Run},
		{Path: path("agent_id"), Type: String, Kind: Runner},
		{Path: path("runner_environment"), Type: String, Kind: Runner},
		{Path: path("agent_tag:"), Prefix: true, Type: String, Kind: Runner, When: asked + ", and the agent has the tag"},
		{Path: path("https://aws.amazon.com/tags"), Type: Object, Kind: Attribute, When: "when the job asks for it by --aws-session-tag"},
		{Path: path("https://aws.amazon.com/tags", "principal_tags"), Type: Object, Kind: Attribute},
	}
}

func buildkiteExample() map[string]any {
	return map[string]any{
		"iss": "https://agent.buildkite.com",
		"aud": "https://auth.example.com",
		"exp": exampleTime(5 * time.Minute),
		"iat": exampleTime(0),
		"nbf": exampleTime(0),
		"sub": "organization:acme:pipeline:api:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:deploy",

		"organization_slug":  "acme",
		"organization_id":    "f892efa9-103e-4d28-97a1-3b8616a0994d",
		"pipeline_slug":      "api",
		"pipeline_id":        "0184990a-4782-42b5-afc1-16715b10b110",
		"build_branch":       "main",
		"build_commit":       "9f3182061f1e2cca4702c368cbc039b7dc9d4485",
		"build_source":       "webhook",
		"step_key":           "deploy",
		"build_number":       json.Number("175"),
		"job_id":             "0184990a-477b-4fa8-9968-496074483cee",
		"agent_id":           "0184990a-4782-42b5-afc1-16715b10b8ff",
		"runner_environment": "buildkite-hosted",
	}
}
