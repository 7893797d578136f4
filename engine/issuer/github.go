package issuer

// githubActions is GitHub Actions: every repository's on github.com, every one
// of the instance on GitHub Enterprise Server.
// https://docs.github.com/actions/reference/security/oidc
func githubActions() Profile {
	return Profile{
		Name:     "github-actions",
		Title:    "GitHub Actions",
		Shared:   true,
		Issuers:  []string{"https://token.actions.githubusercontent.com"},
		KeyHosts: []string{"token.actions.githubusercontent.com"},
	}
}
