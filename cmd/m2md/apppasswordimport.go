package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

func importPasswordCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "import",
		Usage: "take over a password that a machine has already, from stdin",
		Description: "It counts beside the account's name only: as username and password at the token endpoint, and by Basic at\n" +
			"forward-auth. It is kept under a slow hash. An account may have three. One that m2md makes is better.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "account", Usage: "the `ACCOUNT` whose password it is"},
		}, passwordFlags(), []cli.Flag{formatFlag()}, deskFlags()),
	}, "", importPassword)
}

func importPassword(c *cli.Context) error {
	account := c.String("account")
	if !hcl.ValidLabel(account) {
		return usagef("--account: no service account can have the name %q", account)
	}
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	asked, err := askedPassword(c, account)
	if err != nil {
		return err
	}
	password, err := readSecret(c.App.ErrWriter, "Password of "+account+": ")
	if err != nil {
		return err
	}
	if err := engine.CheckBrought(account, password); err != nil {
		return fmt.Errorf("the password cannot be imported: %w", err)
	}
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		kept, err := d.ImportAppPassword(c.Context, serve.ImportedAppPassword{NewAppPassword: asked, Password: password})
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.App.Writer, kept)
		}
		_, err = fmt.Fprintf(c.App.Writer, "App password %s of %s, %s, is the one that was imported. It counts beside the user name %s only.\n", kept.ID, kept.Account, expiryText(kept), kept.Account)
		return err
	})
}
