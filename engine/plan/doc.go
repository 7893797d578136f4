// Package plan tells what a change of the configuration means: which blocks it
// changes, and who gets in that could not, or cannot that could.
//
// It compares two Specs in three ways. What each way in asks is set against what
// the ways in of the other side ask: where the new one provably asks as much,
// nobody gains. Where that cannot be proven, identities are made that fulfil the
// one and just not the other, and shown to both sides by package rehearse, which
// is the pipeline itself; those of the tests, and recorded decisions, besides.
// What is left then is told as not decided, never as no change.
//
// It reads no files, and shows no value that came from env() or file(): the
// files that are compared may be a stranger's. It does not judge whether a
// change is meant.
package plan
