package engine

import (
	"fmt"
	"strings"
	"time"
)

// origin is where an identity comes from: what an access names in its from.
type origin struct {
	kind  Kind
	label string
}

// String gives the reference as the language writes it.
func (o origin) String() string { return string(o.kind) + "." + o.label }

// identity is who a proof showed to be.
type identity struct {
	subject string // an account's name, or SOURCE/sub
	origin  origin
	account *account   // nil for the owner of an input JWT
	claims  Claims     // of the input JWT; nil for an account
	once    *singleUse // nil: what was shown may be shown again
}

// account is a service account of a generation.
type account struct {
	label       string
	displayName string
	groups      []string
	attributes  map[string]any
	maxAge      time.Duration // of an app password; 0 for no bound
	maxActive   int           // app passwords; 0 for no bound
}

// permits refuses an app password that is past its time, by its own record or
// by the rules of its account.
func (a *account) permits(p AppPassword, now time.Time) error {
	switch {
	case !p.RevokedAt.IsZero():
		return fmt.Errorf("the app password %s was revoked at %s", p.ID, p.RevokedAt.UTC().Format(time.RFC3339))
	case !p.Active(now):
		return fmt.Errorf("the app password %s expired at %s", p.ID, p.ExpiresAt.UTC().Format(time.RFC3339))
	case a.maxAge > 0 && !now.Before(p.CreatedAt.Add(a.maxAge)):
		return fmt.Errorf("the app password %s is older than the max_age of service_account %s", p.ID, a.label)
	}
	return nil
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

// source is the label of where an input JWT came from; "" for an account.
func (i *identity) source() string {
	if i.account != nil {
		return ""
	}
	return i.origin.label
}
