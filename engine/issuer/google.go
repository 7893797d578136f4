package issuer

import (
	"encoding/json"
	"time"
)

// google is Google's ID tokens: of every service account, and every person.
//
// Seen in https://developers.google.com/identity/openid-connect/reference (both
// iss), in Google's TokenPayload (cloud.google.com/nodejs/docs/reference/google-auth-library)
// and https://cloud.google.com/compute/docs/instances/verifying-instance-identity
// (an hour at most, google.compute_engine), with tokens of instances that others
// show. What a person's token has is there for the linter's sake: m2md is for
// machines.
func google() Profile {
	return Profile{
		Name:     "google",
		Title:    "Google",
		Shared:   true,
		Issuers:  []string{"https://accounts.google.com", "accounts.google.com"},
		KeyHosts: []string{"accounts.google.com", "www.googleapis.com"},
		IssuerForms: []IssuerForm{
			// The address of the keys was seen in the code of many who use it; the
			// discovery document is what Google tells to follow.
			{exactly("https://accounts.google.com"), wellKnown, "https://www.googleapis.com/oauth2/v3/certs"},
			{exactly("accounts.google.com"), "https://accounts.google.com/.well-known/openid-configuration", "https://www.googleapis.com/oauth2/v3/certs"},
		},
		// The workload names the audience. The one here is gcloud's own, for people
		// (gcloud auth print-identity-token); from memory, not verified.
		DefaultAudiences: []Form{exactly("32555940559.apps.googleusercontent.com")},
		Replay:           NoTokenID, // those of instances and accounts have none
		Lifetime:         time.Hour,
		claims:           googleClaims,
		example:          googleExample,
	}
}

func googleClaims() []Claim {
	engine := func(name string) []string { return path("google", "compute_engine", name) }
	person := "in tokens of people, by what they agreed to"
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: String, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		// Of people's tokens by Sign In With Google; from memory, not verified.
		{Path: path("nbf"), Type: Number, Kind: Protocol, When: person},
		{Path: path("jti"), Type: String, Kind: Protocol, When: person},
		{Path: path("nonce"), Type: String, Kind: Protocol, When: person},
		{Path: path("at_hash"), Type: String, Kind: Protocol, When: person},
		// Unique among all accounts and never given again; a service account's unique
		// id.
		{Path: path("sub"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("azp"), Type: String, Kind: StableID, PinsTenant: true, When: "in tokens of service accounts, where it is sub, and of some apps"},

		// Worth nothing unless email_verified is true.
		{Path: path("email"), Type: String, Kind: MutableName, Stable: path("sub"), PinsTenant: true, When: "when it is asked for"},
		{Path: path("email_verified"), Type: Bool, Kind: Attribute, When: "when email is there"},
		{Path: path("hd"), Type: String, Kind: MutableName, Stable: path("sub"), PinsTenant: true, When: "in tokens of people of a Google Workspace"},
		{Path: path("name"), Type: String, Kind: Actor, Stable: path("sub"), When: person},
		{Path: path("given_name"), Type: String, Kind: Actor, Stable: path("sub"), When: person},
		{Path: path("family_name"), Type: String, Kind: Actor, Stable: path("sub"), When: person},
		{Path: path("picture"), Type: String, Kind: Actor, Stable: path("sub"), When: person},

		{Path: path("google"), Type: Object, Kind: Attribute, When: "in tokens of instances, asked for by format=full"},
		{Path: path("google", "compute_engine"), Type: Object, Kind: Attribute},
		{Path: engine("project_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: engine("project_number"), Type: Number, Kind: StableID, PinsTenant: true},
		{Path: engine("zone"), Type: String, Kind: Attribute},
		{Path: engine("instance_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: engine("instance_name"), Type: String, Kind: MutableName, Stable: engine("instance_id")},
		{Path: engine("instance_creation_timestamp"), Type: Number, Kind: Attribute},
		{Path: engine("instance_confidentiality"), Type: Number, Kind: Attribute, When: "in tokens of confidential instances"},
		{Path: engine("license_id"), Type: Strings, Kind: Attribute, When: "when it is asked for"},
	}
}

func googleExample() map[string]any {
	return map[string]any{
		"iss":            "https://accounts.google.com",
		"aud":            "https://auth.example.com",
		"exp":            exampleTime(time.Hour),
		"iat":            exampleTime(0),
		"sub":            "112179062720391305885",
		"azp":            "112179062720391305885",
		"email":          "ci@acme-prod.iam.gserviceaccount.com",
		"email_verified": true,
		"google": map[string]any{
			"compute_engine": map[string]any{
				"project_id":                  "acme-prod",
				"project_number":              json.Number("1071284184436"),
				"zone":                        "europe-west1-b",
				"instance_id":                 "4570452845155348778",
				"instance_name":               "builder-1",
				"instance_creation_timestamp": json.Number("1767139200"),
			},
		},
	}
}
