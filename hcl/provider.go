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
			{AttributeDoc: AttributeDoc{Name: "mappings", Type: TypeReferences, Kinds: []engine.Kind{engine.KindMapping}, Doc: "What adds claims to issued tokens, in order: of one name the later wins, and all win over claims."}},
			flag("policy_messages", "A client that is not let in is told what policies say of it by message()."),
			{AttributeDoc: AttributeDoc{Name: "compat", Type: TypeString, Words: []string{"authentik"}, Doc: "Is to clients what authentik was: issuer_mode is authentik, and a client_secret beside username and password counts for nothing."}},
			{AttributeDoc: AttributeDoc{Name: "issuer_mode", Type: TypeString, Words: []string{"m2md", "authentik", "global"}, Default: "m2md", Doc: "The iss of issued tokens: EXTERNAL_URL/providers/NAME, EXTERNAL_URL/application/o/NAME/, or EXTERNAL_URL for all that say so."}},
			{AttributeDoc: AttributeDoc{Name: "sub", Type: TypeString, Words: []string{"identity", "input", "hashed"}, Default: "identity", Doc: "The sub of issued tokens: an account's name or SOURCE/sub; the sub of the token that was shown; or a hash of the identity that is the provider's own."}},
			flag("not_after_input", "An issued token ends no later than the token that was shown."),
			{AttributeDoc: AttributeDoc{Name: "allowed_origins", Type: TypeStrings, Default: "none", Doc: "Origins of web pages that may ask for tokens (CORS).", Constraint: "As browsers write them: scheme, host, and a port that is not the scheme's own."}, check: checkOrigin},
			{AttributeDoc: AttributeDoc{Name: "claims", Type: TypeObject, Doc: "Claims that every issued token carries besides.", Constraint: "None that m2md sets; 4096 bytes as JSON."}},
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
		Compat:         v.str("compat"),
		IssuerMode:     v.str("issuer_mode"),
		Subject:        v.str("sub"),
		NotAfterInput:  v.boolean("not_after_input"),
		Claims:         v.object("claims"),
		Mappings:       v.references("mappings"),
		PolicyMessages: v.boolean("policy_messages"),
		AllowedOrigins: v.strs("allowed_origins"),
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
