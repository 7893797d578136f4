package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/storage"
)

func appPasswordCommand() *cli.Command {
	return group(&cli.Command{
		Name:  "app-password",
		Usage: "make, rotate, list and end the passwords of service accounts",
		Subcommands: []*cli.Command{
			createPasswordCommand(),
			rotatePasswordCommand(),
			importPasswordCommand(),
			listPasswordsCommand(),
			verifyPasswordCommand(),
			revokePasswordCommand(),
			prunePasswordsCommand(),
		},
	})
}

// passwordFlags describe an app password to be made.
func passwordFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "label", Usage: "what it is for, as free `TEXT`"},
		&cli.GenericFlag{Name: "expires-in", Value: &duration{}, Usage: "how `LONG` it may be used, such as 90d (default: max_age of the account, or for ever)"},
		&cli.GenericFlag{Name: "cidr", Value: &texts{}, Usage: "a `NETWORK`, or an address, from where alone it may be used (repeatable)"},
		&cli.GenericFlag{Name: "provider", Value: &texts{}, Usage: "a `PROVIDER` at which alone it may be used (repeatable)"},
		&cli.GenericFlag{Name: "scope", Value: &texts{}, Usage: "a `SCOPE` that alone may be granted to it (repeatable)"},
	}
}

// askedPassword reads passwordFlags.
func askedPassword(c *cli.Context, account string) (serve.NewAppPassword, error) {
	asked := serve.NewAppPassword{Account: account, Label: c.String("label"), Providers: textsOf(c, "provider"), Scopes: textsOf(c, "scope")}
	var err error
	if asked.ExpiresIn, err = positiveDuration(c, "expires-in"); err != nil {
		return asked, err
	}
	for _, text := range textsOf(c, "cidr") {
		network, err := parseNetwork(text)
		if err != nil {
			return asked, usagef("--cidr: %s", err)
		}
		asked.CIDRs = append(asked.CIDRs, network)
	}
	return asked, nil
}

// parseNetwork reads a network in CIDR form, or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil || network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8, and no address", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its mask; %s has none", text, network.Masked())
	}
	return network, nil
}

// passwordDesk is who keeps app passwords: a running daemon, or the file itself
// where none runs.
type passwordDesk interface {
	CreateAppPassword(context.Context, serve.NewAppPassword) (serve.AppPassword, error)
	CreateAppPasswords(context.Context, []serve.NewAppPassword) ([]serve.AppPassword, error)
	ImportAppPassword(context.Context, serve.ImportedAppPassword) (serve.AppPassword, error)
	RotateAppPassword(context.Context, serve.Rotation) (serve.Rotated, error)
	RevokeAppPassword(ctx context.Context, id string) (serve.AppPassword, error)
	VerifyAppPassword(context.Context, serve.Verification) (serve.AppPassword, error)
	ListAppPasswords(ctx context.Context, f serve.AppPasswordFilter, from string) (serve.AppPasswordPage, error)
	PruneAppPasswords(ctx context.Context, p serve.Prune, from string) (serve.AppPasswordPage, error)
}

var (
	_ passwordDesk = (*serve.AdminClient)(nil)
	_ passwordDesk = serve.Desk{}
)

// withDesk runs work on the daemon, or on the storage where no daemon listens:
// that of the state folder for the zero value.
func withDesk(c *cli.Context, where engine.Storage, work func(passwordDesk) error) error {
	return withDaemon(c, func(daemon *serve.AdminClient) error { return work(daemon) }, alone{
		where: where,
		work: func(store storage.Store) error {
			desk, err := deskOn(store)
			if err != nil {
				return err
			}
			return work(desk)
		},
	})
}

// deskOn works on storage directly. It knows no files, and so neither which
// accounts are declared nor their rules: those bind at login, but for max_active,
// which binds only where a daemon is asked.
func deskOn(store engine.AppPasswordStore) (serve.Desk, error) {
	hasher, err := engine.NewPasswordHasher(engine.PasswordHasherOptions{Random: rand.Reader})
	return serve.Desk{AppPasswords: engine.AppPasswords{Store: store, Random: rand.Reader, Now: time.Now, By: ownName(), Hasher: hasher}}, err
}

// expiryText tells when an app password ends, behind what names it.
func expiryText(p serve.AppPassword) string {
	if p.ExpiresAt.IsZero() {
		return "which never expires"
	}
	return "which expires " + when(p.ExpiresAt)
}

// idOf is what was given as an ID, and the whole password's where that was
// given: who has found one somewhere need not know where its ID ends.
func idOf(given string) string {
	if id, err := engine.ParseAppPassword(given); err == nil {
		return id
	}
	return given
}

func revokePasswordCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "revoke",
		Usage: "end an app password, by its ID or by the password itself, at once",
		Flags: []cli.Flag{stateDirFlag(), socketFlag()},
	}, "ID", revokePassword)
}

func revokePassword(c *cli.Context) error {
	id := idOf(c.Args().First())
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		revoked, err := d.RevokeAppPassword(c.Context, id)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.App.Writer, "App password %s of %s is revoked since %s.\n", revoked.ID, revoked.Account, when(revoked.RevokedAt))
		return err
	})
}
