package issuer

import (
	"net/url"
	"slices"
	"strings"
)

// Profile is what is known of one kind of issuer. The slices must not be
// changed.
type Profile struct {
	Name  string // as oauth_source's profile says it
	Title string // for people
	// Shared says that a key set of such an issuer signs for many tenants, so
	// that the keys alone do not say whose a token is.
	Shared bool
	// IssuerPinsTenant says of a shared one that an iss outside of Issuers is
	// one tenant's alone.
	IssuerPinsTenant bool
	// Issuers are the iss under which tokens of any tenant are signed, exactly.
	Issuers []string
	// KeyHosts are the hosts that publish key sets of many tenants.
	KeyHosts []string
}

// profiles are all of them, ordered by name.
func profiles() []Profile {
	return []Profile{
		azure(),
		buildkite(),
		circleci(),
		forgejo(),
		githubActions(),
		gitlab(),
		google(),
		kubernetes(),
		spiffe(),
		terraform(),
	}
}

// Names gives the names of all profiles, in order.
func Names() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.Name)
	}
	return names
}

// Lookup finds a profile by its name.
func Lookup(name string) (Profile, bool) {
	return find(func(p Profile) bool { return p.Name == name })
}

// SharedIssuer finds the profile of an iss under which tokens of any tenant are
// signed. It compares byte for byte, as iss is compared (RFC 7519 §4.1.1).
func SharedIssuer(iss string) (Profile, bool) {
	return find(func(p Profile) bool { return slices.Contains(p.Issuers, iss) })
}

// SharedKeySet finds the profile of a key set, or discovery document, that is
// published for many tenants, by its URL.
func SharedKeySet(address string) (Profile, bool) {
	u, err := url.Parse(address)
	if err != nil {
		return Profile{}, false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return find(func(p Profile) bool { return slices.Contains(p.KeyHosts, host) })
}

// AnyTenant says whether a token that this kind of issuer signed under iss may
// be any tenant's.
func (p Profile) AnyTenant(iss string) bool {
	return p.Shared && (!p.IssuerPinsTenant || slices.Contains(p.Issuers, iss))
}

func find(fits func(Profile) bool) (Profile, bool) {
	all := profiles()
	if i := slices.IndexFunc(all, fits); i >= 0 {
		return all[i], true
	}
	return Profile{}, false
}
