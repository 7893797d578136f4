package issuer

// terraform is the workspaces of HCP Terraform, every organization's, or of a
// Terraform Enterprise.
// https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens
func terraform() Profile {
	return Profile{
		Name:     "terraform",
		Title:    "HCP Terraform",
		Shared:   true,
		Issuers:  []string{"https://app.terraform.io"},
		KeyHosts: []string{"app.terraform.io"},
	}
}
