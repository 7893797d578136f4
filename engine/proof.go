package engine

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/m2md/m2md/engine/oauth2"
)

// proof is what a machine shows to say who it is: an app password, a JWT or an
// opaque token, only one of them.
type proof struct {
	jwt      string
	idToken  bool // the JWT is said to be an ID token
	opaque   string
	username string // "" where the app password alone is shown
	password string
}

// kind is the proof in the decision log's word.
func (p proof) kind() string {
	switch {
	case p.jwt != "":
		return "jwt"
	case p.opaque != "":
		return "opaque_token"
	default:
		return "app_password"
	}
}

// proofOf finds the one proof of a token request: username and password, then
// what client_assertion or client_secret hold. Where the provider is lenient,
// a client_secret beside a username is nothing, as authentik has it.
func (p *provider) proofOf(req *oauth2.Request) (proof, error) {
	secret := strings.TrimSpace(req.Client.Secret)
	if p.lenient && req.Username != "" {
		secret = ""
	}
	switch {
	case req.AssertionType != "" && req.AssertionType != oauth2.AssertionJWT:
		return proof{}, refuse(oauth2.InvalidClient, "The client_assertion_type is not supported.", "the client_assertion_type is not %s", oauth2.AssertionJWT)
	case req.Assertion != "":
		return proof{jwt: strings.TrimSpace(req.Assertion)}, nil
	case req.Username != "" && secret != "":
		return proof{}, refuse(oauth2.InvalidRequest, "Only one way of client authentication may be used in a request.",
			"a client_secret stands beside username and password")
	case req.Username != "":
		return proof{username: req.Username, password: strings.TrimSpace(req.Password)}, nil
	case secret == "":
		return proof{}, refuse(oauth2.InvalidClient, "No credentials and no assertion were given.", "the request holds no proof")
	case req.AssertionType != "":
		return proof{jwt: secret}, nil
	}
	for _, text := range []string{secret, strings.TrimSpace(req.Raw.Secret)} {
		if found, ok := proofInSecret(text); ok {
			return found, nil
		}
	}
	return proof{}, badProof("the client_secret is neither an app password, nor a JWT, nor base64 of USER:PASSWORD")
}

// proofInSecret tells the three things apart that a client_secret can be. No
// text is two of them: an app password has no dot, base64 has neither a dot
// nor an underscore in its fifth place.
func proofInSecret(secret string) (proof, bool) {
	switch {
	case strings.HasPrefix(secret, appPasswordPrefix):
		return proof{password: secret}, true
	case strings.Count(secret, ".") == 2:
		return proof{jwt: secret}, true
	}
	plain, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		plain, err = base64.RawStdEncoding.DecodeString(secret)
	}
	username, password, colon := strings.Cut(string(plain), ":")
	if err != nil || !colon || username == "" {
		return proof{}, false
	}
	return proof{username: username, password: strings.TrimSpace(password)}, true
}

// authenticate answers who shows a proof.
func (e *Engine) authenticate(ctx context.Context, a *attempt, shown proof) (*identity, error) {
	switch {
	case shown.jwt != "":
		return e.authenticateJWT(ctx, a, shown)
	case shown.opaque != "":
		return e.authenticateOpaque(ctx, a, shown.opaque)
	default:
		return e.authenticateAppPassword(ctx, a, shown)
	}
}
