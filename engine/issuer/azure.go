package issuer

// azure is Microsoft Entra ID. Its keys are those of all tenants; the iss names
// the tenant, but for the addresses below, which are no tenant's, and for the
// tenant of all personal accounts.
// https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-the-issuer
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
	}
}
