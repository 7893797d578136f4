// Package enginetest is what tests of the engine, the doors and the daemon
// stand on: a real issuer of JWTs over HTTP, a clock that can be set, a
// recording auditor, the claims of well-known issuers, and a Daemon that wires
// them around an engine.
//
// It owns no assertions. It imports the engine alone: policies and storage come
// in through Parts, so that whoever tests wires the real ones.
package enginetest
