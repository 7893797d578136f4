package engine

import (
	"cmp"
	"fmt"

	"github.com/m2md/m2md/engine/jwks"
)

// sources compiles what signs input JWTs. Sources and certificates share one
// namespace, because their labels begin the names of identities.
func (c *compiler) sources() {
	seen := map[string]Decl{}
	for _, s := range c.spec.Sources {
		t := c.trust(origin{KindOAuthSource, s.Label}, s.Decl, s.Trust, c.sourceKeys(s))
		t.opaque, t.holder = c.opaqueTokens(s), cmp.Or(s.Opaque.SubjectClaim, "sub")
		c.checkProfile(s)
		c.unique(seen, s.Decl, "the source")
	}
	for _, s := range c.spec.Certificates {
		c.trust(origin{KindCertificate, s.Label}, s.Decl, s.Trust, c.certificateKeys(s))
		c.unique(seen, s.Decl, "the source")
	}
	c.checkSharedKeys()
}

// trust adds a source whose keys were compiled; nil keys were told of already.
func (c *compiler) trust(from origin, d Decl, t Trust, keys keySource) *trust {
	c.checkTrust(from, d, t)
	c.engine.trusts[from.label] = from.kind
	c.trusts[from] = &trust{
		origin:      from,
		issuer:      t.Issuer,
		trustDomain: t.TrustDomain,
		audiences:   t.Audiences,
		anyAudience: t.AllowAnyAudience,
		require:     t.Require,
		times:       timeRules{leeway: t.Leeway, maxAge: t.MaxTokenAge},
		once:        t.UseOnce,
		keys:        keys,
	}
	return c.trusts[from]
}

// certificateKeys reads a certificate's PEM.
func (c *compiler) certificateKeys(s VerificationCertificate) keySource {
	if s.Unknown["certificate"] || s.Unknown["certificate_file"] {
		return certificateKeys{}
	}
	keys, err := parseCertificates([]byte(s.Certificate.Content))
	if err != nil {
		c.fault(firstOf(s.Decl, "certificate", "certificate_file"), "the certificate cannot be used", "Reading it: %s.", err)
		return nil
	}
	for _, key := range keys {
		if !key.notAfter.IsZero() {
			c.valid(firstOf(s.Decl, "certificate", "certificate_file"), CertificateValidity{s.Label, key.notBefore, key.notAfter})
		}
	}
	return keys
}

// sourceKeys reads inline keys, or takes the handle of remote ones.
func (c *compiler) sourceKeys(s OAuthSource) keySource {
	switch {
	case len(s.Unknown) > 0:
		return sourceKeys{jwks.NewSet(nil)}
	case s.JWKSURL != "" || s.WellKnownURL != "":
		return c.remoteKeys(s)
	case s.takesOpaque() && !s.hasKeys():
		return nil
	}
	at := firstOf(s.Decl, "oidc_jwks", "oidc_jwks_file")
	keys, skipped, err := jwks.Decode([]byte(s.JWKS.Content))
	if err != nil {
		c.fault(at, "the keys of the source cannot be read", "A JSON Web Key Set is needed, as from `kubectl get --raw /openid/v1/jwks`: %s.", withoutQuotes(err.Error()))
		return nil
	}
	for _, skip := range skipped {
		c.tell(Warning, at, fmt.Sprintf("key %d of the set is not used", skip.Index+1), "%s.", withoutQuotes(skip.Reason)).ID = "WIF022"
	}
	if len(keys) == 0 {
		c.fault(at, "the source has no usable key", "Every key of the set was skipped, so no token of this source could be verified.")
		return nil
	}
	return sourceKeys{jwks.NewSet(keys)}
}

func (c *compiler) remoteKeys(s OAuthSource) keySource {
	config := jwks.Config{
		URL:          s.JWKSURL,
		WellKnownURL: s.WellKnownURL,
		Issuer:       s.Issuer,
		AnyIssuer:    s.anyIssuer(),
		AllowHTTP:    s.AllowHTTP,
	}
	var ok bool
	if config.CAPEM, ok = c.roots(s); !ok {
		return nil
	}
	remote, err := c.deps.KeySets.Remote(config)
	if err != nil {
		c.fault(firstOf(s.Decl, "oidc_jwks_url", "oidc_well_known_url"), "the keys of the source cannot be fetched from there", "%s.", err)
		return nil
	}
	c.engine.remotes = append(c.engine.remotes, remote)
	return sourceKeys{remote}
}

// roots are those for what is fetched from a source; none for the system's.
func (c *compiler) roots(s OAuthSource) (pem []byte, ok bool) {
	given := s.Has("ca") || s.Has("ca_file")
	if given && s.CA.Content == "" { // which would stand for the system's roots
		c.fault(firstOf(s.Decl, "ca", "ca_file"), "the CA is empty", "Give the certificates of the roots as PEM, or leave it out to take the system's.")
		return nil, false
	}
	return []byte(s.CA.Content), true
}
