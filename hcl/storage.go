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
		},
		decode: func(v *values, spec *engine.Spec) {
			spec.Storage = engine.Storage{Decl: v.decl, Engine: v.str("engine"), Path: v.str("path")}
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
