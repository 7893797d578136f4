package issuer

// forgejo is Forgejo Actions: an instance signs for all its repositories.
func forgejo() Profile {
	return Profile{
		Name:     "forgejo",
		Title:    "Forgejo Actions",
		Shared:   true,
		Issuers:  []string{"https://codeberg.org/api/actions"},
		KeyHosts: []string{"codeberg.org"},
	}
}
