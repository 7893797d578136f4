package hcl

import (
	"time"

	"github.com/m2md/m2md/engine"
)

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
			{AttributeDoc: AttributeDoc{
				Name: "rotate_every", Type: TypeDuration, Default: "only by command", Constraint: "2s or more; an hour at least is advised.",
				Doc: "How long a kept key signs before the next one takes over, which is published an hour, or half of that time, before.",
			}, inRange: checkRotation},
			{AttributeDoc: AttributeDoc{Name: "private_key_file", Type: TypeFile, Doc: "A private key to bring along: PEM, a JWK, or PKCS #12."}, binary: true},
			{AttributeDoc: AttributeDoc{Name: "private_key", Type: TypeString, Secret: true, Doc: "The same as PEM or JWK, in the place of private_key_file, by env()."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "password_file", Type: TypeFile, Doc: "A file with the password of a PKCS #12 file. A line break at its end does not count."}},
			{AttributeDoc: AttributeDoc{Name: "password", Type: TypeString, Secret: true, Doc: "The same by env(), in the place of password_file."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "also_publish_file", Type: TypeFile, Doc: "Keys that are published and verify, too: the one before a private_key_file was replaced, or the one that comes next. Public keys, certificates or private keys as PEM, or a JSON Web Key Set."}},
			{AttributeDoc: AttributeDoc{Name: "also_publish", Type: TypeString, Doc: "The same, in the place of also_publish_file."}, check: notEmpty},
		},
		choices: []choice{
			{names: []string{"private_key_file", "private_key"}},
			{names: []string{"password_file", "password"}},
			{names: []string{"also_publish_file", "also_publish"}},
		},
		decode: func(v *values, spec *engine.Spec) {
			spec.SigningKeys = append(spec.SigningKeys, engine.SigningKey{
				Decl:        v.decl,
				Algorithm:   v.str("algorithm"),
				RotateEvery: v.duration("rotate_every"),
				PrivateKey:  v.file("private_key_file", "private_key"),
				Password:    v.file("password_file", "password"),
				AlsoPublish: v.file("also_publish_file", "also_publish"),
			})
		},
	}
}

// checkRotation leaves time for a key set to be kept for a second, and for the
// key to be published longer than that.
func checkRotation(nanoseconds int64) fault {
	if time.Duration(nanoseconds) < 2*time.Second {
		return fault{summary: "is out of range", detail: "It must be 2s or more; an hour at least is advised."}
	}
	return fault{}
}
