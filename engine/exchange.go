package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// tokenExchange lets in whom the subject token is about (RFC 8693), and, where
// there is an actor token, who acts on its behalf. What is issued ends no later
// than either. A client that shows credentials of its own must be let in, too.
func (e *Engine) tokenExchange(ctx context.Context, a *attempt, req *oauth2.Request) (*identity, error) {
	if err := checkRequested(req.Requested); err != nil {
		return nil, err
	}
	client, err := e.authenticatedClient(ctx, a, req)
	if err != nil {
		return nil, err
	}
	actor, err := e.actorOf(ctx, a, req.Actor)
	if err != nil {
		return nil, refusedAs(err, oauth2.InvalidRequest)
	}
	subject, err := e.subjectOfExchange(ctx, a, req.Subject)
	if err != nil {
		return nil, refusedAs(err, oauth2.InvalidRequest)
	}
	acting := actor
	if acting == nil {
		acting = client
	}
	if err := subject.permitsActor(acting, a.provider.issuer); err != nil {
		return nil, refuse(oauth2.InvalidRequest, "The subject token does not permit this actor.", "%s", err)
	}
	if actor != nil {
		if subject, err = subject.onBehalfBy(actor); err != nil {
			return nil, refuse(oauth2.InvalidRequest, "Too many parties act one for the other.", "%s", err)
		}
	}
	return subject, refusedAs(e.settle(ctx, a, subject, actor, client), oauth2.InvalidRequest)
}

// checkRequested wants the type of token that is issued here.
func checkRequested(kind string) error {
	if kind == "" || kind == oauth2.TypeAccessToken || kind == oauth2.TypeJWT {
		return nil
	}
	return refuse(oauth2.InvalidRequest, "The requested_token_type is not supported; access_token and jwt are.", "the requested_token_type is not supported")
}

// issuedType is what an exchange tells of the type of what it issued.
func issuedType(a *attempt, req *oauth2.Request) string {
	switch {
	case a.Grant != oauth2.TokenExchange:
		return ""
	case req.Requested == oauth2.TypeJWT:
		return oauth2.TypeJWT
	default:
		return oauth2.TypeAccessToken
	}
}

// subjectOfExchange lets in whom the subject token is about.
func (e *Engine) subjectOfExchange(ctx context.Context, a *attempt, shown oauth2.TypedToken) (*identity, error) {
	subject, err := proofOfToken("subject_token", shown)
	if err != nil {
		return nil, err
	}
	id, err := e.admit(ctx, a, subject)
	if err == nil {
		a.endsWith(id)
	}
	return id, err
}

// actorOf lets in who acts on behalf of the subject; nil where nobody does.
func (e *Engine) actorOf(ctx context.Context, a *attempt, shown oauth2.TypedToken) (*identity, error) {
	if shown.Token == "" {
		return nil, nil
	}
	acts, err := proofOfToken("actor_token", shown)
	if err != nil {
		return nil, err
	}
	id, err := e.admitActor(ctx, a, acts)
	if err == nil {
		a.endsWith(id)
	}
	return id, err
}

// proofOfToken reads a token by the type that is said of it. An access token
// may be one that only its issuer can read; the others are JWTs.
func proofOfToken(parameter string, shown oauth2.TypedToken) (proof, error) {
	token := strings.TrimSpace(shown.Token)
	jwt := strings.Count(token, ".") == 2
	switch shown.Type {
	case oauth2.TypeJWT:
		return proof{jwt: token}, nil
	case oauth2.TypeIDToken:
		return proof{jwt: token, idToken: true}, nil
	case oauth2.TypeAccessToken:
		if jwt {
			return proof{jwt: token}, nil
		}
		return proof{opaque: token}, nil
	}
	return proof{}, refuse(oauth2.InvalidRequest, "The type of a token is not supported; jwt, access_token and id_token are.", "the type of the %s is not supported", parameter)
}

// onBehalfBy is the identity with another one acting on its behalf.
func (i *identity) onBehalfBy(actor *identity) (*identity, error) {
	if len(i.actors) == maxActors {
		return nil, errActors
	}
	it := *i
	it.actors = slices.Concat([]string{actor.subject}, i.actors)
	return &it, nil
}
