package engine

import (
	"context"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// grant is one grant_type of the token endpoint.
type grant struct {
	// admit finds who asks, and lets it in or not.
	admit func(e *Engine, ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error)
	// choosesByTarget says that audience and resource may name the provider.
	choosesByTarget bool
}

// grants are all that there are, by grant_type.
var grants = map[string]grant{
	oauth2.ClientCredentials: {admit: (*Engine).clientCredentials},
	oauth2.JWTBearer:         {admit: (*Engine).jwtBearer, choosesByTarget: true},
	oauth2.TokenExchange:     {admit: (*Engine).tokenExchange, choosesByTarget: true},
}

// grantNames are the grant types in the order in which metadata tell them.
func grantNames() []string {
	return []string{oauth2.ClientCredentials, oauth2.JWTBearer, oauth2.TokenExchange}
}

// clientCredentials lets in who authenticates as the client (RFC 6749 §4.4).
func (e *Engine) clientCredentials(ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error) {
	shown, err := a.provider.proofOf(req)
	if err != nil {
		return nil, err
	}
	id, err := e.admit(ctx, a, shown)
	if err != nil {
		return nil, err
	}
	return id, e.settle(ctx, a, id)
}

// jwtBearer lets in whom an assertion is about (RFC 7523 §2.1). A client that
// shows credentials of its own beside it must be let in as well.
func (e *Engine) jwtBearer(ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error) {
	client, err := e.authenticatedClient(ctx, a, req)
	if err != nil {
		return nil, err
	}
	id, err := e.admit(ctx, a, proof{jwt: strings.TrimSpace(req.Grant)})
	if err != nil {
		return nil, refusedAs(err, oauth2.InvalidGrant)
	}
	return id, refusedAs(e.settle(ctx, a, id, client), oauth2.InvalidGrant)
}

// authenticatedClient lets in the client that shows credentials beside what a
// grant brings; nil where it shows none.
func (e *Engine) authenticatedClient(ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error) {
	if !req.ShowsCredentials() {
		return nil, nil
	}
	shown, err := a.provider.proofOf(req)
	if err != nil {
		return nil, err
	}
	return e.admitActor(ctx, a, shown)
}

// admitActor lets in somebody beside the one whom the token is about: a client
// that shows credentials, or the owner of an actor token.
func (e *Engine) admitActor(ctx context.Context, a *attempt, shown proof) (*identity, error) {
	if err := e.withinGuesses(a, shown); err != nil {
		return nil, err
	}
	id, err := e.authenticate(ctx, a, shown)
	a.sawActor()
	if err != nil {
		return nil, err
	}
	if id, _, err = a.provider.authorize(ctx, a, id); err != nil {
		return nil, err
	}
	a.Actor = id.subject
	return id, nil
}
