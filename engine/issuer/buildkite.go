package issuer

// buildkite is Buildkite's agents: every organization's.
// https://buildkite.com/docs/agent/v3/cli-oidc
func buildkite() Profile {
	return Profile{
		Name:     "buildkite",
		Title:    "Buildkite",
		Shared:   true,
		Issuers:  []string{"https://agent.buildkite.com"},
		KeyHosts: []string{"agent.buildkite.com"},
	}
}
