package issuer

import "time"

// azure is Microsoft Entra ID. Its keys are those of all tenants; the iss names
// the tenant, but for the addresses below, which are no tenant's, and for the
// tenant of all personal accounts.
//
// Seen in https://learn.microsoft.com/entra/identity-platform/access-tokens
// (MicrosoftDocs/entra-docs at 0bbfa8a3; issuers, keys, lifetime),
// .../access-token-claims-reference (at 003f1aad) and .../optional-claims-reference
// (at 03376f16). The clouds of governments and China have other hosts, which are
// not here.
func azure() Profile {
	return Profile{
		Name:             "azure",
		Title:            "Microsoft Entra ID",
		Shared:           true,
		IssuerPinsTenant: true,
		Issuers: []string{
			"https://login.microsoftonline.com/common/v2.0",
			"https://login.microsoftonline.com/organizations/v2.0",
			"https://login.microsoftonline.com/consumers/v2.0",
			"https://login.microsoftonline.com/{tenantid}/v2.0",
			"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
			"https://sts.windows.net/{tenantid}/",
			"https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
		},
		KeyHosts: []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"},
		// The API says which version it accepts (accessTokenAcceptedVersion).
		IssuerForms: []IssuerForm{
			// The key set of common is documented, a tenant's was seen in much code.
			{Form{"https://login.microsoftonline.com/TENANT/v2.0", whole(`https://login\.microsoftonline\.com/(?P<tenant>` + uuid + `)/v2\.0`)}, wellKnown, "https://login.microsoftonline.com/${tenant}/discovery/v2.0/keys"},
			// The slash at the end belongs to it.
			{Form{"https://sts.windows.net/TENANT/", whole(`https://sts\.windows\.net/(?P<tenant>` + uuid + `)/`)}, "https://login.microsoftonline.com/${tenant}/.well-known/openid-configuration", ""},
		},
		// A token is always asked for by audience; these are Microsoft's own APIs,
		// whose tokens everybody gets. The first is documented for federation, the
		// others are from memory.
		DefaultAudiences: []Form{
			exactly("api://AzureADTokenExchange"),
			exactly("00000003-0000-0000-c000-000000000000"), // Microsoft Graph
			exactly("https://graph.microsoft.com"),
			exactly("https://management.azure.com"),
			exactly("https://management.azure.com/"),
			exactly("https://management.core.windows.net/"),
		},
		Customized: true,      // optional claims, extensions of the directory, claims mapping policies
		Replay:     NoTokenID, // uti is there for jti, and managed identities reuse their token
		// "a random value ranging between 60-90 minutes (75 minutes on average)";
		// managed identities get longer.
		Lifetime: 75 * time.Minute,
		claims:   azureClaims,
		example:  azureExample,
	}
}

// azureClaims are those of access tokens. Always means those of applications:
// people's have tid and oid by scope.
func azureClaims() []Claim {
	v1, v2 := "in version 1.0 tokens", "in version 2.0 tokens"
	person := "in tokens of people"
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol, PinsTenant: true},
		{Path: path("aud"), Type: String, Kind: Protocol}, // in version 2.0 the API's client id
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		{Path: path("ver"), Type: String, Kind: Protocol}, // "1.0" or "2.0"
		{Path: path("uti"), Type: String, Kind: Protocol, When: "as Microsoft sees fit; it is there for jti"},
		{Path: path("aio"), Type: String, Kind: Protocol, When: "as Microsoft sees fit"},
		{Path: path("rh"), Type: String, Kind: Protocol, When: "as Microsoft sees fit"},
		{Path: path("xms_cc"), Type: Strings, Kind: Protocol, When: "when the client can answer claims challenges"},

		{Path: path("tid"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("oid"), Type: String, Kind: StableID},
		// Unlike oid, another for each API ("pairwise"), and of meaning within the
		// tenant only.
		{Path: path("sub"), Type: String, Kind: StableID},
		{Path: path("azp"), Type: String, Kind: StableID, When: v2},
		{Path: path("appid"), Type: String, Kind: StableID, When: v1},
		{Path: path("azpacr"), Type: String, Kind: Attribute, When: v2},
		{Path: path("appidacr"), Type: String, Kind: Attribute, When: v1},
		// "app" for applications.
		{Path: path("idtyp"), Type: String, Kind: Attribute, When: "when the API asks for it as an optional claim"},
		{Path: path("idp"), Type: String, Kind: Attribute, When: "when the account is of another tenant, and in version 1.0 tokens"},
		{Path: path("roles"), Type: Strings, Kind: Attribute, When: "when the API gave the application roles"},
		// Not in the documentation of claims; seen in what others configure
		// (CyberArk's Conjur). It is the path of a resource, of names.
		{Path: path("xms_mirid"), Type: String, Kind: MutableName, Stable: path("oid"), When: "in version 1.0 tokens of managed identities"},
		{Path: path("xms_az_rid"), Type: String, Kind: MutableName, Stable: path("oid"), When: "in version 1.0 tokens of managed identities"},

		{Path: path("scp"), Type: String, Kind: Attribute, When: person}, // separated by spaces
		{Path: path("groups"), Type: Strings, Kind: Attribute, When: "when the application is set so, for at most 200 groups"},
		{Path: path("wids"), Type: Strings, Kind: Attribute, When: "when the application is set so"},
		{Path: path("acrs"), Type: Strings, Kind: Attribute, When: person},
		{Path: path("acr"), Type: String, Kind: Attribute, When: v1},
		{Path: path("amr"), Type: Strings, Kind: Attribute, When: v1},
		{Path: path("ipaddr"), Type: String, Kind: Attribute, When: v1},
		// "Never use email or upn claim values to … determine whether the user …
		// should have access".
		{Path: path("preferred_username"), Type: String, Kind: MutableName, Stable: path("oid"), When: person},
		{Path: path("unique_name"), Type: String, Kind: MutableName, Stable: path("oid"), When: person},
		{Path: path("upn"), Type: String, Kind: MutableName, Stable: path("oid"), When: person},
		{Path: path("email"), Type: String, Kind: MutableName, Stable: path("oid"), When: person},
		{Path: path("name"), Type: String, Kind: MutableName, Stable: path("oid"), When: person},
	}
}

func azureExample() map[string]any {
	return map[string]any{
		"iss":    "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
		"aud":    "6e74172b-be56-4843-9ff4-e66a39bb12e3",
		"exp":    exampleTime(75 * time.Minute),
		"iat":    exampleTime(0),
		"nbf":    exampleTime(0),
		"ver":    "2.0",
		"uti":    "fqiBqXLPj0eQa82S-IYFAA",
		"tid":    "72f988bf-86f1-41af-91ab-2d7cd011db47",
		"oid":    "690222be-ff1a-4d56-abd1-7e4f7d38e474",
		"sub":    "690222be-ff1a-4d56-abd1-7e4f7d38e474",
		"azp":    "75dbe77f-10a3-4e59-85fd-8c127544f17c",
		"azpacr": "2",
		"idtyp":  "app",
		"roles":  []any{"Machine"},
	}
}
