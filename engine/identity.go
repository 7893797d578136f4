package engine

import (
	"strings"
	"time"
)

// origin is what declares an identity, or what shows it: what an access names
// in its from.
type origin struct {
	kind  Kind
	label string
}

// String gives the reference as the language writes it.
func (o origin) String() string { return string(o.kind) + "." + o.label }

// identity is who a proof showed to be. It never changes.
type identity struct {
	subject string     // an account's name, or SOURCE/sub
	told    string     // the sub of a token by which it is known; "" where the provider makes one
	origin  origin     // the account, source or certificate that it comes from
	account *account   // nil for the owner of a source's token
	source  string     // label of the source or certificate whose token was shown; "" for any other proof
	via     *provider  // whose token was shown; nil for any other proof
	claims  Claims     // of the token that was shown; nil for an app password
	actors  []string   // who acts on its behalf, the current one first (RFC 8693 §4.1)
	expiry  time.Time  // of the token that was shown; zero where it has none
	once    *singleUse // nil: what was shown may be shown again
	// certificate is that by whose key the token was verified; nil for any other proof.
	certificate *PolicyCertificate
}

// entry is what an access names to let the identity in.
func (i *identity) entry() origin {
	if i.via != nil {
		return origin{KindProvider, i.via.label}
	}
	return i.origin
}

// as is the identity of an account, by the same proof.
func (i *identity) as(a *account) *identity {
	it := *i
	it.subject, it.origin, it.account = a.label, a.origin(), a
	return &it
}

// account is a service account of a generation.
type account struct {
	label       string
	displayName string
	groups      []string
	attributes  map[string]any
	rules       AppPasswordRules
	jwts        []accountJWT
}

// accountJWT says which tokens of a source are the account's.
type accountJWT struct {
	source  origin
	require *Requirement
	at      Range // of what it requires
	hides   bool  // what it requires came from env() or file()
}

func (a *account) origin() origin { return origin{KindServiceAccount, a.label} }

// owns says whether the account is who showed a token of a source.
func (a *account) owns(id *identity) bool {
	for _, one := range a.jwts {
		if one.source == id.origin && one.require.Match(id.claims) {
			return true
		}
	}
	return false
}

// subjectOf names the owner of an input JWT. Labels have no slash, so two
// sources never give the same name, and no account has one of these.
func subjectOf(source, sub string) string { return source + "/" + sub }

// originOf is the other direction, for the sub of a token that m2md issued.
func (e *Engine) originOf(subject string) (origin, *account, bool) {
	label, _, foreign := strings.Cut(subject, "/")
	if !foreign {
		account, found := e.accounts[label]
		return origin{KindServiceAccount, label}, account, found
	}
	kind, found := e.trusts[label]
	return origin{kind, label}, nil, found
}

// user is what policies see of an identity.
func (i *identity) user() PolicyUser {
	if i.account == nil {
		return PolicyUser{Name: i.subject, DisplayName: i.subject}
	}
	return PolicyUser{
		Name:        i.subject,
		DisplayName: i.account.displayName,
		Groups:      i.account.groups,
		Attributes:  i.account.attributes,
	}
}
