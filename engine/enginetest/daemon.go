package enginetest

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/opaque"
)

// Store is the storage that a Daemon needs.
type Store interface {
	engine.AppPasswordStore
	engine.AppPasswordUseStore
	engine.SigningKeyStore
	engine.UsedTokens
	engine.RevocationStore
}

// Parts are what a Daemon is made of. Store and Policies must be set.
type Parts struct {
	Store    Store
	Policies engine.PolicyCompiler
	Clock    *Clock       // nil for one that shows the real time
	KeySets  jwks.Options // Now is always the Clock's
}

// Daemon owns what outlives a generation, as the real one does, and reloads as
// that one does: compile, then swap.
type Daemon struct {
	Clock *Clock
	Audit *Recorder
	Deps  engine.Deps
	Live  engine.Live
	Store Store

	generation uint64
}

// NewDaemon wires a daemon that ends with the test.
func NewDaemon(t testing.TB, parts Parts) *Daemon {
	t.Helper()
	if parts.Clock == nil {
		parts.Clock = &Clock{}
	}
	parts.KeySets.Now = parts.Clock.Now
	keySets := jwks.NewCache(parts.KeySets)
	t.Cleanup(keySets.Close)
	opaques := opaque.NewCache(opaque.Options{Now: parts.Clock.Now})
	t.Cleanup(opaques.Close)
	revocations, err := engine.OpenRevocations(t.Context(), parts.Store, parts.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := engine.NewPasswordHasher(engine.PasswordHasherOptions{Random: rand.Reader, Cost: HashCost()})
	if err != nil {
		t.Fatal(err)
	}
	d := &Daemon{Clock: parts.Clock, Audit: &Recorder{}, Store: parts.Store}
	d.Deps = engine.Deps{
		Now: d.Clock.Now, Random: rand.Reader, Policies: parts.Policies,
		AppPasswords: parts.Store, SigningKeys: parts.Store, Published: &engine.PublishedKeys{}, UsedTokens: parts.Store, Revocations: revocations, KeySets: keySets, Verified: engine.NewVerifiedTokens(), Guesses: engine.NewGuesses(), Opaque: opaques, Audit: d.Audit,
		Uses: engine.NewAppPasswordUses(), Hasher: hasher,
	}
	return d
}

// HashCost is what a slow hash costs in tests: next to nothing.
func HashCost() engine.HashCost { return engine.HashCost{Memory: 8, Passes: 1, Lanes: 1} }

// Desk is what operators ask for app passwords, under what serves.
func (d *Daemon) Desk() engine.AppPasswords {
	return engine.AppPasswords{
		Store: d.Store, Random: rand.Reader, Now: d.Clock.Now, By: "somebody",
		Engine: d.Live.Load(), Uses: d.Deps.Uses, Hasher: d.Deps.Hasher,
	}
}

// Compile compiles a configuration as the next generation, without serving it.
func (d *Daemon) Compile(spec engine.Spec) (*engine.Engine, engine.Findings) {
	d.generation++
	return engine.Compile(context.Background(), spec, d.generation, d.Deps)
}

// Serve compiles a configuration and serves it. It ends the test where the
// configuration is refused.
func (d *Daemon) Serve(t testing.TB, spec engine.Spec) *engine.Engine {
	t.Helper()
	e, found := d.Compile(spec)
	if err := found.Err(); err != nil {
		t.Fatalf("compiling: %s", err)
	}
	d.Live.Swap(e)
	e.Adopt()
	return e
}

// Password makes an app password and keeps it; change may alter the record
// before that, and be nil.
func (d *Daemon) Password(t testing.TB, account string, change func(*engine.AppPassword)) string {
	t.Helper()
	record, plain, err := engine.NewAppPassword(rand.Reader, account, d.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&record)
	}
	if err := d.Store.CreateAppPassword(context.Background(), record); err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
