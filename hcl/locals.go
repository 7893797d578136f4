package hcl

import "github.com/m2md/m2md/engine"

// localsBlock is decoded before all others; its attributes are the names that
// local.NAME refers to.
func localsBlock() *block {
	return &block{
		BlockDoc: BlockDoc{
			Name: "locals",
			Doc:  "Names for values, used as local.NAME in any attribute that takes a value. They may use each other, in any order.",
		},
		free:   true,
		decode: func(*values, *engine.Spec) {},
	}
}
