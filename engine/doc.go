// Package engine decides: who a machine is, what it may have, and what it is
// given. It owns the domain (the declared things, the checks on them, the
// proofs, the tokens) and the small interfaces of what it needs from others.
// It reads no files and speaks no HTTP; hcl, scripting, storage and the doors
// in engine/serve do, and none of them decides anything.
//
// # From files to decisions
//
// hcl.Load gives a Spec: plain data, each part with its place in the files.
// Compile turns it into an *Engine, and everything that can fail happens
// there. Live holds the one that serves; a reload compiles another and swaps
// one pointer.
//
// An Engine is immutable. A request loads it once and ends with it. What
// outlives a generation (storage, key sets, the decision log) is in Deps and
// only referred to. What a generation remembers, such as bearer tokens that it
// verified, dies with it, so that no change of a file is ever outlived by a
// cache.
//
// # The life of a request
//
// A door parses its wire form and calls Token, Guard, Introspect or Revoke. All
// go the same way:
//
//	authenticate   a proof becomes an identity   proof.go, trust.go
//	authorize      the first access that fits    provider.go
//	issue          a signed access token         issue.go
//
// A bearer token of m2md's own, shown to Guard, was authorized when it was
// issued: only its signature, its time and that its holder still stands in an
// access are asked again (guard.go), and whether it was revoked (revoked.go).
// readOwn reads such tokens for every door, so that each says the same of one.
//
// A no is a *Refusal with two sides: one safe sentence for the client, the
// whole reason for the decision log. Each decision is recorded once, here
// (audit.go), whatever its outcome.
//
// # Signing keys
//
// Which key signs is in storage, and changes only by a write that was
// acknowledged (keyring.go). Compile makes these changes when they are due, and
// NextKeyChange says when that is: a rotation is a new generation of the same
// files. A key is published before it signs, for longer than others may keep a
// key set, and until its last token has expired.
//
// # Whom it trusts
//
// Nothing of a request is believed before a key of the configuration has
// verified it: not the algorithm of a JWT's header, not its kid, no key that it
// carries or points to (jws.go). Issuer and audience are checked outside any
// policy. What a proxy says counts from trusted_proxies alone, which the doors
// ask through TrustsPeer. Policies are trusted code of the configuration's
// authors, run with bounds; whatever goes wrong in one is a no.
package engine
