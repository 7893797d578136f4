package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine/issuer"
	"github.com/m2md/m2md/engine/jwks"
)

// anyIssuer says whether iss is not looked at.
func (t Trust) anyIssuer() bool { return t.AllowAnyIssuer || t.TrustDomain != "" && t.Issuer == "" }

// profileOf is what is known of the issuer of a source; the zero value for
// nothing.
func (c *compiler) profileOf(from origin) issuer.Profile {
	i := slices.IndexFunc(c.spec.Sources, func(s OAuthSource) bool { return from == origin{KindOAuthSource, s.Label} })
	if i < 0 {
		return issuer.Profile{}
	}
	profile, _ := issuer.Lookup(c.spec.Sources[i].Profile)
	return profile
}

// checkTrust asks of every source what must be pinned: who issued the token,
// and for whom.
func (c *compiler) checkTrust(from origin, d Decl, t Trust) {
	switch given := t.Issuer != "" || d.Unknown["issuer"]; {
	case given && t.AllowAnyIssuer:
		c.fault(d.AttrAt("allow_any_issuer"), `"allow_any_issuer" contradicts "issuer"`, "Remove one of them.")
	case !given && !t.AllowAnyIssuer && !c.profileOf(from).SPIFFE:
		c.fault(d.At, `"issuer" is missing`, "Give the iss of the tokens, byte for byte. Only if tokens of any issuer are meant that these keys sign, write allow_any_issuer = true.")
	}
	switch given := len(t.Audiences) > 0 || d.Unknown["audiences"]; {
	case given && t.AllowAnyAudience:
		c.fault(d.AttrAt("allow_any_audience"), `"allow_any_audience" contradicts "audiences"`, "Remove one of them.")
	case !given && !t.AllowAnyAudience:
		c.fault(d.At, `"audiences" is missing`, "Give the aud that the tokens must have, such as the external_url of this server; otherwise a token that was made for somebody else, and was seen by them, would be accepted here. Only if that is meant, write allow_any_audience = true.").ID = "WIF002"
	}
}

// checkProfile checks what the issuer's profile knows.
func (c *compiler) checkProfile(s OAuthSource) {
	if s.Profile != "" {
		if _, known := issuer.Lookup(s.Profile); !known {
			c.fault(s.AttrAt("profile"), "the profile is not known", "Known are: %s.%s", strings.Join(issuer.Names(), ", "), DidYouMean(s.Profile, issuer.Names()))
			return
		}
	}
	c.checkReplay(s)
	c.checkTrustDomain(s)
	switch {
	case !s.anyIssuer() || !sharedKeys(s):
	case s.AllowAnyIssuer:
		c.fault(s.AttrAt("allow_any_issuer"), `"allow_any_issuer" is refused for shared keys`, "These keys sign the tokens of many tenants, so the issuer must be pinned.").ID = "WIF009"
	case !s.Unknown["issuer"]:
		c.fault(s.At, `"issuer" is missing`, "These keys sign the tokens of many tenants, so the issuer must be pinned beside the trust domain.").ID = "WIF009"
	}
}

// checkTrustDomain wants a trust domain where it stands for the issuer, and
// there only.
func (c *compiler) checkTrustDomain(s OAuthSource) {
	profile, _ := issuer.Lookup(s.Profile)
	switch given := s.TrustDomain != "" || s.Unknown["trust_domain"]; {
	case s.Unknown["profile"]:
	case given && !profile.SPIFFE:
		c.fault(s.AttrAt("trust_domain"), `"trust_domain" is only for JWT-SVIDs`, `It asks for a sub that is a SPIFFE ID. Write profile = "spiffe", or remove it.`)
	case !given && profile.SPIFFE:
		c.fault(s.At, `"trust_domain" is missing`, `Give the trust domain whose workloads are meant, such as trust_domain = "example.org" for spiffe://example.org/ns/prod/sa/api. The iss of a JWT-SVID says nothing of it, or is not there.`)
	}
}

// checkReplay refuses replay = "once" where the issuer's tokens cannot be told
// apart, or are meant to be shown again.
func (c *compiler) checkReplay(s OAuthSource) {
	profile, known := issuer.Lookup(s.Profile)
	if !s.UseOnce || !known || profile.Replay == issuer.SingleUse {
		return
	}
	c.fault(s.AttrAt("replay"), fmt.Sprintf(`replay = "once" does not fit tokens of %s`, profile.Title),
		"They are shown many times until they expire, or have no jti by which one could be told from another. Remove it; max_token_age bounds how long a token can be shown.")
}

// checkReplayAtDoor refuses tokens that are taken once at a door that sees
// them with every request.
func (c *compiler) checkReplayAtDoor(f *ForwardAuth, p *provider) {
	if !f.AcceptInput {
		return
	}
	for from, t := range c.trusts {
		if t.once && p.trusted[t] {
			c.fault(f.AttrAt("accept"), fmt.Sprintf(`input JWTs of %s are taken once`, from),
				`A proxy asks with the same JWT for every request, and with replay = "once" only the first would pass. Have the machine get a token first, or remove replay from the source.`)
		}
	}
}

// sharedKeys says whether the keys of a source sign for many tenants.
func sharedKeys(s OAuthSource) bool {
	profile, _ := issuer.Lookup(s.Profile)
	_, published := issuer.SharedKeySet(cmp.Or(s.JWKSURL, s.WellKnownURL))
	return profile.Shared || published
}

// anyTenant says whether tokens of any tenant pass all checks of a source but
// those of claims.
func anyTenant(s OAuthSource) bool {
	profile, _ := issuer.Lookup(s.Profile)
	_, known := issuer.SharedIssuer(s.Issuer)
	// A profile_url answers whoever holds any application's token.
	asked := s.takesOpaque() && s.Opaque.IntrospectionURL == ""
	return known || profile.AnyTenant(s.Issuer) || asked
}

// checkSubject wants an access from a shared issuer to say whom it means.
func (c *compiler) checkSubject(a Access, ref Ref) {
	if ref.Kind != KindOAuthSource || a.AllowAnySubject || a.Require != nil || slices.ContainsFunc(a.Policies, c.counts) || a.Unknown["require_claims"] || a.Unknown["policies"] {
		return
	}
	for _, s := range c.spec.Sources {
		if s.Label == ref.Label && s.Require == nil && !s.Unknown["require_claims"] && anyTenant(s) {
			c.fault(ref.At, fmt.Sprintf("access %q lets every tenant of %s in", a.Label, ref),
				"Anybody can get a token of this issuer. Add require_claims with something that only yours have, such as repository_owner_id, or a policy%s. Only if everybody is meant, write allow_any_subject = true.", shadowRemark(a)).ID = "WIF001"
		}
	}
}

// shadowRemark says why the policies that are there do not help.
func shadowRemark(a Access) string {
	if len(a.Policies) > 0 {
		return " that counts: those that are named are all in shadow"
	}
	return ""
}

// checkSharedKeys refuses the same key under the same issuer in two sources: a
// token would have two identities. Any issuer is the same as each. Remote keys
// are told apart by where they come from.
func (c *compiler) checkSharedKeys() {
	type holder struct {
		Decl
		Trust
	}
	holders := map[string][]holder{}
	see := func(d Decl, t Trust, key, attribute string) {
		if t.Issuer == "" && (!t.anyIssuer() || d.Unknown["issuer"]) { // unknown, or told of already
			return
		}
		for _, other := range holders[key] {
			if other.Label != d.Label && (other.Issuer == t.Issuer || other.anyIssuer() || t.anyIssuer()) {
				c.fault(d.AttrAt(attribute), fmt.Sprintf("%q and %q share a key and an issuer", other.Label, d.Label),
					"A token would have two identities. The other is at %s; merge them, or remove the key from one.", other.At).ID = "CFG006"
				return
			}
		}
		holders[key] = append(holders[key], holder{d, t})
	}
	for _, s := range c.spec.Sources {
		switch {
		case s.JWKSURL != "":
			see(s.Decl, s.Trust, s.JWKSURL, "oidc_jwks_url")
		case s.WellKnownURL != "":
			see(s.Decl, s.Trust, s.WellKnownURL, "oidc_well_known_url")
		default:
			for _, key := range c.staticKeys(origin{KindOAuthSource, s.Label}) {
				see(s.Decl, s.Trust, key.Thumbprint, "issuer")
			}
		}
	}
	for _, s := range c.spec.Certificates {
		for _, key := range c.staticKeys(origin{KindCertificate, s.Label}) {
			see(s.Decl, s.Trust, key.Thumbprint, "issuer")
		}
	}
}

// staticKeys are the keys of a source that the files hold.
func (c *compiler) staticKeys(from origin) []jwks.Key {
	switch keys := c.trusts[from].keys.(type) {
	case certificateKeys:
		all := make([]jwks.Key, len(keys))
		for i, key := range keys {
			all[i] = key.Key
		}
		return all
	case sourceKeys:
		if set, static := keys.Source.(*jwks.Set); static {
			return set.Keys()
		}
	}
	return nil
}
