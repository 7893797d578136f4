package issuer

import "time"

// circleci is CircleCI. An iss names the organization, but for the one that a
// job gets by circleci run oidc get --root-issuer, which is everybody's.
//
// Seen in https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/
// (circleci/circleci-docs at 3b3f26e0, and its pull request 9745 for context-ids)
// and .../oidc-tokens-with-custom-claims/ (at 019b6996). The documentation does
// not tell of --root-issuer, nor of the claims that are marked below; PyPI does,
// which takes such tokens (pypi/warehouse, warehouse/oidc/models/circleci.py).
// Whether the keys of organizations differ is nowhere said; key sets were read
// under organizations that are not there, so they are taken for shared.
//
// A CircleCI server has another host, and iss, which could not be verified.
func circleci() Profile {
	return Profile{
		Name:             "circleci",
		Title:            "CircleCI",
		Shared:           true,
		IssuerPinsTenant: true,
		Issuers:          []string{"https://oidc.circleci.com"},
		KeyHosts:         []string{"oidc.circleci.com"},
		IssuerForms: []IssuerForm{
			// The address of its keys could not be verified.
			{exactly("https://oidc.circleci.com"), wellKnown, ""},
			// The address of the keys was seen in what others configure (CyberArk's
			// Conjur, mui's code infrastructure), not in the documentation.
			{Form{"https://oidc.circleci.com/org/ORGANIZATION", whole(`https://oidc\.circleci\.com/org/` + uuid)}, wellKnown, "${0}/.well-known/jwks-pub.json"},
		},
		// The id of the organization.
		DefaultAudiences: []Form{{"ORGANIZATION, a UUID", whole(uuid)}},
		// A variable of the job's environment; no jti is documented.
		Replay:   NoTokenID,
		Lifetime: time.Hour, // documented
		claims:   circleciClaims,
		example:  circleciExample,
	}
}

// circleciName begins the names of all claims that are CircleCI's own.
const circleciName = "oidc.circleci.com/"

// circleciClaims have no nbf and no jti, as far as is documented.
func circleciClaims() []Claim {
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol, PinsTenant: true},
		{Path: path("aud"), Type: String, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		// org/ID/project/ID/user/ID, and in CIRCLE_OIDC_TOKEN_V2, unless a webhook
		// started it, /vcs-origin/URL/vcs-ref/REF.
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},

		// Not documented, but for an example (see above).
		{Path: path(circleciName + "org-id"), Type: String, Kind: StableID, PinsTenant: true, When: "in tokens of today, though it is not documented"},
		{Path: path(circleciName + "project-id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path(circleciName + "pipeline-definition-id"), Type: String, Kind: StableID, PinsTenant: true, When: "in tokens of today, though it is not documented"},
		{Path: path(circleciName + "pipeline-id"), Type: String, Kind: Run, When: "in tokens of today, though it is not documented"},
		{Path: path(circleciName + "workflow-id"), Type: String, Kind: Run, When: "in tokens of today, though it is not documented"},
		{Path: path(circleciName + "job-id"), Type: String, Kind: Run, When: "in tokens of today, though it is not documented"},
		{Path: path(circleciName + "context-ids"), Type: Strings, Kind: StableID},
		// The fork's, where a fork is built. It pins no tenant: another
		// organization can build the same repository.
		{Path: path(circleciName + "vcs-origin"), Type: String, Kind: MutableName, Stable: path(circleciName + "project-id"), When: "unless a custom webhook started the pipeline"},
		{Path: path(circleciName + "vcs-ref"), Type: String, Kind: Ref, When: "unless a custom webhook started the pipeline"},
		// True: somebody can be logged in to the job.
		{Path: path(circleciName + "ssh-rerun"), Type: Bool, Kind: Event},
	}
}

func circleciExample() map[string]any {
	return map[string]any{
		"iss": "https://oidc.circleci.com/org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e",
		"aud": "https://auth.example.com",
		"exp": exampleTime(time.Hour),
		"iat": exampleTime(0),
		"sub": "org/c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e/project/3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c/user/5e6f7a8b-9c0d-4e1f-a2b3-c4d5e6f7a8b9/vcs-origin/github.com/acme/api/vcs-ref/refs/heads/main",

		circleciName + "org-id":                 "c9035eb6-6eb2-4c85-8a81-d9ed6a1d1d1e",
		circleciName + "project-id":             "3a2f5b1c-7d4e-4f6a-9b8c-0d1e2f3a4b5c",
		circleciName + "pipeline-definition-id": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
		circleciName + "pipeline-id":            "9f8e7d6c-5b4a-4c3d-8e2f-1a0b9c8d7e6f",
		circleciName + "workflow-id":            "2b3c4d5e-6f7a-4b8c-9d0e-1f2a3b4c5d6e",
		circleciName + "job-id":                 "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9",
		circleciName + "context-ids":            []any{"7b6a5c4d-3e2f-4a1b-8c9d-0e1f2a3b4c5d"},
		circleciName + "vcs-origin":             "github.com/acme/api",
		circleciName + "vcs-ref":                "refs/heads/main",
		circleciName + "ssh-rerun":              false,
	}
}
