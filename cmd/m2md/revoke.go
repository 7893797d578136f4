package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/storage"
)

func revokeCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "revoke",
		Usage: "end access tokens before their time: one, or all of an account, a source, a certificate or a provider",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "token-stdin", Usage: "the access token that stdin holds; as an argument, others could read it"},
			&cli.StringFlag{Name: "jti", Usage: "the access token with this `ID`, as the decision log has it in token_id"},
			&cli.StringFlag{Name: "until", Usage: "with --jti: the `TIME` when the token expires (default: 24h from now, which no token outlives)"},
			&cli.StringFlag{Name: "account", Usage: "all tokens of this service_account `NAME`"},
			&cli.StringFlag{Name: "source", Usage: "all tokens of those who come from this oauth_source `NAME`"},
			&cli.StringFlag{Name: "certificate", Usage: "all tokens of those who come from this verification_certificate `NAME`"},
			&cli.StringFlag{Name: "provider", Usage: "all tokens of this provider `NAME`"},
			&cli.StringFlag{Name: "before", Usage: "with one of these four: only tokens that were issued by this `TIME` (default: now)"},
			&cli.BoolFlag{Name: "list", Usage: "change nothing, and list what is revoked"},
			stateDirFlag(), socketFlag(), formatFlag(),
		},
	}, "", revokeTokens)
}

// revocable are the flags that name what all tokens are revoked of.
var revocable = []struct {
	flag string
	kind engine.Kind
}{
	{"account", engine.KindServiceAccount},
	{"source", engine.KindOAuthSource},
	{"certificate", engine.KindCertificate},
	{"provider", engine.KindProvider},
}

// revoker is who keeps revocations: a running daemon, or the storage itself
// where none runs.
type revoker interface {
	Revoke(context.Context, serve.NewRevocation) (serve.Revocation, error)
	Revocations(context.Context) ([]serve.Revocation, error)
}

var (
	_ revoker = (*serve.AdminClient)(nil)
	_ revoker = fileRevoker{}
)

// fileRevoker works on storage directly. It knows no files, and so neither what
// is declared nor any key: a token is believed.
type fileRevoker struct{ all *engine.Revocations }

// Revoke ends tokens.
func (f fileRevoker) Revoke(ctx context.Context, asked serve.NewRevocation) (serve.Revocation, error) {
	one := engine.Revocation{Kind: asked.Kind, Name: asked.Name, IssuedUntil: asked.IssuedUntil, Until: asked.Until}
	if asked.Token != "" {
		var err error
		if one, err = engine.UnverifiedToRevoke(asked.Token); err != nil {
			return serve.Revocation{}, err
		}
	}
	one.By = ownName()
	kept, err := f.all.Revoke(ctx, one)
	return serve.TellRevocation(kept), err
}

// Revocations are those that end something now.
func (f fileRevoker) Revocations(ctx context.Context) ([]serve.Revocation, error) {
	all, err := f.all.List(ctx)
	return serve.TellRevocations(all, time.Now()), err
}

// withRevoker runs work on the daemon, or on the storage where none listens.
func withRevoker(c *cli.Context, work func(revoker) error) error {
	return withDaemon(c, func(daemon *serve.AdminClient) error { return work(daemon) }, alone{kept: true, work: func(store storage.Store) error {
		all, err := engine.OpenRevocations(c.Context, store, time.Now)
		if err != nil {
			return err
		}
		return work(fileRevoker{all})
	}})
}

func revokeTokens(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	if err := oneOf(c, "list", "token-stdin", "jti", "account", "source", "certificate", "provider"); err != nil {
		return err
	}
	if c.Bool("list") {
		return listRevocations(c, asJSON)
	}
	asked, err := askedRevocation(c)
	if err != nil {
		return err
	}
	return withRevoker(c, func(r revoker) error {
		revoked, err := r.Revoke(c.Context, asked)
		if err != nil {
			return err
		}
		fmt.Fprint(c.App.ErrWriter, whatGoesOn(revoked))
		if asJSON {
			return writeJSON(c.App.Writer, revoked)
		}
		_, err = fmt.Fprintln(c.App.Writer, whatEnds(revoked))
		return err
	})
}

// oneOf wants exactly one of several flags.
func oneOf(c *cli.Context, flags ...string) error {
	given := ""
	for _, flag := range flags {
		switch {
		case !c.IsSet(flag):
		case given != "":
			return usagef("%s: --%s and --%s are two things to do; name one", c.Command.Name, given, flag)
		default:
			given = flag
		}
	}
	if given == "" {
		return usagef("%s: what? name one of --%s", c.Command.Name, strings.Join(flags, ", --"))
	}
	return nil
}

// askedRevocation reads what the flags name.
func askedRevocation(c *cli.Context) (asked serve.NewRevocation, err error) {
	if asked.IssuedUntil, err = timeFlag(c, "before"); err != nil {
		return asked, err
	}
	if asked.Until, err = timeFlag(c, "until"); err != nil {
		return asked, err
	}
	one := c.IsSet("jti") || c.IsSet("token-stdin")
	switch {
	case c.IsSet("until") && !c.IsSet("jti"):
		return asked, usagef("revoke: --until is for --jti")
	case c.IsSet("before") && one:
		return asked, usagef("revoke: --before is for all tokens of something")
	case c.IsSet("token-stdin"):
		asked.Token, err = readToken(c.App.Reader)
		return asked, err
	case c.IsSet("jti"):
		asked.Kind, asked.Name = engine.KindToken, c.String("jti")
		if strings.Count(asked.Name, ".") == 2 || asked.Name == "" {
			return asked, usagef("revoke: --jti is the ID of a token; a whole token goes to stdin, with --token-stdin")
		}
		return asked, nil
	}
	return askedLabel(c, asked)
}

// askedLabel reads whose tokens are meant, all of them.
func askedLabel(c *cli.Context, asked serve.NewRevocation) (serve.NewRevocation, error) {
	for _, one := range revocable {
		if !c.IsSet(one.flag) {
			continue
		}
		asked.Kind = one.kind
		asked.Name = strings.TrimPrefix(c.String(one.flag), string(one.kind)+".")
		if !hcl.ValidLabel(asked.Name) {
			return asked, usagef("revoke: no %s can have the name %q", one.kind, asked.Name)
		}
	}
	return asked, nil
}

// timeFlag reads a time as m2md prints it, or as RFC 3339 has it. The zero time
// is that of a flag that is not given.
func timeFlag(c *cli.Context, name string) (t time.Time, err error) {
	text := c.String(name)
	if !c.IsSet(name) {
		return t, nil
	}
	for _, form := range []string{time.RFC3339, whenForm} {
		if t, err = time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return t, usagef("revoke: --%s: %q is no time such as %s", name, text, time.Now().UTC().Format(time.RFC3339))
}

// maxTokenOnStdin bounds what is read for a token, in bytes: more than any has.
const maxTokenOnStdin = 64 << 10

// readToken reads a token and nothing else.
func readToken(from io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxTokenOnStdin))
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", errors.New("stdin holds no token")
	}
	return token, nil
}

// whatEnds tells what was revoked and until when that is kept.
func whatEnds(r serve.Revocation) string {
	if r.Kind == engine.KindToken {
		return fmt.Sprintf("The token %s is revoked. This is kept until %s, when it has expired.", r.Name, when(r.Until))
	}
	return fmt.Sprintf("All tokens of %s.%s that were issued by %s are revoked. This is kept until %s, when the last of them has expired.", r.Kind, r.Name, when(r.IssuedUntil), when(r.Until))
}

// whatGoesOn tells what was not revoked, lest anybody believe it was.
func whatGoesOn(r serve.Revocation) string {
	switch r.Kind {
	case engine.KindServiceAccount:
		return fmt.Sprintf("Its app passwords go on, and get new tokens: `m2md app-password list --account %s` lists them, `m2md app-password revoke ID` ends one.\n", r.Name)
	case engine.KindOAuthSource, engine.KindCertificate:
		return fmt.Sprintf("Its JWTs go on, and get new tokens, until no access names %s.%s any more.\n", r.Kind, r.Name)
	case engine.KindProvider:
		return "Whom its accesses let in gets new tokens.\n"
	default:
		return "Whoever had it may get another, by what it was given for.\n"
	}
}

func listRevocations(c *cli.Context, asJSON bool) error {
	return withRevoker(c, func(r revoker) error {
		all, err := r.Revocations(c.Context)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.App.Writer, all)
		}
		return writeRevocations(c.App.Writer, all)
	})
}

func writeRevocations(w io.Writer, all []serve.Revocation) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "REVOKED\tISSUED BY\tKEPT UNTIL\tSINCE\tBY")
	for _, r := range all {
		issued := "-"
		if !r.IssuedUntil.IsZero() {
			issued = when(r.IssuedUntil)
		}
		fmt.Fprintf(t, "%s.%s\t%s\t%s\t%s\t%s\n", r.Kind, r.Name, issued, when(r.Until), when(r.RevokedAt), cmp.Or(r.RevokedBy, "-"))
	}
	return t.Flush()
}
