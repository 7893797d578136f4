package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func tokenCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "token",
		Usage:       "get an access token from m2md, or from another OAuth2 server",
		Description: tokenHelp,
		Flags:       slices.Concat(tokenServerFlags(), tokenProofFlags(), tokenWishFlags(), tokenOutputFlags(), tokenWatchFlags()),
	}, "", getToken)
}

const tokenHelp = `Shows a proof at the token endpoint and prints the access token. Where no proof is
named, it is the first of these that there is, and stderr says which:
  M2MD_APP_PASSWORD, M2MD_APP_PASSWORD_FILE, M2MD_JWT_FILE, M2MD_ID_TOKEN   (one of them)
  the OIDC token of a GitHub Actions job
  a service account token that Kubernetes projects to ` + kubernetesTokenPath + `

A machine with an app password:
  m2md token --url https://auth.example.com --client-id loki --app-password-file /etc/loki.password

A job of GitHub Actions with "permissions: id-token: write", in whose log the token is masked:
  token="$(m2md token --url https://auth.example.com --client-id staging)"

A job of GitLab CI with an id_token M2MD_ID_TOKEN:
  m2md token --url https://auth.example.com --client-id staging --output header | curl -sSf -H @- https://staging.example.com

A pod, whose programs read the token from a file that is kept fresh:
  m2md token --issuer https://auth.example.com/providers/loki --client-id loki --kubernetes --watch --file /run/loki/token

Secrets are read from files and the environment, never from flags, which everybody sees
in the list of processes. Exit codes: 0 fine, 1 no token, 2 wrong usage.`

// getToken gets one token, or keeps a file fresh.
func getToken(c *cli.Context) error {
	out, err := readTokenOutput(c)
	if err != nil {
		return err
	}
	if err := checkTokenWatch(c); err != nil {
		return err
	}
	asker, err := newTokenAsker(c)
	if err != nil {
		return err
	}
	if c.Bool("watch") {
		return watchToken(c, asker, out)
	}
	token, err := asker.token(c.Context)
	if err != nil {
		return err
	}
	return out.put(token)
}

// newTokenAsker reads who is asked, for what, and by which proof.
func newTokenAsker(c *cli.Context) (*tokenAsker, error) {
	server, err := readTokenServer(c)
	if err != nil {
		return nil, err
	}
	wish, err := readTokenWish(c)
	if err != nil {
		return nil, err
	}
	a := &tokenAsker{server: server, wish: wish, stderr: c.App.ErrWriter, pause: time.Second}
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		a.mask = maskOnGitHub(c.App.ErrWriter)
	}
	if a.proof, err = chooseTokenProof(c, server, wish.opaqueSubject()); err != nil {
		return nil, err
	}
	if path := c.String("actor-token-file"); path != "" {
		a.actor = &tokenProof{file: path, show: showFile(path, anyToken)}
	}
	return a, a.check(c)
}

// texts is a flag that can be given several times. Unlike cli's own, it does
// not cut values at commas, which scopes and URLs may hold.
type texts struct{ values []string }

// Set adds a value.
func (t *texts) Set(value string) error {
	if value == "" {
		return errors.New("it is empty")
	}
	t.values = append(t.values, value)
	return nil
}

// String gives the default, which is none.
func (t *texts) String() string { return strings.Join(t.values, " ") }

func textsOf(c *cli.Context, name string) []string { return c.Generic(name).(*texts).values }

// flagOr is a flag's value, or that of an environment variable.
func flagOr(c *cli.Context, name, variable string) string {
	if value := c.String(name); value != "" {
		return value
	}
	return os.Getenv(variable)
}

// firstGiven is the first of flags that was given a value; "" for none.
func firstGiven(c *cli.Context, names ...string) string {
	for _, name := range names {
		if c.IsSet(name) {
			return name
		}
	}
	return ""
}
