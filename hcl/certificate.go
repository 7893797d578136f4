package hcl

import (
	"time"

	"github.com/m2md/m2md/engine"
)

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
		{AttributeDoc: AttributeDoc{Name: "leeway", Type: TypeDuration, Default: "0s", Doc: "How far the issuer's clock may differ, for exp and nbf.", Constraint: "At most 60s."}, inRange: between(0, engine.MaxLeeway)},
		{AttributeDoc: AttributeDoc{Name: "max_token_age", Type: TypeDuration, Default: "none", Doc: "How long ago a JWT may have been issued, by its iat.", Constraint: "Between 1s and 8760h."}, inRange: between(time.Second, 365*24*time.Hour)},
		{AttributeDoc: AttributeDoc{Name: "replay", Type: TypeString, Default: "allow", Words: []string{"allow", "once"}, Doc: "Whether a JWT may be used again; once counts by source, provider and jti."}},
	}
}

func decodeTrust(v *values) engine.Trust {
	return engine.Trust{
		Issuer:           v.str("issuer"),
		AllowAnyIssuer:   v.boolean("allow_any_issuer"),
		Audiences:        v.strs("audiences"),
		AllowAnyAudience: v.boolean("allow_any_audience"),
		Require:          v.requirement("require_claims"),
		Leeway:           v.duration("leeway"),
		MaxTokenAge:      v.duration("max_token_age"),
		UseOnce:          v.str("replay") == "once",
	}
}
