package main

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/oauth2"
)

func tokenWishFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "client-id", Usage: "the `ID` of the client, which for m2md is the provider's (default: $M2MD_CLIENT_ID)"},
		&cli.GenericFlag{Name: "scope", Value: &texts{}, Usage: "a `SCOPE` that the token is to have (repeatable)"},
		&cli.GenericFlag{Name: "audience", Value: &texts{}, Usage: "an `AUDIENCE` that the token is for, RFC 8693 (repeatable)"},
		&cli.GenericFlag{Name: "resource", Value: &texts{}, Usage: "a `URI` that the token is for, RFC 8707 (repeatable)"},
		&cli.StringFlag{Name: "grant", Value: "client_credentials", Usage: "the `GRANT`: client_credentials, where a JWT goes as client_assertion; jwt-bearer (RFC 7523); token-exchange (RFC 8693)"},
		&cli.StringFlag{Name: "auth", Value: "basic", Usage: "how an app password without --username goes: basic or post, a `WAY`"},
		&cli.StringFlag{Name: "subject-token-type", Value: "jwt", Usage: "what --grant token-exchange shows: jwt, access_token, id_token or a URI, a `TYPE`"},
		&cli.StringFlag{Name: "actor-token-file", Usage: "the token of who acts on behalf of the subject, for --grant token-exchange, in a `FILE`"},
		&cli.StringFlag{Name: "actor-token-type", Value: "jwt", Usage: "its `TYPE`, as above"},
	}
}

// grantTypes are grant_type by the names that --grant takes.
var grantTypes = map[string]string{
	"client_credentials": oauth2.ClientCredentials,
	"jwt-bearer":         oauth2.JWTBearer,
	"token-exchange":     oauth2.TokenExchange,
}

// tokenTypes are those of RFC 8693 §3 by short names.
var tokenTypes = map[string]string{
	"jwt":          oauth2.TypeJWT,
	"access_token": oauth2.TypeAccessToken,
	"id_token":     oauth2.TypeIDToken,
}

// tokenWish is what is asked for, and how.
type tokenWish struct {
	grant       string // grant_type
	clientID    string
	username    string // "": the password alone says whose it is
	basic       bool   // an app password goes by HTTP Basic
	subjectType string
	actorType   string
	scopes      []string
	audiences   []string
	resources   []string
}

func readTokenWish(c *cli.Context) (tokenWish, error) {
	w := tokenWish{
		grant:       grantTypes[c.String("grant")],
		clientID:    flagOr(c, "client-id", "M2MD_CLIENT_ID"),
		username:    flagOr(c, "username", "M2MD_USERNAME"),
		basic:       c.String("auth") == "basic",
		subjectType: tokenType(c.String("subject-token-type")),
		actorType:   tokenType(c.String("actor-token-type")),
		scopes:      textsOf(c, "scope"),
		audiences:   textsOf(c, "audience"),
		resources:   textsOf(c, "resource"),
	}
	switch {
	case w.grant == "":
		return w, usagef("--grant: %q is none of client_credentials, jwt-bearer and token-exchange", c.String("grant"))
	case !w.basic && c.String("auth") != "post":
		return w, usagef("--auth: %q is neither basic nor post", c.String("auth"))
	case w.subjectType == "":
		return w, usagef("--subject-token-type: %q is none of jwt, access_token, id_token, and no URI", c.String("subject-token-type"))
	case w.actorType == "":
		return w, usagef("--actor-token-type: %q is none of jwt, access_token, id_token, and no URI", c.String("actor-token-type"))
	case w.grant == oauth2.ClientCredentials && w.clientID == "":
		return w, usagef("token: --client-id (or M2MD_CLIENT_ID) is missing; for m2md it is that of the provider")
	}
	if flag := firstGiven(c, "subject-token-type", "actor-token-file", "actor-token-type"); flag != "" && w.grant != oauth2.TokenExchange {
		return w, usagef("--%s has no place without --grant token-exchange", flag)
	}
	if c.IsSet("actor-token-type") && !c.IsSet("actor-token-file") {
		return w, usagef("--actor-token-type has no place without --actor-token-file")
	}
	return w, nil
}

// tokenType is a URI of RFC 8693 §3; "" for what is none.
func tokenType(name string) string {
	if known, is := tokenTypes[name]; is {
		return known
	}
	if u, err := url.Parse(name); err == nil && u.IsAbs() {
		return name
	}
	return ""
}

// opaqueSubject says that what is shown need not be a JWT.
func (w tokenWish) opaqueSubject() bool {
	return w.grant == oauth2.TokenExchange && w.subjectType != oauth2.TypeJWT && w.subjectType != oauth2.TypeIDToken
}

// check refuses flags and proofs that do not go together.
func (a *tokenAsker) check(c *cli.Context) error {
	switch {
	case a.proof.password && a.wish.grant != oauth2.ClientCredentials:
		return usagef("--grant %s takes a JWT or another token, and not %s", c.String("grant"), a.proof.name)
	case !a.proof.password && c.IsSet("username"):
		return usagef("--username has no place beside %s", a.proof.name)
	case !a.proof.password && c.IsSet("auth"):
		return usagef("--auth is about app passwords, and has no place beside %s", a.proof.name)
	case a.proof.password && a.wish.username != "" && c.IsSet("auth") && a.wish.basic:
		return usagef("--auth basic: the user of HTTP Basic is the client, so --username goes by post only")
	case c.IsSet("token-path") && !c.Bool("kubernetes"):
		return usagef("--token-path has no place without --kubernetes")
	}
	return nil
}

// request is a token request (RFC 6749 §3.2). It returns too what of it is
// secret, in every form that it has there.
func (w tokenWish) request(to tokenEndpoint, shown string, password bool, actor string) (fetch.Request, []string) {
	form := url.Values{"grant_type": {w.grant}}
	put := func(name string, values ...string) {
		if joined := strings.Join(values, " "); joined != "" {
			form.Set(name, joined)
		}
	}
	put("client_id", w.clientID)
	put("scope", w.scopes...)
	form["audience"], form["resource"] = w.audiences, w.resources
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}
	secrets := []string{shown, url.QueryEscape(shown)}
	switch {
	case w.grant == oauth2.JWTBearer:
		put("assertion", shown)
	case w.grant == oauth2.TokenExchange:
		put("subject_token", shown)
		put("subject_token_type", w.subjectType)
		if actor != "" {
			put("actor_token", actor)
			put("actor_token_type", w.actorType)
			secrets = append(secrets, actor)
		}
	case !password:
		put("client_assertion_type", oauth2.AssertionJWT)
		put("client_assertion", shown)
	case w.username != "":
		put("username", w.username)
		put("password", shown)
	case w.basic:
		form.Del("client_id")
		encoded := basicCredentials(w.clientID, shown)
		header.Set("Authorization", "Basic "+encoded)
		secrets = append(secrets, encoded)
	default:
		put("client_secret", shown)
	}
	return fetch.Request{Method: http.MethodPost, URL: to.at, Header: header, Body: []byte(form.Encode()), AnyStatus: true}, secrets
}

// basicCredentials are those of HTTP Basic as OAuth 2.0 has them: each half is
// form-encoded first (RFC 6749 §2.3.1).
func basicCredentials(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
}
