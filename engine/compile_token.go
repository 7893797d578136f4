package engine

import (
	"fmt"
	"slices"
	"strings"
)

// ownClaims are those that m2md sets, and those that verifiers believe to be
// the issuer's own word: no file and no mapping adds them.
var ownClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "act", "may_act", "cnf",
	"azp", "nonce", "at_hash", "c_hash", "s_hash", "auth_time", "acr", "amr", "events", "typ", "sub_id", sourceClaim,
}

// ownPrefix begins the names that m2md keeps for claims of its own.
const ownPrefix = "m2md_"

// isOwnClaim says whether no file and no mapping may set a claim. Upper and lower
// case are alike, and so is what folds to them: verifiers that decode with Go's
// encoding/json take "ISS" and "ſub" for iss and sub, and the last of them counts.
func isOwnClaim(name string) bool {
	own := slices.ContainsFunc(ownClaims, func(own string) bool { return strings.EqualFold(own, name) })
	return own || len(name) >= len(ownPrefix) && strings.EqualFold(name[:len(ownPrefix)], ownPrefix)
}

// maxClaims bounds what the files add to a token, as JSON, in bytes: tokens
// travel in headers, whose length is bounded by servers.
const maxClaims = 4 << 10

// checkClaims judges the claims that a provider's tokens have besides.
func (c *compiler) checkClaims(p Provider) {
	for name := range p.Claims {
		if isOwnClaim(name) {
			c.fault(p.AttrAt("claims"), fmt.Sprintf("the claim %q is m2md's to set", name), "What an issued token says of itself and of its holder is never replaced. Choose another name.")
		}
	}
	if len(mustEncode(p.Claims)) > maxClaims {
		c.fault(p.AttrAt("claims"), `"claims" are too long`, "Written as JSON, they may have 4096 bytes: tokens travel in headers.")
	}
}

// checkSubjects wants each sub to be one holder's, and a token that is proof
// elsewhere to say whose it is. It runs once it is known who gets in where.
func (c *compiler) checkSubjects() {
	for _, p := range c.spec.Providers {
		compiled := c.engine.providers[p.Label]
		switch compiled.subjects {
		case subjectInput:
			if len(compiled.reach) > 1 {
				c.fault(p.AttrAt("sub"), `sub = "input" needs one source`, "Several sources and accounts get into provider %q, and the sub of one may be that of another: somebody could take a name. Leave sub out, which puts the source before it, or give each source a provider.", p.Label)
			}
		case subjectHashed:
			compiled.hashes = map[string]*account{}
			for from := range compiled.reach {
				if from.kind == KindServiceAccount {
					compiled.hashes[compiled.hashed(from.label)] = c.engine.accounts[from.label]
				}
			}
		}
		for _, a := range p.Accesses {
			for _, ref := range a.From {
				if other := c.engine.providers[ref.Label]; ref.Kind == KindProvider && other != nil && other.subjects == subjectHashed {
					c.fault(ref.At, fmt.Sprintf("tokens of %s do not say whose they are", ref), `Its sub is "hashed", so that a token cannot be proof anywhere else. Leave that out there, or name its sources here.`)
				}
			}
		}
	}
}
