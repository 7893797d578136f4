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
			flag("allow_http", "What is fetched, and asked, may go without TLS."),
			{AttributeDoc: AttributeDoc{Name: "ca_file", Type: TypeFile, Default: "the system's", Doc: "Roots for the fetch, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "ca", Type: TypeString, Doc: "The same, in the place of ca_file."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "introspection_url", Type: TypeString, Doc: "Where the issuer tells of its opaque tokens (RFC 7662); with consumer_key and consumer_secret.", Constraint: urlRule}, check: checkURL},
			{AttributeDoc: AttributeDoc{Name: "consumer_key", Type: TypeString, Doc: "m2md's client_id at the issuer, for introspection_url."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "consumer_secret_file", Type: TypeFile, Doc: "A file that holds the secret of consumer_key."}},
			{AttributeDoc: AttributeDoc{Name: "consumer_secret", Type: TypeString, Secret: true, Doc: "The same by env(), in the place of consumer_secret_file."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "profile_url", Type: TypeString, Doc: "What answers an opaque token of the issuer with claims of its holder, as userinfo does. Without effect on a source that has keys.", Constraint: urlRule}, check: checkURL},
			{AttributeDoc: AttributeDoc{Name: "subject_claim", Type: TypeString, Default: "sub", Doc: "The member of that answer that says who holds the token: a string, or a whole number.", Constraint: "Something that never changes hands, as an id."}, check: notEmpty},
			noEffect("authorization_url", "The issuer's authorization endpoint."),
			noEffect("access_token_url", "The issuer's token endpoint."),
		}, trustAttributes()...),
		choices: []choice{
			{names: []string{"oidc_jwks_url", "oidc_well_known_url", "oidc_jwks_file", "oidc_jwks"}, required: true, unless: []string{"introspection_url", "profile_url"}},
			{names: []string{"consumer_secret_file", "consumer_secret"}},
			{names: []string{"ca_file", "ca"}},
		},
		decode: func(v *values, spec *engine.Spec) { spec.Sources = append(spec.Sources, decodeSource(v)) },
	}
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
		Opaque: engine.OpaqueTokens{
			IntrospectionURL: v.str("introspection_url"),
			ConsumerKey:      v.str("consumer_key"),
			ConsumerSecret:   v.file("consumer_secret_file", "consumer_secret").Content,
			SecretPath:       v.file("consumer_secret_file", "consumer_secret").Path,
			ProfileURL:       v.str("profile_url"),
			SubjectClaim:     v.str("subject_claim"),
		},
		AllowHTTP: v.boolean("allow_http"),
		CA:        v.file("ca_file", "ca"),
	}
}
