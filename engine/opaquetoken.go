package engine

import (
	"context"
)

// opaqueSource tells what an issuer says of a token that only it can read.
type opaqueSource interface {
	Claims(ctx context.Context, token string) (map[string]any, error)
}

// authenticateOpaque says whose opaque token it is: the one source's that the
// provider takes them of.
func (e *Engine) authenticateOpaque(ctx context.Context, p *provider, token string) (*identity, error) {
	if p.opaque == nil {
		return nil, badProof("provider %s takes no opaque tokens", p.label)
	}
	panic("not yet")
}
