package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/fetch"
	"github.com/m2md/m2md/engine/strictjson"
)

// maxProof bounds a secret, in bytes: m2md reads no more of a request.
const maxProof = 64 << 10

// kubernetesTokenPath is where the examples project a service account token to.
// The token that Kubernetes itself mounts is the API server's, and never shown.
const kubernetesTokenPath = "/var/run/secrets/m2md/token"

func tokenProofFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "app-password-file", Usage: "show the app password, or another client secret, in a `FILE`"},
		&cli.StringFlag{Name: "username", Usage: "the service account `NAME` of the app password, which only imported ones need (default: $M2MD_USERNAME)"},
		&cli.StringFlag{Name: "jwt-file", Usage: "show the JWT in a `FILE`, read for each request"},
		&cli.StringFlag{Name: "jwt-env", Aliases: []string{"gitlab-id-token"}, Usage: "show the JWT in an environment variable `NAME`, as GitLab CI hands over id_tokens"},
		&cli.BoolFlag{Name: "github-actions", Usage: "show the OIDC token of this job of GitHub Actions"},
		&cli.StringFlag{Name: "github-audience", Usage: "whom GitHub makes its token for, an `AUDIENCE` (default: the server's URL without the path of the token endpoint)"},
		&cli.BoolFlag{Name: "kubernetes", Usage: "show the service account token that Kubernetes projects into this pod"},
		&cli.StringFlag{Name: "token-path", Value: kubernetesTokenPath, Usage: "where Kubernetes projects it, a `FILE`"},
		&cli.StringFlag{Name: "spiffe-file", Usage: "show the JWT-SVID in a `FILE`, as spiffe-helper keeps it"},
	}
}

// tokenProof shows who asks.
type tokenProof struct {
	name     string // for people
	file     string // that it is read from; "" for none
	password bool   // an app password; else a JWT or another token
	show     func(ctx context.Context, to tokenEndpoint) (string, error)
}

// tokenProofs makes proofs as a command line says.
type tokenProofs struct {
	c      *cli.Context
	server *tokenServer
	jwt    func(string) error // what a JWT must be like
}

// chooseTokenProof takes the one proof that flags name, or else finds one.
func chooseTokenProof(c *cli.Context, server *tokenServer, opaque bool) (*tokenProof, error) {
	p := tokenProofs{c, server, wellFormedJWT}
	if opaque {
		p.jwt = anyToken
	}
	var named []*tokenProof
	for _, way := range []struct {
		flag string
		make func() *tokenProof
	}{
		{"app-password-file", func() *tokenProof { return p.passwordIn(c.String("app-password-file")) }},
		{"jwt-file", func() *tokenProof { return p.jwtIn(c.String("jwt-file")) }},
		{"jwt-env", func() *tokenProof { return p.jwtOf(c.String("jwt-env")) }},
		{"github-actions", p.github},
		{"kubernetes", func() *tokenProof { return p.kubernetes(c.String("token-path")) }},
		{"spiffe-file", func() *tokenProof { return p.spiffe(c.String("spiffe-file")) }},
	} {
		if c.IsSet(way.flag) {
			named = append(named, way.make())
		}
	}
	switch len(named) {
	case 0:
		return p.find(os.Getenv, kubernetesTokenPath)
	case 1:
		return named[0], nil
	default:
		return nil, usagef("token: %s and %s are named; show one proof", named[0].name, named[1].name)
	}
}

// find looks around for a proof: what was put there for m2md, then what a
// platform has for everybody.
func (p tokenProofs) find(getenv func(string) string, projected string) (*tokenProof, error) {
	var found []*tokenProof
	add := func(variable string, make func(value string) *tokenProof) {
		if value := getenv(variable); value != "" {
			found = append(found, make(value))
		}
	}
	add("M2MD_APP_PASSWORD", func(value string) *tokenProof { return p.passwordFrom("M2MD_APP_PASSWORD", value) })
	add("M2MD_APP_PASSWORD_FILE", p.passwordIn)
	add("M2MD_JWT_FILE", p.jwtIn)
	add("M2MD_ID_TOKEN", func(string) *tokenProof { return p.jwtOf("M2MD_ID_TOKEN") })
	if len(found) > 1 {
		return nil, usagef("token: the environment has %s and %s; show one proof", found[0].name, found[1].name)
	}
	if len(found) == 0 {
		add(githubURL, func(string) *tokenProof { return p.github() })
	}
	if _, err := os.Stat(projected); err == nil && len(found) == 0 {
		found = append(found, p.kubernetes(projected))
	}
	if len(found) == 0 {
		return nil, usagef("token: there is nothing to show; name a proof, such as --app-password-file (`m2md token --help` lists them)")
	}
	fmt.Fprintf(p.c.App.ErrWriter, "m2md: no proof is named; showing %s\n", found[0].name)
	return found[0], nil
}

func (p tokenProofs) passwordIn(path string) *tokenProof {
	return &tokenProof{name: "the app password in " + path, file: path, password: true, show: showFile(path, appPassword)}
}

func (p tokenProofs) passwordFrom(variable, value string) *tokenProof {
	return &tokenProof{name: "the app password of " + variable, password: true, show: showText(variable, value, appPassword)}
}

func (p tokenProofs) jwtIn(path string) *tokenProof {
	return &tokenProof{name: "the JWT in " + path, file: path, show: showFile(path, p.jwt)}
}

func (p tokenProofs) jwtOf(variable string) *tokenProof {
	return &tokenProof{name: "the JWT of " + variable, show: showText(variable, os.Getenv(variable), p.jwt)}
}

func (p tokenProofs) kubernetes(path string) *tokenProof {
	return &tokenProof{name: "the service account token in " + path, file: path, show: showFile(path, notForAPIServer)}
}

func (p tokenProofs) spiffe(path string) *tokenProof {
	return &tokenProof{name: "the JWT-SVID in " + path, file: path, show: showFile(path, jwtSVID)}
}

// showFile shows what a file holds now: platforms put new tokens there.
func showFile(path string, check func(string) error) func(context.Context, tokenEndpoint) (string, error) {
	return func(ctx context.Context, to tokenEndpoint) (string, error) {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxProof+1))
		if err != nil {
			return "", err
		}
		return showText(path, string(text), check)(ctx, to)
	}
}

// showText shows a secret without the line break at its end, which echo puts
// there. Errors never repeat it.
func showText(where, text string, check func(string) error) func(context.Context, tokenEndpoint) (string, error) {
	return func(context.Context, tokenEndpoint) (string, error) {
		secret := strings.TrimRight(text, "\r\n")
		err := check(secret)
		switch {
		case secret == "":
			err = errors.New("it is empty")
		case len(text) > maxProof:
			err = fmt.Errorf("it is larger than %d bytes", maxProof)
		case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
			err = errors.New("it holds a line break or another control character")
		}
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", where, err)
		}
		return secret, nil
	}
}

// appPassword finds a mistyped one before a server counts it as a guess.
func appPassword(secret string) error {
	if !strings.HasPrefix(secret, "m2md_") {
		return nil // imported, or another server's
	}
	_, err := engine.ParseAppPassword(secret)
	return err
}

func anyToken(string) error { return nil }

// wellFormedJWT wants the compact form of a JWS (RFC 7515 §7.1).
func wellFormedJWT(secret string) error {
	_, err := unverifiedClaims(secret)
	return err
}

// unverifiedClaims are what a JWT says of itself. Who believes them is not us.
func unverifiedClaims(jwt string) (map[string]any, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) == 5 {
		return nil, errors.New("its JWT is encrypted, which nobody but its receiver can read")
	}
	errNone := errors.New("it is not a JWT: three parts of base64url, and nothing else")
	if len(parts) != 3 {
		return nil, errNone
	}
	var payload []byte
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || part == "" {
			return nil, errNone
		}
		if i == 1 {
			payload = decoded
		}
	}
	claims, err := strictjson.Object(payload)
	if err != nil {
		return nil, fmt.Errorf("the claims of its JWT: %w", err)
	}
	return claims, nil
}

// audiences are the aud of a JWT, one or several (RFC 7519 §4.1.3).
func audiences(claims map[string]any) []string {
	if one, is := claims["aud"].(string); is {
		return []string{one}
	}
	var all []string
	list, _ := claims["aud"].([]any)
	for _, member := range list {
		if one, is := member.(string); is {
			all = append(all, one)
		}
	}
	return all
}

// notForAPIServer refuses a token that opens the cluster: whoever is shown it
// could use it there.
func notForAPIServer(jwt string) error {
	claims, err := unverifiedClaims(jwt)
	if err != nil {
		return err
	}
	issuer, _ := claims["iss"].(string)
	aud := audiences(claims)
	opensCluster := func(a string) bool {
		return a == issuer || strings.HasPrefix(a, "https://kubernetes.default.svc")
	}
	if len(aud) == 0 || slices.ContainsFunc(aud, opensCluster) {
		return errors.New("its audience is the cluster's API server, so it is not shown to anybody else; project a token with an audience of its own (volumes.projected.sources.serviceAccountToken.audience)")
	}
	return nil
}

func jwtSVID(jwt string) error {
	claims, err := unverifiedClaims(jwt)
	if err != nil {
		return err
	}
	if subject, _ := claims["sub"].(string); !strings.HasPrefix(subject, "spiffe://") {
		return errors.New("it is no JWT-SVID: its sub is not a SPIFFE ID")
	}
	return nil
}

// What GitHub tells a job that may have an OIDC token.
const (
	githubURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	githubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// github asks for another token each time: m2md may take each once only.
func (p tokenProofs) github() *tokenProof {
	return &tokenProof{
		name: "the OIDC token of this GitHub Actions job (" + githubURL + ")",
		show: func(ctx context.Context, to tokenEndpoint) (string, error) {
			audience := p.c.String("github-audience")
			if audience == "" {
				audience = to.base
			}
			jwt, err := p.askGitHub(ctx, os.Getenv(githubURL), os.Getenv(githubToken), audience)
			if err != nil {
				return "", fmt.Errorf("asking GitHub for the OIDC token of this job: %w", err)
			}
			return jwt, nil
		},
	}
}

func (p tokenProofs) askGitHub(ctx context.Context, address, bearer, audience string) (string, error) {
	if address == "" || bearer == "" {
		return "", errors.New(`it may have none; give it "permissions: id-token: write", which a pull request from a fork never has`)
	}
	_, u, err := p.server.parse(address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", githubURL, err)
	}
	if u.RawQuery != "" { // api-version, which must stay
		u.RawQuery += "&"
	}
	u.RawQuery += "audience=" + url.QueryEscape(audience)
	at, err := p.server.others.ParseURL(u.String())
	if err != nil {
		return "", err
	}
	answer, err := p.server.others.Do(ctx, fetch.Request{URL: at, Header: http.Header{
		"Authorization": {"Bearer " + bearer},
		"Accept":        {"application/json"},
	}})
	if err != nil {
		return "", err
	}
	document, err := strictjson.Object(answer.Body)
	if err != nil {
		return "", err
	}
	jwt, _ := document["value"].(string)
	return jwt, p.jwt(jwt)
}
