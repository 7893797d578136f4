package issuer

// gitlab is GitLab CI: an instance signs for all its projects.
// https://docs.gitlab.com/ci/secrets/id_token_authentication/
func gitlab() Profile {
	return Profile{
		Name:     "gitlab",
		Title:    "GitLab CI",
		Shared:   true,
		Issuers:  []string{"https://gitlab.com"},
		KeyHosts: []string{"gitlab.com"},
	}
}
