// Command zitadel gets tokens from m2md with zitadel/oidc, in every form that
// it can send, and says what came of it: a line of JSON for each. What it is
// configured with comes as JSON by its input. See cmd/m2md/e2e_clientrun_test.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/profile"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

const module = "github.com/zitadel/oidc/v3"

// site is what the test says: where m2md is, and what there is to show.
type site struct {
	Issuer     string
	ClientID   string `json:"client_id"`
	Account    string
	Password   string
	Pair       string
	JWT        string
	PrivateKey string `json:"private_key"`
}

func main() {
	var s site
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		log.Fatal(err)
	}
	say(map[string]any{"version": version()})
	say(map[string]any{"step": "verify", "how": "`rp.VerifyIDToken[*oidc.IDTokenClaims](ctx, token, party.IDTokenVerifier())`, `rp.WithSigningAlgsFromDiscovery()`"})
	say(map[string]any{"step": "introspect", "how": "`rs.NewResourceServerClientCredentials(ctx, issuer, id, secret)`, `rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)`"})
	say(map[string]any{"step": "revoke", "how": "`rp.RevokeToken(ctx, party, token, \"access_token\")`"})
	if err := s.all(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func say(record map[string]any) {
	if err := json.NewEncoder(os.Stdout).Encode(record); err != nil {
		log.Fatal(err)
	}
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return strings.TrimPrefix(dependency.Version, "v")
		}
	}
	return "unknown"
}

// party is a relying party with a secret.
func (s site) party(ctx context.Context, secret string, style oauth2.AuthStyle) (rp.RelyingParty, error) {
	return rp.NewRelyingPartyOIDC(ctx, s.Issuer, s.ClientID, secret, "", nil,
		rp.WithAuthStyle(style), rp.WithHTTPClient(&http.Client{}), rp.WithSigningAlgsFromDiscovery())
}

// get is how a cell gets its token.
type get func(ctx context.Context) (string, error)

// cell gets a token, verifies it, and introspects it before and after it has
// revoked it, as somebody who has the holder's secret.
func (s site) cell(ctx context.Context, form, how string, holder string, fetch get) {
	record, err := s.steps(ctx, holder, fetch)
	if err != nil {
		record = map[string]any{"error": err.Error()}
	}
	record["form"], record["how"] = form, how
	say(record)
}

func (s site) steps(ctx context.Context, holder string, fetch get) (map[string]any, error) {
	token, err := fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting: %w", err)
	}
	party, err := s.party(ctx, holder, oauth2.AuthStyleInParams)
	if err != nil {
		return nil, err
	}
	claims, err := rp.VerifyIDToken[*oidc.IDTokenClaims](ctx, token, party.IDTokenVerifier())
	if err != nil {
		return nil, fmt.Errorf("verifying: %w", err)
	}
	server, err := rs.NewResourceServerClientCredentials(ctx, s.Issuer, s.ClientID, holder)
	if err != nil {
		return nil, err
	}
	before, first := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
	revoked := rp.RevokeToken(ctx, party, token, "access_token")
	after, second := rs.Introspect[*oidc.IntrospectionResponse](ctx, server, token)
	if err := errors.Join(first, revoked, second); err != nil {
		return nil, err
	}
	return map[string]any{"token": token, "verified": claims.Subject, "active": []bool{before.Active, after.Active}}, nil
}

// simply is a client_credentials request.
func (s site) simply(secret string, style oauth2.AuthStyle, parameters url.Values) get {
	return func(ctx context.Context) (string, error) {
		party, err := s.party(ctx, secret, style)
		if err != nil {
			return "", err
		}
		token, err := rp.ClientCredentials(ctx, party, parameters)
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}

func (s site) all(ctx context.Context) error {
	const party = "`rp.NewRelyingPartyOIDC(ctx, issuer, id, %s, \"\", nil, rp.WithAuthStyle(oauth2.%s))`, `rp.ClientCredentials(ctx, party, nil)`"
	for _, secret := range []struct{ kind, name, value string }{{"password", "appPassword", s.Password}, {"base64", "pair", s.Pair}, {"jwt", "jwt", s.JWT}} {
		s.cell(ctx, secret.kind+"-basic", fmt.Sprintf(party, secret.name, "AuthStyleInHeader"), secret.value, s.simply(secret.value, oauth2.AuthStyleInHeader, nil))
		s.cell(ctx, secret.kind+"-post", fmt.Sprintf(party, secret.name, "AuthStyleInParams"), secret.value, s.simply(secret.value, oauth2.AuthStyleInParams, nil))
	}
	const with = "no secret, `oauth2.AuthStyleInParams`, `rp.ClientCredentials(ctx, party, parameters)` with `%s` and `%s`"
	s.cell(ctx, "username", fmt.Sprintf(with, "username", "password"), s.Password,
		s.simply("", oauth2.AuthStyleInParams, url.Values{"username": {s.Account}, "password": {s.Password}}))
	assertion := func(jwt string) url.Values {
		return url.Values{"client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}, "client_assertion": {jwt}}
	}
	s.cell(ctx, "assertion", fmt.Sprintf(with, "client_assertion_type", "client_assertion"), s.JWT, s.simply("", oauth2.AuthStyleInParams, assertion(s.JWT)))

	signer, err := client.NewSignerFromPrivateKeyByte([]byte(s.PrivateKey), "")
	if err != nil {
		return err
	}
	own, err := client.SignedJWTProfileAssertion(s.ClientID, []string{s.Issuer}, time.Hour, signer)
	if err != nil {
		return err
	}
	s.cell(ctx, "private-key", "as `client_assertion`, what `client.SignedJWTProfileAssertion(id, []string{issuer}, time.Hour, signer)` signs", own, s.simply("", oauth2.AuthStyleInParams, assertion(own)))
	s.cell(ctx, "jwt-bearer", "`profile.NewJWTProfileTokenSource(ctx, issuer, id, keyID, key, nil)`, which signs for the client itself", own, func(ctx context.Context) (string, error) {
		source, err := profile.NewJWTProfileTokenSource(ctx, s.Issuer, s.ClientID, "", []byte(s.PrivateKey), nil)
		if err != nil {
			return "", err
		}
		token, err := source.TokenCtx(ctx)
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	})
	s.cell(ctx, "token-exchange", "`tokenexchange.NewTokenExchangerClientCredentials(ctx, issuer, id, \"\")`, `tokenexchange.ExchangeToken(ctx, exchanger, jwt, oidc.JWTTokenType, …)`", s.JWT, func(ctx context.Context) (string, error) {
		exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(ctx, s.Issuer, s.ClientID, "")
		if err != nil {
			return "", err
		}
		token, err := tokenexchange.ExchangeToken(ctx, exchanger, s.JWT, oidc.JWTTokenType, "", "", nil, nil, nil, oidc.AccessTokenType)
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	})
	return nil
}
