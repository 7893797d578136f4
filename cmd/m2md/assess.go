package main

import (
	"context"
	"crypto/rand"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/opaque"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/scripting"
	"github.com/m2md/m2md/storage/memory"
)

// assessment is a configuration, read and compiled. Engine is nil where
// Findings hold an error.
type assessment struct {
	hcl.Loaded
	Engine *engine.Engine
}

// assess reads a configuration and compiles it.
func assess(ctx context.Context, options hcl.Options, generation uint64, deps engine.Deps) *assessment {
	loaded := load(options)
	return compile(ctx, options.Path, loaded, loaded.Spec.CheckTests(), generation, deps)
}

// compile turns what was read into a generation: the one path by which the
// daemon starts and reloads and by which validate judges, so that they never
// differ. objections are faults that only the caller knows of.
func compile(ctx context.Context, path string, loaded *hcl.Loaded, objections engine.Findings, generation uint64, deps engine.Deps) *assessment {
	a := &assessment{Loaded: *loaded}
	if a.Partial { // what is missing would look like many faults
		return a
	}
	if a.Findings.Err() != nil || objections.Err() != nil {
		deps.SigningKeys = memory.New() // nothing is kept of files that are refused anyway
	}
	compiled, found := engine.Compile(ctx, a.Spec, generation, deps)
	a.Findings = slices.Concat(a.Findings, objections, found)
	for i := range a.Findings {
		if a.Findings[i].At.File == "" { // of a default that no block overrides
			start := engine.Pos{Line: 1, Column: 1}
			a.Findings[i].At = engine.Range{File: filepath.Clean(path), Start: start, End: start}
		}
	}
	a.Findings.Sort()
	if a.Findings.Err() == nil {
		a.Engine = compiled
	}
	return a
}

// policyDeadline is how long one evaluation may take by the clock. A simple
// policy runs some microseconds; the rest is for a machine so busy that the
// goroutine waits for its turn, whose jobs must not be denied for that.
const policyDeadline = 500 * time.Millisecond

// newPolicies makes the compiler of policies, the same for serving and judging.
func newPolicies() *scripting.Compiler {
	return scripting.New(scripting.Options{Deadline: policyDeadline})
}

// rehearsalDeps are what a configuration is compiled with where nothing is
// served: keys that nobody keeps, and no connection to anywhere.
func rehearsalDeps(keys *jwks.Cache) engine.Deps {
	store := memory.New()
	hasher, err := engine.NewPasswordHasher(engine.PasswordHasherOptions{Random: rand.Reader})
	if err != nil {
		panic(err) // the system has no randomness
	}
	return engine.Deps{
		Now:          time.Now,
		Random:       rand.Reader,
		Policies:     newPolicies(),
		AppPasswords: store,
		Uses:         engine.NewAppPasswordUses(),
		Hasher:       hasher,
		UsedTokens:   store,
		Revocations:  &engine.Revocations{},
		SigningKeys:  store,
		Published:    &engine.PublishedKeys{},
		KeySets:      keys,
		Verified:     engine.NewVerifiedTokens(),
		Guesses:      engine.NewGuesses(),
		Opaque:       opaque.NewCache(opaque.Options{}),
		Audit:        auditors{},
	}
}

// report writes findings for people.
func report(w io.Writer, a *assessment) error {
	return hcl.WriteText(w, a.Findings, a.Sources, textOptions(w))
}
