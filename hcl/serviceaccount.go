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
			{AttributeDoc: AttributeDoc{Name: "max_active", Type: TypeInt, Default: "no bound", Constraint: "1 or more.", Doc: "How many may be made that are neither expired nor revoked. One that was rotated and is on its way out does not count."}, inRange: atLeastOne},
			{AttributeDoc: AttributeDoc{Name: "allowed_cidrs", Type: TypeStrings, Filled: true, Default: "from anywhere", Constraint: "Networks in CIDR form.", Doc: "From where alone app passwords work, by the client's address as trusted_proxies tell it."}, check: checkNetwork},
		},
	}
}

func decodeAppPasswords(v *values) engine.AppPasswordRules {
	if v == nil {
		return engine.AppPasswordRules{}
	}
	rules := engine.AppPasswordRules{
		Decl:      v.decl,
		MaxAge:    v.duration("max_age"),
		MaxActive: v.whole("max_active"),
	}
	for _, text := range v.strs("allowed_cidrs") {
		if network, bad := parseNetwork(text); bad == (fault{}) {
			rules.AllowedCIDRs = append(rules.AllowedCIDRs, network)
		}
	}
	return rules
}

// checkNetwork wants a network. One of IPv6 that maps IPv4 would never be met:
// the address of a client is always the plain one.
func checkNetwork(s string) fault {
	const remedy = `Write a network in CIDR form, such as "10.0.0.0/8".`
	network, bad := parseNetwork(s)
	switch {
	case bad.summary == "is no network":
		return fault{summary: bad.summary, detail: remedy}
	case bad == (fault{}) && network.Addr().Is4In6():
		return fault{summary: "is a network of IPv4 in the form of IPv6", detail: remedy}
	}
	return bad
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
