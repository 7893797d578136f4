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
			policyMode(),
			{AttributeDoc: AttributeDoc{Name: "policy_headers", Type: TypeStrings, Default: "none", Doc: "Header fields of the guarded request that policies see in request.http.headers.", Constraint: "Names of fields, none of which holds a secret or is how proxies tell of a request."}, check: checkHeaderName},
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
		Mode:         v.policyMode(),

		PolicyHeaders: v.strs("policy_headers"),
	}
}

// checkHeaderName judges the form of a header field's name, a part of RFC 9110
// §5.1's: _ and . are left out, as servers take them for others.
func checkHeaderName(s string) fault {
	if s == "" || len(s) > 64 || !onlyBytes(s, func(c byte) bool {
		return c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}) {
		return fault{summary: "is no header", detail: "Write the name of a header field, such as \"User-Agent\": letters, digits and -."}
	}
	return fault{}
}
