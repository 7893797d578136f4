package hcl

import "github.com/m2md/m2md/engine"

func accessBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "access", Labelled: true,
			Doc: "One way to be let in. The first that fits decides, and its label is the rule in the decision log.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{
				Name: "from", Type: TypeReferences, Required: true, Filled: true,
				Kinds: []engine.Kind{engine.KindOAuthSource, engine.KindCertificate, engine.KindServiceAccount, engine.KindProvider},
				Doc:   "Where identities may come from.",
			}},
			{AttributeDoc: AttributeDoc{Name: "require_claims", Type: TypeRequirement, Doc: "What the claims of the input JWT must be."}},
			{AttributeDoc: AttributeDoc{Name: "policies", Type: TypeReferences, Kinds: []engine.Kind{engine.KindPolicy}, Doc: "What decides besides."}},
			policyMode(),
			flag("allow_any_subject", "Lets in everybody at a shared issuer, though neither a claim nor a policy says who."),
		},
	}
}

func policyMode() attribute {
	return attribute{AttributeDoc: AttributeDoc{Name: "policy_mode", Type: TypeString, Default: "all", Words: []string{"all", "any"}, Doc: "Whether all policies must pass, or one."}}
}

func (v *values) policyMode() engine.PolicyMode {
	if v.str("policy_mode") == "any" {
		return engine.AnyPolicy
	}
	return engine.AllPolicies
}

func decodeAccess(v *values) engine.Access {
	return engine.Access{
		Decl:            v.decl,
		From:            v.references("from"),
		Require:         v.requirement("require_claims"),
		Policies:        v.references("policies"),
		Mode:            v.policyMode(),
		AllowAnySubject: v.boolean("allow_any_subject"),
	}
}
