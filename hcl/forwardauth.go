package hcl

import (
	"slices"

	"github.com/m2md/m2md/engine"
)

func forwardAuthBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "forward_auth", Single: true,
			Doc: "Guards a host behind a proxy that asks m2md about each request.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "external_host", Type: TypeString, Doc: "The host that clients ask for, by which the provider is found.", Constraint: "Lower case, with a port only where clients use one."}, check: checkHost},
			{AttributeDoc: AttributeDoc{Name: "skip_paths", Type: TypeStrings, Doc: "Paths that need no proof.", Constraint: `Exact, or ending in "/*".`}, check: checkSkipPath},
			{AttributeDoc: AttributeDoc{Name: "accept", Type: TypeStrings, Words: []string{"input_jwt", "opaque_token"}, Doc: "What counts at the door besides tokens of this provider and app passwords."}},
			{AttributeDoc: AttributeDoc{Name: "policies", Type: TypeReferences, Kinds: []engine.Kind{engine.KindPolicy}, Doc: "What decides at the door, for every request."}},
		},
		blocks: []*block{notYetBlock("headers", false, "Headers for the guarded host.")},
	}
}

func decodeForwardAuth(v *values) *engine.ForwardAuth {
	return &engine.ForwardAuth{
		Decl:         v.decl,
		ExternalHost: v.str("external_host"),
		SkipPaths:    v.strs("skip_paths"),
		AcceptInput:  slices.Contains(v.strs("accept"), "input_jwt"),
		AcceptOpaque: slices.Contains(v.strs("accept"), "opaque_token"),
		Policies:     v.references("policies"),
	}
}
