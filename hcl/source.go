package hcl

import "github.com/m2md/m2md/engine"

func sourceBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "oauth_source", Labelled: true,
			Doc: "An issuer of input JWTs that publishes its keys.",
		},
		attributes: append([]attribute{
			{AttributeDoc: AttributeDoc{
				Name: "profile", Type: TypeString,
				Doc: "What m2md knows of this issuer: its claims, their types, its traps.",
			}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "oidc_jwks", Type: TypeString, Doc: "The key set itself (RFC 7517 §5), as JSON."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "oidc_jwks_file", Type: TypeFile, Doc: "A file that holds the key set."}},
			{AttributeDoc: AttributeDoc{Name: "oidc_jwks_url", Type: TypeString, Doc: "Where the key set is fetched.", Constraint: urlRule}, check: checkURL},
			{AttributeDoc: AttributeDoc{Name: "oidc_well_known_url", Type: TypeString, Doc: "The discovery document that names the key set's URL.", Constraint: urlRule}, check: checkURL},
			{AttributeDoc: AttributeDoc{
				Name: "trust_domain", Type: TypeString,
				Doc:        "The trust domain of the workloads, with profile spiffe: sub must be a SPIFFE ID of it. issuer may then be left out.",
				Constraint: "Lower case letters, digits, dots, dashes and underscores, at most 255.",
			}, check: checkTrustDomain},
			flag("allow_http", "Keys may be fetched without TLS."),
			{AttributeDoc: AttributeDoc{Name: "ca_file", Type: TypeFile, Default: "the system's", Doc: "Roots for the fetch, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "ca", Type: TypeString, Doc: "The same, in the place of ca_file."}, check: notEmpty},
			notYet("introspection_url", TypeString, "Where opaque tokens are introspected (RFC 7662)."),
			noEffect("consumer_key", "m2md's client_id at the issuer."),
			consumerSecret(),
			noEffect("authorization_url", "The issuer's authorization endpoint."),
			noEffect("access_token_url", "The issuer's token endpoint."),
			noEffect("profile_url", "The issuer's userinfo endpoint."),
		}, trustAttributes()...),
		choices: []choice{
			{names: []string{"oidc_jwks_url", "oidc_well_known_url", "oidc_jwks_file", "oidc_jwks"}, required: true},
			{names: []string{"ca_file", "ca"}},
		},
		decode: func(v *values, spec *engine.Spec) { spec.Sources = append(spec.Sources, decodeSource(v)) },
	}
}

func consumerSecret() attribute {
	a := noEffect("consumer_secret", "The secret of consumer_key, by env().")
	a.Secret = true
	return a
}

func checkTrustDomain(s string) fault {
	if engine.ValidTrustDomain(s) {
		return fault{}
	}
	return fault{summary: "is no trust domain", detail: `Write its name alone, such as "example.org": lower case letters, digits, dots, dashes and underscores, at most 255 of them; no spiffe:// and no path.`}
}

func decodeSource(v *values) engine.OAuthSource {
	trust := decodeTrust(v)
	trust.TrustDomain = v.str("trust_domain")
	return engine.OAuthSource{
		Decl:         v.decl,
		Trust:        trust,
		Profile:      v.str("profile"),
		JWKS:         v.file("oidc_jwks_file", "oidc_jwks"),
		JWKSURL:      v.str("oidc_jwks_url"),
		WellKnownURL: v.str("oidc_well_known_url"),
		AllowHTTP:    v.boolean("allow_http"),
		CA:           v.file("ca_file", "ca"),
	}
}
