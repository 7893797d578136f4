package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

func createPasswordCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "create",
		Usage: "make an app password and show it, this once",
		Description: "ACCOUNT is the service account's name. For -, lines of stdin are read instead, each an account and\n" +
			"maybe, behind a space, a label; of each, a line with the account and the app password is printed.",
		Flags: slices.Concat(passwordFlags(), []cli.Flag{
			&cli.IntFlag{Name: "count", Value: 1, Usage: "how `MANY` to make"},
		}, secretOutputFlags(), deskFlags()),
	}, "ACCOUNT", createPasswords)
}

// secretOutputFlags say where a secret goes.
func secretOutputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.PathFlag{Name: "output", Usage: "a `FILE` for the secret, readable by its owner alone, in the place of stdout"},
		&cli.BoolFlag{Name: "force", Usage: "have --output take the place of a file that is there"},
		formatFlag(),
	}
}

// deskFlags find the daemon, or the storage.
func deskFlags() []cli.Flag { return []cli.Flag{stateDirFlag(), socketFlag()} }

// maxCount bounds how many app passwords one command makes.
const maxCount = 1_000_000

func createPasswords(c *cli.Context) error {
	account, count := c.Args().First(), c.Int("count")
	if account != "-" && !hcl.ValidLabel(account) { // the file itself would take any name
		return usagef("create: no service account can have the name %q", account)
	}
	if count < 1 || count > maxCount || account == "-" && c.IsSet("count") {
		return usagef("--count: it must be from 1 to %d, and has no place beside a list", maxCount)
	}
	asked, err := askedPassword(c, account)
	if err != nil {
		return err
	}
	all := slices.Repeat([]serve.NewAppPassword{asked}, count)
	if account == "-" {
		if all, err = readAskedList(os.Stdin, asked); err != nil {
			return err
		}
	}
	out, err := newSecretOutput(c)
	if err != nil {
		return err
	}
	out.accounts, out.several = account == "-", account == "-" || c.IsSet("count")
	defer out.discard()
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error { return out.create(c.Context, d, all) })
}

// readAskedList reads lines of an account and a label; what else is asked for is
// the same for all. All faults are found before anything is made.
func readAskedList(r io.Reader, like serve.NewAppPassword) (all []serve.NewAppPassword, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		account, label, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if account == "" {
			continue
		}
		if !hcl.ValidLabel(account) {
			err = errors.Join(err, fmt.Errorf("line %d: no service account can have that name", n))
			continue
		}
		one := like
		if one.Account = account; label != "" {
			one.Label = strings.TrimSpace(label)
		}
		if all = append(all, one); len(all) > maxCount {
			return nil, fmt.Errorf("the list is longer than %d lines", maxCount)
		}
	}
	if err = errors.Join(err, lines.Err()); err != nil {
		return nil, fmt.Errorf("reading the list: %w", err)
	}
	return all, nil
}

// secretOutput is where the secrets of new app passwords go: stdout, or a file.
type secretOutput struct {
	stdout   io.Writer
	stderr   io.Writer
	file     *secretDraft // nil for stdout
	asJSON   bool
	several  bool // JSON: a list, however long
	accounts bool // text: the account in front of each
}

// newSecretOutput reads secretOutputFlags. Without discard or a delivery, a
// draft of the file stays behind.
func newSecretOutput(c *cli.Context) (*secretOutput, error) {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return nil, err
	}
	out := &secretOutput{stdout: c.App.Writer, stderr: c.App.ErrWriter, asJSON: asJSON}
	path := c.Path("output")
	switch {
	case path == "" && c.IsSet("output"):
		return nil, usagef("--output: it is empty")
	case path == "" && c.Bool("force"):
		return nil, usagef("--force: it has no meaning without --output")
	case path != "":
		out.file, err = newSecretDraft(path, c.Bool("force"))
	}
	return out, err
}

func (o *secretOutput) discard() {
	if o.file != nil {
		o.file.discard()
	}
}

// create makes app passwords, so many at a time, and delivers them. What was
// made is delivered even where the rest fails.
func (o *secretOutput) create(ctx context.Context, d passwordDesk, all []serve.NewAppPassword) error {
	var made []serve.AppPassword
	var failed error
	for portion := range slices.Chunk(all, engine.AppPasswordsAtOnce) {
		some, err := d.CreateAppPasswords(ctx, portion)
		if err != nil {
			failed = err
			break
		}
		made = append(made, some...)
	}
	if failed != nil && len(made) == 0 {
		return failed
	}
	if failed != nil {
		failed = fmt.Errorf("%d of %d app passwords were made: %w", len(made), len(all), failed)
	}
	return errors.Join(o.deliver(ctx, d, made, o.told(made)), failed)
}

// told is what is said of new app passwords beside their secrets.
func (o *secretOutput) told(made []serve.AppPassword) string {
	if len(made) == 1 {
		return fmt.Sprintf("App password %s of %s, %s. It is shown this once", made[0].ID, made[0].Account, expiryText(made[0]))
	}
	return fmt.Sprintf("%d app passwords. They are shown this once", len(made))
}

// deliver writes the secrets, and what there is to say of them to stderr. What
// cannot be delivered is revoked: nobody will ever have it.
func (o *secretOutput) deliver(ctx context.Context, d passwordDesk, made []serve.AppPassword, told string) error {
	var document any = made
	if len(made) == 1 && !o.several {
		document = made[0]
	}
	return o.deliverAs(ctx, d, made, document, told)
}

func (o *secretOutput) deliverAs(ctx context.Context, d passwordDesk, made []serve.AppPassword, document any, told string) error {
	content, err := o.encode(made, document)
	if err == nil {
		err = o.write(content, told)
	}
	if err == nil {
		return nil
	}
	for _, one := range made {
		if _, failed := d.RevokeAppPassword(ctx, one.ID); failed != nil {
			return errors.Join(err, fmt.Errorf("nobody has the app password %s, and it could not be revoked: %w", one.ID, failed))
		}
	}
	return fmt.Errorf("nobody has what was made, and so it was revoked: %w", err)
}

// encode is the secrets as they are written: one a line, or as JSON.
func (o *secretOutput) encode(made []serve.AppPassword, document any) ([]byte, error) {
	var b bytes.Buffer
	if o.asJSON {
		err := writeJSON(&b, document)
		return b.Bytes(), err
	}
	for _, one := range made {
		if o.accounts {
			fmt.Fprintf(&b, "%s\t", one.Account)
		}
		fmt.Fprintln(&b, one.Secret)
	}
	return b.Bytes(), nil
}

// write puts the secrets where they belong. Secrets on stdout are alone there,
// where a script can take them.
func (o *secretOutput) write(content []byte, told string) error {
	if o.file == nil {
		if !o.asJSON {
			fmt.Fprintf(o.stderr, "%s:\n", told)
		}
		_, err := o.stdout.Write(content)
		return err
	}
	if err := o.file.finish(content); err != nil {
		return err
	}
	_, err := fmt.Fprintf(o.stderr, "%s: in %s.\n", told, o.file.path)
	return err
}
