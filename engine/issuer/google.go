package issuer

// google is Google's ID tokens: of every service account, and every person.
// https://developers.google.com/identity/openid-connect/openid-connect#obtainuserinfo
func google() Profile {
	return Profile{
		Name:     "google",
		Title:    "Google",
		Shared:   true,
		Issuers:  []string{"https://accounts.google.com", "accounts.google.com"},
		KeyHosts: []string{"accounts.google.com", "www.googleapis.com"},
	}
}
