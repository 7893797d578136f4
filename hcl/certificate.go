package hcl

import "github.com/m2md/m2md/engine"

func certificateBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "verification_certificate", Labelled: true,
			Doc: "A certificate, chain or bare public key whose owner signs input JWTs. No private key is needed.",
		},
		attributes: append([]attribute{
			{AttributeDoc: AttributeDoc{Name: "certificate_file", Type: TypeFile, Doc: "The certificate, chain or public key, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "certificate", Type: TypeString, Doc: "The same, in the place of certificate_file."}, check: notEmpty},
		}, trustAttributes()...),
		choices: []choice{{names: []string{"certificate_file", "certificate"}, required: true}},
		decode: func(v *values, spec *engine.Spec) {
			spec.Certificates = append(spec.Certificates, engine.VerificationCertificate{
				Decl:        v.decl,
				Trust:       decodeTrust(v),
				Certificate: v.file("certificate_file", "certificate"),
			})
		},
	}
}

// trustAttributes are those of everything that verifies input JWTs.
func trustAttributes() []attribute {
	return []attribute{
		{AttributeDoc: AttributeDoc{Name: "issuer", Type: TypeString, Doc: "What iss must be, byte for byte."}, check: notEmpty},
		flag("allow_any_issuer", "Takes any iss, in the place of issuer."),
		{AttributeDoc: AttributeDoc{Name: "audiences", Type: TypeStrings, Filled: true, Doc: "What aud must name one of."}, check: notEmpty},
		flag("allow_any_audience", "Takes any aud, in the place of audiences."),
		{AttributeDoc: AttributeDoc{Name: "require_claims", Type: TypeRequirement, Doc: "What the claims of every JWT must be."}},
		notYet("leeway", TypeDuration, "How far the clocks may differ."),
		notYet("max_token_age", TypeDuration, "How long ago a JWT may have been issued."),
		notYet("replay", TypeString, "Whether a JWT may be used more than once."),
	}
}

func decodeTrust(v *values) engine.Trust {
	return engine.Trust{
		Issuer:           v.str("issuer"),
		AllowAnyIssuer:   v.boolean("allow_any_issuer"),
		Audiences:        v.strs("audiences"),
		AllowAnyAudience: v.boolean("allow_any_audience"),
		Require:          v.requirement("require_claims"),
	}
}
