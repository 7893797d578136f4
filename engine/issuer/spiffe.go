package issuer

import "time"

// spiffe is JWT-SVIDs, signed with the keys of one trust domain.
//
// Seen in https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md (at
// 06522fa4), which requires sub, aud and exp, and allows any other claim; and in
// https://github.com/spiffe/spire/tree/main/support/oidc-discovery-provider for
// the addresses.
func spiffe() Profile {
	return Profile{
		Name:   "spiffe",
		Title:  "SPIFFE",
		SPIFFE: true,
		IssuerForms: []IssuerForm{
			// jwt_issuer of the SPIRE server, if it is set. The keys are at the path
			// that SPIRE's discovery provider has unless it is given another.
			{Form{"https://HOST/PATH", whole(`https://` + authority + urlPath)}, wellKnown, "${0}/keys"},
		},
		Customized: true, // §3; SPIRE's CredentialComposer adds them
		// §6.1: a jti is permitted, not required.
		Replay:   NoTokenID,
		Lifetime: 5 * time.Minute, // default_jwt_svid_ttl of SPIRE, as many set it
		claims:   spiffeClaims,
		example:  spiffeExample,
	}
}

func spiffeClaims() []Claim {
	return []Claim{
		// spiffe://TRUST-DOMAIN/PATH: a name, which nothing stands beside.
		{Path: path("sub"), Type: String, Kind: Subject},
		{Path: path("aud"), Type: StringOrStrings, Kind: Protocol},
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iss"), Type: String, Kind: Protocol, When: "when the server is given one"},
		// SPIRE's always have it; from memory, not verified.
		{Path: path("iat"), Type: Number, Kind: Protocol, When: "as the server does it"},
		{Path: path("nbf"), Type: Number, Kind: Protocol, When: "as the server does it"},
		{Path: path("jti"), Type: String, Kind: Protocol, When: "as the server does it"},
	}
}

func spiffeExample() map[string]any {
	return map[string]any{
		"sub": "spiffe://example.org/ns/prod/sa/api",
		"aud": []any{"m2md"},
		"exp": exampleTime(5 * time.Minute),
		"iat": exampleTime(0),
		"iss": "https://oidc-discovery.example.org",
	}
}
