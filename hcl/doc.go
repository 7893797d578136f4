// Package hcl turns a folder of HCL into an [engine.Spec].
//
// It owns the language: which blocks and attributes there are (each stated
// once, in the file that is named after its block), how files are found and
// read, how values are evaluated, and what an author is told when something is
// wrong. Every fault carries the exact place and a remedy, and all faults of a
// configuration are told at once.
//
// It does not own what the declared things mean together: whether a reference
// leads anywhere, whether names are unique and whether a source is trusted
// enough is for engine.Compile, which tells its findings in the same form.
//
// Files are hostile until proven otherwise: sizes, nesting and the length of
// expressions are bounded before the parser of hashicorp/hcl sees a byte,
// because that parser recurses without bound and would end the process. Values
// that come from env() and file() are sensitive: no finding ever shows a value
// that was computed from them.
//
// It is the only package that imports hashicorp/hcl and cty.
package hcl
