// Package decisionlog owns the form of the decision log: how a decision becomes
// one line of JSON, what each key means, and how a line is read again. It also
// keeps the last lines of a running daemon, for those who ask it.
//
// It does not own what is decided (engine), nor where lines go (cmd/m2md).
package decisionlog
