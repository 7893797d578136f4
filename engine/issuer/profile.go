package issuer

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Profile is what is known of one kind of issuer. The slices must not be
// changed. The zero value knows nothing.
type Profile struct {
	Name  string // as oauth_source's profile says it
	Title string // for people
	// Shared says that a key set of such an issuer signs for many tenants, so
	// that the keys alone do not say whose a token is.
	Shared bool
	// IssuerPinsTenant says of a shared one that an iss outside of Issuers is
	// one tenant's alone.
	IssuerPinsTenant bool
	// SPIFFE says that sub is a SPIFFE ID, whose trust domain says of whom a
	// token is: iss may be anything, or absent.
	SPIFFE bool
	// Issuers are the iss under which tokens of any tenant are signed, exactly.
	Issuers []string
	// KeyHosts are the hosts that publish key sets of many tenants.
	KeyHosts []string
	// IssuerForms are the forms that iss can have, the particular before the
	// general.
	IssuerForms []IssuerForm
	// DefaultAudiences are the aud that tokens have unless the workload asks
	// for another: such tokens go to many, each of whom could use them here.
	DefaultAudiences []Form
	Replay           Replay
	// Customized says that whoever runs the issuer can have it sign other claims.
	Customized bool
	// Lifetime is usual between iat and exp.
	Lifetime time.Duration

	claims  func() []Claim
	example func() map[string]any
}

// Replay is what can be asked of an issuer's tokens where each is to be taken
// once. The zero value is none.
type Replay uint8

// What replay = "once" does to honest workloads.
const (
	// SingleUse tokens always have a jti, and a workload gets one for a purpose:
	// once is possible.
	SingleUse Replay = iota + 1
	// Reused tokens are presented again and again until they expire: once
	// refuses honest work.
	Reused
	// NoTokenID tokens may have no jti: once refuses those that have none.
	NoTokenID
)

// String says it as documentation does.
func (r Replay) String() string {
	names := [...]string{"unknown", "single use", "reused", "no token id"}
	if int(r) >= len(names) {
		return names[0]
	}
	return names[r]
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

// MatchesIssuer says whether tokens of this kind of issuer can have iss, by its
// form: byte for byte where it is known, else as an https URL of that shape.
// Where an instance can be on any host, the shape says little.
func (p Profile) MatchesIssuer(iss string) bool {
	_, ok := p.form(iss)
	return ok
}

// WellKnownURL gives the address of the discovery document of iss; "" where iss
// is not of this kind of issuer.
func (p Profile) WellKnownURL(iss string) string {
	form, ok := p.form(iss)
	if !ok {
		return ""
	}
	return form.expand(form.WellKnown, iss)
}

// JWKSURL gives the address of the key set of iss; "" where iss is not of this
// kind of issuer, or where only its discovery document tells.
func (p Profile) JWKSURL(iss string) string {
	form, ok := p.form(iss)
	if !ok {
		return ""
	}
	return form.expand(form.JWKS, iss)
}

// DefaultAudience says whether aud is one of DefaultAudiences.
func (p Profile) DefaultAudience(aud string) bool {
	return slices.ContainsFunc(p.DefaultAudiences, func(f Form) bool { return f.Match(aud) })
}

// Claims gives all claims that are known, objects before their members.
func (p Profile) Claims() []Claim {
	if p.claims == nil {
		return nil
	}
	return p.claims()
}

// Claim finds a claim by its path, one segment an object. An exact name comes
// before one that only begins so.
func (p Profile) Claim(segments ...string) (Claim, bool) {
	all := p.Claims()
	i := slices.IndexFunc(all, func(c Claim) bool { return !c.Prefix && slices.Equal(c.Path, segments) })
	if i < 0 {
		i = slices.IndexFunc(all, func(c Claim) bool { return c.begins(segments) })
	}
	if i < 0 {
		return Claim{}, false
	}
	return all[i], true
}

// begins says whether c is known by how its name begins, and segments do so.
func (c Claim) begins(segments []string) bool {
	last := len(c.Path) - 1
	return c.Prefix && len(segments) == len(c.Path) && slices.Equal(segments[:last], c.Path[:last]) &&
		len(segments[last]) > len(c.Path[last]) && strings.HasPrefix(segments[last], c.Path[last])
}

// Open says whether an issuer of this kind may sign a claim that Claim does not
// find: where customers add their own, and in objects of which no member is
// known.
func (p Profile) Open(segments ...string) bool {
	if len(segments) < 2 {
		return p.Customized
	}
	above := segments[:len(segments)-1]
	around, known := p.Claim(above...)
	if !known {
		return p.Open(above...)
	}
	return around.Type == Objects || around.Type == Object && len(p.Members(above...)) == 0
}

// Members are the names of the claims that are known in an object, or at the
// top where none is given. Those known by how they begin are not among them.
func (p Profile) Members(segments ...string) []string {
	var names []string
	for _, c := range p.Claims() {
		last := len(c.Path) - 1
		if !c.Prefix && slices.Equal(c.Path[:last], segments) {
			names = append(names, c.Path[last])
		}
	}
	return names
}

// Elsewhere finds the path of a claim of that name, in whatever object.
func (p Profile) Elsewhere(name string) (path []string, found bool) {
	all := p.Claims()
	i := slices.IndexFunc(all, func(c Claim) bool { return !c.Prefix && c.Path[len(c.Path)-1] == name })
	if i < 0 {
		return nil, false
	}
	return all[i].Path, true
}

// Example gives the claims of a token such as the issuer signs, in the types of
// decoded claims: string, bool, json.Number, []any, map[string]any. The map is
// the caller's to change. Its times are long ago.
func (p Profile) Example() map[string]any {
	if p.example == nil {
		return nil
	}
	return p.example()
}

func (p Profile) form(iss string) (IssuerForm, bool) {
	if i := slices.IndexFunc(p.IssuerForms, func(f IssuerForm) bool { return f.Match(iss) }); i >= 0 {
		return p.IssuerForms[i], true
	}
	return IssuerForm{}, false
}

func find(fits func(Profile) bool) (Profile, bool) {
	all := profiles()
	if i := slices.IndexFunc(all, fits); i >= 0 {
		return all[i], true
	}
	return Profile{}, false
}
