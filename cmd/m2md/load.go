package main

import (
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/scripting"
)

// load reads a configuration: the one place where the language of the files
// meets that of the scripts in them.
func load(options hcl.Options) *hcl.Loaded {
	options.Imports = scripting.Imports
	return hcl.Load(options)
}
