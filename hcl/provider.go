package hcl

import (
	"time"

	"github.com/m2md/m2md/engine"
)

func providerBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "provider", Labelled: true,
			Doc: "Something that tokens are issued for, or that is guarded.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{Name: "client_id", Type: TypeString, Default: "the label", Doc: "The client_id of RFC 6749.", Constraint: "Printable ASCII (RFC 6749 §A.1)."}, check: checkClientID},
			{AttributeDoc: AttributeDoc{Name: "audience", Type: TypeStrings, Filled: true, Default: "[client_id]", Doc: "The aud of issued tokens."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "scopes", Type: TypeStrings, Default: "none", Doc: "What may be granted.", Constraint: "Scope tokens (RFC 6749 §3.3)."}, check: checkScope},
			{AttributeDoc: AttributeDoc{Name: "access_token_ttl", Type: TypeDuration, Default: "15m", Doc: "How long an issued token is valid.", Constraint: "A whole number of seconds between 1s and 24h."}, inRange: checkLifetime},
			{AttributeDoc: AttributeDoc{Name: "signing_key", Type: TypeReference, Kinds: []engine.Kind{engine.KindSigningKey}, Default: "the only one", Doc: "The key that signs."}},
			notYet("mappings", TypeReferences, "What adds claims to issued tokens."),
			notYet("compat", TypeString, "Whose paths, issuer and header names to imitate."),
			notYet("issuer_mode", TypeString, "The form of the issuer and of its documents' paths."),
			notYet("sub", TypeString, "What the sub of issued tokens is."),
			notYet("not_after_input", TypeBool, "An issued token ends no later than its input JWT."),
			notYet("allowed_origins", TypeStrings, "Origins that may ask from a browser."),
			notYet("claims", TypeObject, "Claims that issued tokens carry."),
		},
		blocks: []*block{
			accessBlock(), forwardAuthBlock(),
			notYetBlock("proxy", false, "A reverse proxy that guards an upstream."),
			notYetBlock("registry", false, "Token authentication of container registries."),
		},
		decode: func(v *values, spec *engine.Spec) { spec.Providers = append(spec.Providers, decodeProvider(v)) },
	}
}

func decodeProvider(v *values) engine.Provider {
	provider := engine.Provider{
		Decl:           v.decl,
		ClientID:       v.str("client_id"),
		Audience:       v.strs("audience"),
		Scopes:         v.strs("scopes"),
		AccessTokenTTL: engine.Lifetime(v.duration("access_token_ttl")),
		SigningKey:     v.reference("signing_key"),
	}
	for _, access := range v.all("access") {
		provider.Accesses = append(provider.Accesses, decodeAccess(access))
	}
	if guard := v.one("forward_auth"); guard != nil {
		provider.ForwardAuth = decodeForwardAuth(guard)
	}
	return provider
}

func checkLifetime(nanoseconds int64) fault {
	if _, err := engine.ParseLifetime(time.Duration(nanoseconds)); err != nil {
		return fault{summary: "is out of range", detail: "It must be a whole number of seconds between 1s and 24h."}
	}
	return fault{}
}
