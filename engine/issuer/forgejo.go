package issuer

import "time"

// forgejo is Forgejo Actions: an instance signs for all its repositories.
//
// Seen in https://forgejo.org/docs/next/user/actions/security-openid-connect/ and
// in the code that signs (services/actions/auth.go, routers/api/actions/oidc.go
// and its neighbour that gives the token; two forks of 2026), which has more
// claims than the documentation. Gitea's own, newer tokens have another iss
// (/api/actions/oidc) and other claims: they are not of this profile.
func forgejo() Profile {
	return Profile{
		Name:     "forgejo",
		Title:    "Forgejo Actions",
		Shared:   true,
		Issuers:  []string{"https://codeberg.org/api/actions"},
		KeyHosts: []string{"codeberg.org"},
		IssuerForms: []IssuerForm{
			{Form{"https://HOST/api/actions", whole(`https://` + authority + urlPath + `/api/actions`)}, wellKnown, "${0}/.well-known/keys"},
		},
		// Elsewhere https://HOST/OWNER, whose form says nothing.
		DefaultAudiences: []Form{{"https://codeberg.org/OWNER", whole(`https://codeberg\.org/[A-Za-z0-9._-]+`)}},
		Replay:           NoTokenID,
		Lifetime:         time.Hour, // of the documented token; the instance sets it
		claims:           forgejoClaims,
		example:          forgejoExample,
	}
}

// forgejoClaims are all strings but for the dates. There is no jti.
func forgejoClaims() []Claim {
	newer := "in versions after Forgejo 15"
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: String, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		// repo:OWNER-ID/REPO-ID:…, and repo:OWNER/REPO:… in Forgejo 15 and where a
		// repository keeps that form. As names may end in -1234 too, one form can
		// look like the other: the ids are the safe ones.
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},

		{Path: path("repository"), Type: String, Kind: MutableName, Stable: path("repository_id"), PinsTenant: true},
		{Path: path("repository_id"), Type: String, Kind: StableID, PinsTenant: true, When: newer},
		{Path: path("repository_owner"), Type: String, Kind: MutableName, Stable: path("repository_owner_id"), PinsTenant: true},
		{Path: path("repository_owner_id"), Type: String, Kind: StableID, PinsTenant: true, When: newer},

		{Path: path("ref"), Type: String, Kind: Ref},
		{Path: path("ref_type"), Type: String, Kind: Attribute},
		{Path: path("ref_protected"), Type: String, Kind: Protection}, // "true" or "false"
		{Path: path("sha"), Type: String, Kind: Commit},
		// In the documentation for pull requests only, in the code "" for others.
		{Path: path("base_ref"), Type: String, Kind: Event, When: "for pull requests, and in newer versions always"},
		{Path: path("head_ref"), Type: String, Kind: Event, When: newer},
		{Path: path("event_name"), Type: String, Kind: Event},
		{Path: path("workflow"), Type: String, Kind: Workflow},
		{Path: path("workflow_ref"), Type: String, Kind: Workflow, Stable: path("repository_id"), PinsTenant: true},
		{Path: path("actor"), Type: String, Kind: Actor, Stable: path("actor_id")},
		{Path: path("actor_id"), Type: String, Kind: Actor, When: newer},
		{Path: path("run_id"), Type: String, Kind: Run},
		{Path: path("run_number"), Type: String, Kind: Run},
		{Path: path("run_attempt"), Type: String, Kind: Run},
	}
}

func forgejoExample() map[string]any {
	return map[string]any{
		"iss": "https://codeberg.org/api/actions",
		"aud": "https://auth.example.com",
		"exp": exampleTime(time.Hour),
		"iat": exampleTime(0),
		"nbf": exampleTime(0),
		"sub": "repo:acme-1234/api-5678:ref:refs/heads/main",

		"repository":          "acme/api",
		"repository_id":       "5678",
		"repository_owner":    "acme",
		"repository_owner_id": "1234",
		"ref":                 "refs/heads/main",
		"ref_type":            "branch",
		"ref_protected":       "true",
		"sha":                 "76cb2978acb72029ac23277a6192eea1707c6a2c",
		"base_ref":            "",
		"head_ref":            "",
		"event_name":          "push",
		"workflow":            "deploy.yml",
		"workflow_ref":        "acme/api/.forgejo/workflows/deploy.yml@refs/heads/main",
		"actor":               "bo",
		"actor_id":            "9",
		"run_id":              "43",
		"run_number":          "43",
		"run_attempt":         "1",
	}
}
