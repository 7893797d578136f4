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
			{AttributeDoc: AttributeDoc{Name: "script_file", Type: TypeScriptFile, Doc: "The same in a file of its own.", Constraint: "A .js file below the configuration, of at most 16 KiB."}, check: checkScriptFile},
			{AttributeDoc: AttributeDoc{Name: "inputs", Type: TypeObject, Doc: "Values that the script sees as inputs."}},
			notYet("shadow_until", TypeString, "Until when the policy only reports what it would decide."),
		},
		choices: []choice{{names: []string{"script", "script_file"}, required: true}},
		decode: func(v *values, spec *engine.Spec) {
			spec.Policies = append(spec.Policies, engine.PolicySource{
				Decl:   v.decl,
				Script: v.script(),
				Inputs: v.object("inputs"),
			})
		},
	}
}
