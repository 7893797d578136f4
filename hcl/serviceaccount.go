package hcl

import "github.com/m2md/m2md/engine"

func accountBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "service_account", Labelled: true,
			Doc: "A machine that m2md itself knows, by app passwords.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "display_name", Type: TypeString, Doc: "A name for people."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "groups", Type: TypeStrings, Doc: "What the account belongs to; policies and headers tell it."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "attributes", Type: TypeObject, Doc: "Anything else that policies should know."}},
		},
		blocks: []*block{
			appPasswordsBlock(),
			accountJWTBlock(),
		},
		decode: func(v *values, spec *engine.Spec) {
			spec.Accounts = append(spec.Accounts, engine.ServiceAccount{
				Decl:         v.decl,
				DisplayName:  v.str("display_name"),
				Groups:       v.strs("groups"),
				Attributes:   v.object("attributes"),
				AppPasswords: decodeAppPasswords(v.one("app_passwords")),
				JWTs:         decodeAccountJWTs(v.all("jwt")),
			})
		},
	}
}

func appPasswordsBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "app_passwords", Single: true,
			Doc: "Bounds of the account's app passwords. They hold for those that exist, too.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "max_age", Type: TypeDuration, Default: "no bound", Constraint: "More than 0s.", Doc: "How long after its creation an app password works."}, inRange: atLeastOne},
			{AttributeDoc: AttributeDoc{Name: "max_active", Type: TypeInt, Default: "no bound", Constraint: "1 or more.", Doc: "How many may be neither expired nor revoked."}, inRange: atLeastOne},
			notYet("allowed_cidrs", TypeStrings, "Networks from which app passwords work."),
		},
	}
}

func decodeAppPasswords(v *values) engine.AppPasswordRules {
	if v == nil {
		return engine.AppPasswordRules{}
	}
	return engine.AppPasswordRules{
		Decl:      v.decl,
		MaxAge:    v.duration("max_age"),
		MaxActive: v.whole("max_active"),
	}
}

func accountJWTBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "jwt",
			Doc:  "Input JWTs whose owner gets in as the account, where an access names the account.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "source", Type: TypeReference, Required: true, Kinds: []engine.Kind{engine.KindOAuthSource, engine.KindCertificate}, Doc: "What signs them."}},
			{AttributeDoc: AttributeDoc{Name: "require_claims", Type: TypeRequirement, Required: true, Doc: "What their claims must be, so that they are this account's alone."}},
		},
	}
}

func decodeAccountJWTs(all []*values) []engine.AccountJWT {
	var jwts []engine.AccountJWT
	for _, v := range all {
		jwts = append(jwts, engine.AccountJWT{Decl: v.decl, Source: v.reference("source"), Require: v.requirement("require_claims")})
	}
	return jwts
}
