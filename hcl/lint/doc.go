// Package lint finds what is sound in form, and dangerous or useless all the
// same: trust that a stranger can fulfil, names that can be taken over, keys
// that others can read, blocks that nothing uses.
//
// It owns the table of everything that has an ID, be it found here, by
// [engine.Compile] or by package hcl ([Rules]); what is found here ([Check]);
// and the comments by which an author says that a finding is known and why it
// may stay ([Silence]). docs/lint.md is made from the table.
//
// It does not own whether a configuration may be served: what it tells are
// warnings and notes, and the daemon never asks it. What stands in scripts is
// for scripting/lint.
//
// It reads a Spec, and nothing else: no network, no storage, no file. What it
// must know besides is handed in by [Options]. Where something that it cannot
// see may narrow what is let in, such as a policy, it says nothing: a finding
// is never a guess.
package lint
