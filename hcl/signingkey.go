package hcl

import "github.com/m2md/m2md/engine"

func signingKeyBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "signing_key", Labelled: true,
			Doc: "A key that signs what m2md issues: made and kept in storage, or brought along. Without any such block, one ES256 key is made.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{
				Name: "algorithm", Type: TypeString, Default: "what the brought key is for, or ES256",
				Words: []string{"ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"},
				Doc:   "The JWS algorithm (RFC 7518 §3.1, RFC 8037).",
			}},
			{AttributeDoc: AttributeDoc{Name: "private_key_file", Type: TypeFile, Doc: "A private key to bring along, PEM."}},
			{AttributeDoc: AttributeDoc{Name: "private_key", Type: TypeString, Secret: true, Doc: "The same, in the place of private_key_file, by env()."}, check: notEmpty},
			notYet("rotate_every", TypeDuration, "How old the key gets before the next one takes over."),
		},
		choices: []choice{{names: []string{"private_key_file", "private_key"}}},
		decode: func(v *values, spec *engine.Spec) {
			spec.SigningKeys = append(spec.SigningKeys, engine.SigningKey{
				Decl:       v.decl,
				Algorithm:  v.str("algorithm"),
				PrivateKey: v.file("private_key_file", "private_key"),
			})
		},
	}
}
