package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/storage"
)

func appPasswordCommand() *cli.Command {
	return group(&cli.Command{
		Name:  "app-password",
		Usage: "make, list and revoke the passwords of service accounts",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name:  "create",
				Usage: "make an app password and print it, this once",
				Flags: append(passwordFlags(), stateDirFlag(), socketFlag(), formatFlag()),
			}, "ACCOUNT", createAppPassword),
			command(&cli.Command{
				Name:  "list",
				Usage: "list app passwords, never their secrets",
				Flags: []cli.Flag{&cli.StringFlag{Name: "account", Usage: "only those of this `ACCOUNT`"}, stateDirFlag(), socketFlag(), formatFlag()},
			}, "", listAppPasswords),
			command(&cli.Command{
				Name:  "revoke",
				Usage: "end an app password, by its ID or by the password itself, at once",
				Flags: []cli.Flag{stateDirFlag(), socketFlag()},
			}, "ID", revokeAppPassword),
		},
	})
}

// passwordFlags describe an app password to be made.
func passwordFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "label", Usage: "what it is for, as free `TEXT`"},
		&cli.DurationFlag{Name: "expires-in", Usage: "how long it may be used, such as 2160h (default: max_age of the account, or for ever)"},
	}
}

// askedPassword reads passwordFlags.
func askedPassword(c *cli.Context, account string) (serve.NewAppPassword, error) {
	asked := serve.NewAppPassword{Account: account, Label: c.String("label"), ExpiresIn: c.Duration("expires-in")}
	if c.IsSet("expires-in") && asked.ExpiresIn <= 0 {
		return asked, usagef("--expires-in: the time must be positive")
	}
	return asked, nil
}

// passwordKeeper is who keeps app passwords: a running daemon, or the file
// itself where none runs.
type passwordKeeper interface {
	CreateAppPassword(context.Context, serve.NewAppPassword) (serve.AppPassword, error)
	ListAppPasswords(ctx context.Context, account string) ([]serve.AppPassword, error)
	RevokeAppPassword(ctx context.Context, id string) (serve.AppPassword, error)
}

var (
	_ passwordKeeper = (*serve.AdminClient)(nil)
	_ passwordKeeper = fileKeeper{}
)

// fileKeeper works on storage directly. It knows no files, and so neither
// which accounts are declared nor their rules: that the account is declared,
// and max_age, bind at login; max_active binds only where a daemon is asked.
type fileKeeper struct{ store engine.AppPasswordStore }

// CreateAppPassword makes an app password.
func (k fileKeeper) CreateAppPassword(ctx context.Context, asked serve.NewAppPassword) (serve.AppPassword, error) {
	return serve.CreateAppPassword(ctx, k.store, rand.Reader, time.Now(), ownName(), asked)
}

// ListAppPasswords returns those of an account, or all for "".
func (k fileKeeper) ListAppPasswords(ctx context.Context, account string) ([]serve.AppPassword, error) {
	records, err := k.store.ListAppPasswords(ctx, account)
	told := make([]serve.AppPassword, len(records))
	for i, record := range records {
		told[i] = serve.TellAppPassword(record, false)
	}
	return told, err
}

// RevokeAppPassword ends an app password.
func (k fileKeeper) RevokeAppPassword(ctx context.Context, id string) (serve.AppPassword, error) {
	record, err := k.store.RevokeAppPassword(ctx, id, time.Now())
	return serve.TellAppPassword(record, false), err
}

// withKeeper runs work on the daemon, or on the storage where no daemon
// listens: that of the state folder for the zero value.
func withKeeper(c *cli.Context, where engine.Storage, work func(passwordKeeper) error) error {
	return withDaemon(c, func(daemon *serve.AdminClient) error { return work(daemon) }, alone{
		where: where,
		work:  func(store storage.Store) error { return work(fileKeeper{store}) },
	})
}

// alone says what a command does where no daemon listens.
type alone struct {
	where engine.Storage // the zero value: that of the state folder
	// kept says that the storage must be there: a new one would be of no use.
	kept bool
	work func(storage.Store) error
}

// withDaemon asks the daemon, or works alone on the storage.
func withDaemon(c *cli.Context, ask func(*serve.AdminClient) error, alone alone) error {
	socket, err := socketPath(c)
	if err != nil {
		return err
	}
	err = ask(serve.NewAdminClient(socket))
	if !withoutDaemon(c, err) {
		return err
	}
	if alone.where.Engine == memoryEngine {
		return errors.New("the configuration keeps app passwords in memory, which only a running daemon has; start it, and run `m2md app-password create`")
	}
	dir, err := stateDir(c)
	if err != nil {
		return err
	}
	path := storagePath(alone.where, dir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && (alone.kept || !stateDirNamed(c)) {
		// A new storage in a folder that nobody named would be one that no
		// daemon ever opens.
		return fmt.Errorf("no daemon listens at %s, and there is no storage at %s; name the daemon's --state-dir", socket, path)
	}
	if err := makeStateDir(dir); err != nil {
		return err
	}
	store, err := openStorage(alone.where, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "No daemon listens at %s; working on %s.\n", socket, path)
	return errors.Join(alone.work(store), store.Close())
}

func createAppPassword(c *cli.Context) error {
	account := c.Args().First()
	if !hcl.ValidLabel(account) { // the file itself would take any name
		return usagef("create: no service account can have the name %q", account)
	}
	asked, err := askedPassword(c, account)
	if err != nil {
		return err
	}
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	return withKeeper(c, engine.Storage{}, func(k passwordKeeper) error {
		made, err := k.CreateAppPassword(c.Context, asked)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.App.Writer, made)
		}
		return tellNewPassword(c, made)
	})
}

// tellNewPassword prints the password alone to stdout, where a script can take
// it, and what there is to know of it to stderr.
func tellNewPassword(c *cli.Context, made serve.AppPassword) error {
	fmt.Fprintf(c.App.ErrWriter, "App password %s of %s, %s. It is shown this once:\n", made.ID, made.Account, expiryText(made))
	_, err := fmt.Fprintln(c.App.Writer, made.Secret)
	return err
}

func expiryText(p serve.AppPassword) string {
	if p.ExpiresAt.IsZero() {
		return "which never expires"
	}
	return "which expires " + when(p.ExpiresAt)
}

func listAppPasswords(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	return withKeeper(c, engine.Storage{}, func(k passwordKeeper) error {
		all, err := k.ListAppPasswords(c.Context, c.String("account"))
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.App.Writer, all)
		}
		return writePasswords(c.App.Writer, all, time.Now())
	})
}

func writePasswords(w io.Writer, all []serve.AppPassword, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACCOUNT\tID\tSTATE\tCREATED\tBY\tEXPIRES\tLABEL")
	for _, p := range all {
		expires := "never"
		if !p.ExpiresAt.IsZero() {
			expires = when(p.ExpiresAt)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Account, p.ID, stateOf(p, now), when(p.CreatedAt), p.CreatedBy, expires, p.Label)
	}
	return t.Flush()
}

func stateOf(p serve.AppPassword, now time.Time) string {
	switch {
	case !p.RevokedAt.IsZero():
		return "revoked"
	case !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt):
		return "expired"
	case p.Orphaned:
		return "orphaned"
	default:
		return "active"
	}
}

// revokeAppPassword takes the ID, and the whole password too: who has found one
// somewhere need not know where its ID ends.
func revokeAppPassword(c *cli.Context) error {
	id := c.Args().First()
	if parsed, err := engine.ParseAppPassword(id); err == nil {
		id = parsed
	}
	return withKeeper(c, engine.Storage{}, func(k passwordKeeper) error {
		revoked, err := k.RevokeAppPassword(c.Context, id)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.App.Writer, "App password %s of %s is revoked since %s.\n", revoked.ID, revoked.Account, when(revoked.RevokedAt))
		return err
	})
}
