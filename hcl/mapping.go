package hcl

import "github.com/m2md/m2md/engine"

func mappingBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "mapping", Labelled: true,
			Doc: "Claims in JavaScript, that issued tokens carry beside those of RFC 9068.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "script", Type: TypeScript, Doc: "The body of function(request, inputs), which returns an object of claims. It is never interpolated."}},
			{AttributeDoc: AttributeDoc{Name: "script_file", Type: TypeScriptFile, Doc: "The same in a file of its own.", Constraint: "As that of a policy."}, check: checkScriptFile},
			{AttributeDoc: AttributeDoc{Name: "inputs", Type: TypeObject, Doc: "Values that the script sees as inputs."}},
		},
		choices: []choice{{names: []string{"script", "script_file"}, required: true}},
		decode: func(v *values, spec *engine.Spec) {
			spec.Mappings = append(spec.Mappings, engine.MappingSource{Decl: v.decl, Script: v.script(), Inputs: v.object("inputs")})
		},
	}
}
