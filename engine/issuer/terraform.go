package issuer

import "time"

// terraform is the workspaces of HCP Terraform, every organization's, or of a
// Terraform Enterprise.
//
// Seen in https://developer.hashicorp.com/terraform/cloud-docs/dynamic-provider-credentials/workload-identity-tokens
// (hashicorp/terraform-docs-common at 0ac64a49): the issuer, its keys, the
// claims, the lifetime.
func terraform() Profile {
	return Profile{
		Name:   "terraform",
		Title:  "HCP Terraform",
		Shared: true,
		// The second is HCP Europe's (https://developer.hashicorp.com/terraform/cloud-docs/europe);
		// that its iss is its address follows from the rule, and was not seen.
		Issuers:  []string{"https://app.terraform.io", "https://app.eu.terraform.io"},
		KeyHosts: []string{"app.terraform.io", "app.eu.terraform.io"},
		IssuerForms: []IssuerForm{
			{exactly("https://app.terraform.io"), wellKnown, "${0}/.well-known/jwks"},
			// HCP Europe, and Terraform Enterprise: "full URL of … the instance".
			{Form{"https://HOST", whole(`https://` + authority)}, wellKnown, "${0}/.well-known/jwks"},
		},
		// Of the integrations with providers (aws.workload.identity is documented),
		// and what HCP asks of Azure. A workspace sets TFC_WORKLOAD_IDENTITY_AUDIENCE.
		DefaultAudiences: []Form{
			{"PROVIDER.workload.identity", whole(`[a-z]+\.workload\.identity`)},
			exactly("api://AzureADTokenExchange"),
		},
		Replay: SingleUse, // one a phase, with a jti
		// The timeout of the phase, which the organization sets. Two hours for plan,
		// and a day for apply, are the defaults; from memory, not verified.
		Lifetime: 2 * time.Hour,
		claims:   terraformClaims,
		example:  terraformExample,
	}
}

func terraformClaims() []Claim {
	// The documentation tells of workspaces only. What Stacks have was seen in
	// what others configure (attribute mappings of Google Cloud), the sub in
	// HashiCorp's examples for Azure.
	run, stack := "in runs of a workspace, not of a Stack", "in runs of a Stack"
	return []Claim{
		{Path: path("iss"), Type: String, Kind: Protocol},
		{Path: path("aud"), Type: StringOrStrings, Kind: Protocol}, // a list in Stacks
		{Path: path("exp"), Type: Number, Kind: Protocol},
		{Path: path("iat"), Type: Number, Kind: Protocol},
		{Path: path("nbf"), Type: Number, Kind: Protocol},
		{Path: path("jti"), Type: String, Kind: Protocol},
		// organization:NAME:project:NAME:workspace:NAME:run_phase:PHASE, or
		// organization:NAME:project:NAME:stack:NAME:deployment:NAME:operation:PHASE.
		{Path: path("sub"), Type: String, Kind: Subject, PinsTenant: true},

		{Path: path("terraform_organization_id"), Type: String, Kind: StableID, PinsTenant: true},
		{Path: path("terraform_organization_name"), Type: String, Kind: MutableName, Stable: path("terraform_organization_id"), PinsTenant: true},
		{Path: path("terraform_project_id"), Type: String, Kind: StableID, PinsTenant: true},
		// Every organization has its Default Project.
		{Path: path("terraform_project_name"), Type: String, Kind: MutableName, Stable: path("terraform_project_id")},
		{Path: path("terraform_workspace_id"), Type: String, Kind: StableID, PinsTenant: true, When: run},
		{Path: path("terraform_workspace_name"), Type: String, Kind: MutableName, Stable: path("terraform_workspace_id"), When: run},
		{Path: path("terraform_full_workspace"), Type: String, Kind: MutableName, Stable: path("terraform_workspace_id"), PinsTenant: true, When: run},
		{Path: path("terraform_run_id"), Type: String, Kind: Run, When: run},
		{Path: path("terraform_run_phase"), Type: String, Kind: Phase, When: run}, // plan or apply
		{Path: path("terraform_stack_id"), Type: String, Kind: StableID, PinsTenant: true, When: stack},
		{Path: path("terraform_stack_name"), Type: String, Kind: MutableName, Stable: path("terraform_stack_id"), When: stack},
		{Path: path("terraform_stack_deployment_name"), Type: String, Kind: MutableName, Stable: path("terraform_stack_id"), When: stack},
		{Path: path("terraform_operation"), Type: String, Kind: Phase, When: stack},
	}
}

func terraformExample() map[string]any {
	return map[string]any{
		"iss": "https://app.terraform.io",
		"aud": "https://auth.example.com",
		"exp": exampleTime(2 * time.Hour),
		"iat": exampleTime(0),
		"nbf": exampleTime(-5 * time.Second), // as in the documented token
		"jti": "1192426d-b525-4fde-9d42-f238be437bbd",
		"sub": "organization:acme:project:Default Project:workspace:api:run_phase:apply",

		"terraform_organization_id":   "org-GRNbCjYNpBB6NEH9",
		"terraform_organization_name": "acme",
		"terraform_project_id":        "prj-vegSA59s1XPwMr2t",
		"terraform_project_name":      "Default Project",
		"terraform_workspace_id":      "ws-mbsd5E3Ktt5Rg2Xm",
		"terraform_workspace_name":    "api",
		"terraform_full_workspace":    "organization:acme:project:Default Project:workspace:api",
		"terraform_run_id":            "run-X3n1AUXNGWbfECsJ",
		"terraform_run_phase":         "apply",
	}
}
