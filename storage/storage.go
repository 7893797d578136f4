package storage

import (
	"context"
	"io"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
)

// Store is a storage: what the engine's interfaces and jwks.Store ask, and a way
// to end it. Its methods are safe for concurrent use, return values that the
// caller owns, and keep times to the nanosecond, in UTC. Records that could not
// be read back as they are fail with ErrRecord. No error quotes an ID that it was
// asked for: somebody may have pasted a whole password.
type Store interface {
	engine.AppPasswordStore
	engine.AppPasswordUseStore
	engine.AppPasswordFigures
	engine.SigningKeyStore
	engine.UsedTokens
	engine.RevocationStore
	jwks.Store
	// Scrub overwrites what was replaced or removed, and may still lie about.
	// Nobody else uses the storage meanwhile.
	Scrub(ctx context.Context) error
	// Close ends the storage. What is called later fails; a second Close does
	// nothing.
	io.Closer
}
