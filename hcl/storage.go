package hcl

import "github.com/m2md/m2md/engine"

func storageBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "storage", Single: true,
			Doc: "Where app passwords and keys are kept, if not in m2md.db in the state folder. A change needs a restart.",
		},
		attributes: []attribute{
			{AttributeDoc: AttributeDoc{
				Name: "engine", Type: TypeString, Default: "bolt", Words: []string{"bolt", "memory"},
				Doc: "What keeps the records. With memory, they are lost when the daemon ends.",
			}, check: checkStorageEngine},
			{AttributeDoc: AttributeDoc{
				Name: "path", Type: TypeString, Default: "m2md.db in the state folder",
				Doc: "The file of bolt.",
			}, check: notEmpty},
			{AttributeDoc: AttributeDoc{
				Name: "key_encryption_key_file", Type: TypeFile, Default: "the keys are not encrypted",
				Doc:        "A file with the secret that the private signing keys are encrypted with where they are kept. Those that are not yet encrypted are at the next start.",
				Constraint: "32 bytes or more, as base64, hex or text.",
			}},
			{AttributeDoc: AttributeDoc{Name: "key_encryption_key", Type: TypeString, Secret: true, Doc: "The same by env(), in the place of key_encryption_key_file."}, check: notEmpty},
			{AttributeDoc: AttributeDoc{Name: "previous_key_encryption_key_file", Type: TypeFile, Doc: "The one before, to change or to leave out key_encryption_key: what it encrypted is encrypted anew at the next start."}},
			{AttributeDoc: AttributeDoc{Name: "previous_key_encryption_key", Type: TypeString, Secret: true, Doc: "The same by env(), in the place of previous_key_encryption_key_file."}, check: notEmpty},
		},
		choices: []choice{
			{names: []string{"key_encryption_key_file", "key_encryption_key"}},
			{names: []string{"previous_key_encryption_key_file", "previous_key_encryption_key"}},
		},
		decode: func(v *values, spec *engine.Spec) {
			spec.Storage = engine.Storage{
				Decl: v.decl, Engine: v.str("engine"), Path: v.str("path"),
				KeyEncryption:      v.file("key_encryption_key_file", "key_encryption_key"),
				PreviousEncryption: v.file("previous_key_encryption_key_file", "previous_key_encryption_key"),
			}
		},
	}
}

// checkStorageEngine tells a storage that is planned from one that is not.
func checkStorageEngine(name string) fault {
	if name == "etcd" {
		return notYetFault(name)
	}
	return fault{}
}
