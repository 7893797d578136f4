package engine

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// subjectMode says what the sub of a provider's tokens is. The zero value is
// the identity itself.
type subjectMode int

const (
	subjectIdentity subjectMode = iota // an account's name, or SOURCE/sub
	subjectInput                       // an account's name, or the sub of the source's token
	subjectHashed                      // a hash that is the provider's own
)

// subjectModes are the modes by the words of the language.
var subjectModes = map[string]subjectMode{"": subjectIdentity, "identity": subjectIdentity, "input": subjectInput, "hashed": subjectHashed}

// sourceClaim tells, beside a sub that does not, what declares its holder, so
// that a token ends with it.
const sourceClaim = "m2md_source"

// subject is the sub by which the provider tells of an identity.
func (p *provider) subject(id *identity) string {
	switch {
	case id.told != "":
		return id.told
	case p.subjects == subjectHashed:
		return p.hashed(id.subject)
	case p.subjects == subjectInput && id.account == nil:
		_, sub, _ := strings.Cut(id.subject, "/")
		return sub
	default:
		return id.subject
	}
}

// hashed makes a sub that tells nobody who it is, and no two providers the same.
func (p *provider) hashed(subject string) string {
	sum := sha256.Sum256([]byte(p.issuer + "\x00" + p.clientID + "\x00" + subject))
	return segmentEncoding.EncodeToString(sum[:])
}

// holderOf is whom a token of the provider was issued to, and who acts on its
// behalf, if the files still know them.
func (e *Engine) holderOf(p *provider, claims Claims) (*identity, error) {
	sub, err := claims.subject()
	if err != nil {
		return nil, err
	}
	actors, err := actorsOf(claims)
	if err != nil {
		return nil, err
	}
	for _, actor := range actors {
		if from, _, declared := e.originOf(actor); !declared {
			return nil, notDeclared(actor, from)
		}
	}
	if p.subjects == subjectIdentity {
		from, account, declared := e.originOf(sub)
		if !declared {
			return nil, notDeclared(sub, from)
		}
		return &identity{subject: sub, origin: from, account: account, actors: actors}, nil
	}
	id, err := e.toldBy(p, sub, claims)
	if err != nil {
		return nil, err
	}
	id.actors = actors
	return id, nil
}

func notDeclared(subject string, from origin) error {
	return fmt.Errorf("the token was issued to %q, whose %s is no longer declared", shorten(subject, 200), from.label)
}

// tellSource is the value of sourceClaim: of an account not even the name.
func tellSource(id *identity) string {
	if id.account != nil {
		return string(KindServiceAccount)
	}
	return id.origin.String()
}

// toldBy is the identity behind a sub that does not say where it comes from.
func (e *Engine) toldBy(p *provider, sub string, claims Claims) (*identity, error) {
	source, err := claims.text(sourceClaim)
	if err != nil {
		return nil, err
	}
	kind, label, _ := strings.Cut(source, ".")
	from := origin{Kind(kind), label}
	if from.kind == KindServiceAccount {
		account, declared := e.accounts[sub]
		if p.subjects == subjectHashed {
			account, declared = p.hashes[sub]
		}
		if !declared {
			return nil, notDeclared(sub, from)
		}
		return &identity{subject: account.label, origin: account.origin(), account: account, told: sub}, nil
	}
	if declared, found := e.trusts[label]; !found || declared != from.kind {
		return nil, notDeclared(sub, from)
	}
	return &identity{subject: subjectOf(label, sub), origin: from, told: sub}, nil
}
