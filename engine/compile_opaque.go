package engine

import (
	"strings"

	"github.com/m2md/m2md/engine/opaque"
)

// opaqueTokens takes the handle by which a source is asked about its opaque
// tokens; nil where it is not.
func (c *compiler) opaqueTokens(s OAuthSource) *opaque.Remote {
	if len(s.Unknown) > 0 || !s.takesOpaque() {
		return nil
	}
	o, attribute := s.Opaque, "introspection_url"
	if o.IntrospectionURL == "" {
		attribute = "profile_url"
	} else if o.ConsumerKey == "" || o.ConsumerSecret == "" {
		c.fault(s.AttrAt(attribute), `"introspection_url" needs "consumer_key" and "consumer_secret"`, "An issuer tells of its tokens only to whom it knows (RFC 7662 §2.1). Give both; the secret by consumer_secret_file or env().")
		return nil
	}
	if s.UseOnce {
		c.fault(s.AttrAt("replay"), `replay = "once" does not fit opaque tokens`, "They are shown many times until they expire, and need have no jti by which one could be told from another. Remove it.")
	}
	if s.TrustDomain != "" {
		c.fault(s.AttrAt(attribute), "a JWT-SVID is never opaque", "Remove %s, or the trust_domain.", attribute)
	}
	roots, ok := c.roots(s)
	if !ok {
		return nil
	}
	config := opaque.Config{
		IntrospectionURL: o.IntrospectionURL,
		ClientID:         o.ConsumerKey,
		ClientSecret:     strings.TrimSpace(string(o.ConsumerSecret)),
		AllowHTTP:        s.AllowHTTP,
		CAPEM:            roots,
	}
	if o.IntrospectionURL == "" {
		config.ProfileURL = o.ProfileURL
	}
	remote, err := c.deps.Opaque.Remote(config)
	if err != nil {
		c.fault(s.AttrAt(attribute), "the source cannot be asked there about its tokens", "%s.", err)
		return nil
	}
	c.engine.opaques = append(c.engine.opaques, remote)
	return remote
}

// hasKeys says whether a source signs JWTs.
func (s OAuthSource) hasKeys() bool {
	for _, name := range []string{"oidc_jwks", "oidc_jwks_file", "oidc_jwks_url", "oidc_well_known_url"} {
		if s.Has(name) {
			return true
		}
	}
	return s.JWKSURL != "" || s.WellKnownURL != "" || s.JWKS.Content != ""
}

// takesOpaque says whether opaque tokens of a source are proof. A profile_url
// beside keys is left from authentik, which asks for one: it opens nothing.
func (s OAuthSource) takesOpaque() bool {
	return s.Opaque.IntrospectionURL != "" || s.Opaque.ProfileURL != "" && !s.hasKeys()
}

// idleOpaque tells what is said of opaque tokens to no effect.
func (c *compiler) idleOpaque(s OAuthSource) {
	if len(s.Unknown) > 0 {
		return
	}
	why := "Only opaque tokens need it, and this source has none; introspection_url makes them usable."
	if s.Opaque.IntrospectionURL == "" {
		for _, name := range []string{"consumer_key", "consumer_secret", "consumer_secret_file"} {
			if s.Has(name) {
				c.note(s.AttrAt(name), `"`+name+`"`, "It is for introspection_url, which is not given.")
			}
		}
	} else if s.Has("profile_url") {
		c.note(s.AttrAt("profile_url"), `"profile_url"`, "The source is asked at its introspection_url.")
	}
	if s.takesOpaque() {
		return
	}
	for _, name := range []string{"profile_url", "subject_claim"} {
		if s.Has(name) {
			c.note(s.AttrAt(name), `"`+name+`"`, why)
		}
	}
}
