package hcl

import "github.com/m2md/m2md/engine"

func policyBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "policy", Labelled: true,
			Doc: "A decision in JavaScript. Only the boolean true passes.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "script", Type: TypeScript, Doc: "The body of function(request, inputs). It is never interpolated."}},
			{AttributeDoc: AttributeDoc{Name: "script_file", Type: TypeScriptFile, Doc: "The same in a file of its own.", Constraint: "A .js or .ts file below the configuration, of at most 16 KiB. With import or export it is a module, whose export default is the function; what it imports stands below the configuration, too."}, check: checkScriptFile},
			{AttributeDoc: AttributeDoc{Name: "inputs", Type: TypeObject, Doc: "Values that the script sees as inputs."}},
			{AttributeDoc: AttributeDoc{Name: "shadow_until", Type: TypeString, Doc: "Until when the policy is asked and recorded, but decides nothing.", Constraint: "A time as of RFC 3339, such as 2030-01-31T00:00:00Z."}, check: checkTime},
		},
		choices: []choice{{names: []string{"script", "script_file"}, required: true}},
		decode: func(v *values, spec *engine.Spec) {
			spec.Policies = append(spec.Policies, engine.PolicySource{
				Decl:   v.decl,
				Script: v.script(),
				Inputs: v.object("inputs"),

				ShadowUntil: parseTime(v.str("shadow_until")),
			})
		},
	}
}
