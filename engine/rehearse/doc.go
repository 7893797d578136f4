// Package rehearse runs the engine on made-up identities: behind `m2md test`,
// `m2md explain` and `m2md plan`.
//
// What is rehearsed is the configuration itself. Only what nobody else can have
// is replaced before it is compiled: each source and certificate gets a
// throw-away key, so that a token of it can be signed here, and signing keys are
// made anew. From there on it is the whole pipeline as it serves: real tokens,
// signed and verified, real app passwords, real access tokens.
//
// A source whose tokens only it can read (introspection_url, profile_url) is
// asked about them over HTTP as always, at a loopback address where this package
// answers in its place with the claims of the case.
//
// It keeps nothing. Each case has a clock that stands still, an app password, a
// memory of used tokens and a count of guesses of its own, so that no case sees
// another one, in whatever order or at the same time they run.
//
// It does not read test blocks (package hcl does), judge results beyond
// Expectation, or write reports.
package rehearse
