package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

func verifyPasswordCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "verify",
		Usage: "check an app password from stdin for slips, and with --online whether it may be used",
		Description: "Without --online nothing is asked: the check digits tell a mistyped app password. With it, the ID and the\n" +
			"SHA-256 are compared with what is kept; the app password itself goes nowhere. Ends with 1 where it is no good.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "online", Usage: "ask the daemon, or the storage, how it stands"},
			formatFlag(),
		}, deskFlags()),
	}, "", verifyPassword)
}

// verification is what verify tells, as JSON.
type verification struct {
	ID     string             `json:"id"`
	Online *serve.AppPassword `json:"online,omitempty"`
}

func verifyPassword(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	password, err := readSecret(c.App.ErrWriter, "App password: ")
	if err != nil {
		return err
	}
	password = strings.TrimSpace(password) // as the doors do
	found := verification{}
	if found.ID, err = engine.ParseAppPassword(password); err != nil {
		return err
	}
	if c.Bool("online") {
		if found.Online, err = verifyOnline(c, found.ID, password); err != nil {
			return err
		}
	}
	if asJSON {
		err = writeJSON(c.App.Writer, found)
	} else {
		_, err = fmt.Fprintln(c.App.Writer, found)
	}
	if err == nil && found.Online != nil && found.Online.State != engine.StateActive {
		err = silentFault{}
	}
	return err
}

func verifyOnline(c *cli.Context, id, password string) (told *serve.AppPassword, err error) {
	sum := sha256.Sum256([]byte(password))
	err = withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		one, err := d.VerifyAppPassword(c.Context, serve.Verification{ID: id, SHA256: hex.EncodeToString(sum[:])})
		told = &one
		return err
	})
	return told, err
}

// String is the verification for people.
func (v verification) String() string {
	if v.Online == nil {
		return fmt.Sprintf("App password %s: its form and its check digits are right.", v.ID)
	}
	return fmt.Sprintf("App password %s of %s, %s, is %s.", v.ID, v.Online.Account, expiryText(*v.Online), v.Online.State)
}
