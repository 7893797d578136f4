package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

// defaultOverlap is how long an app password may still be used that another
// one took the place of.
const defaultOverlap = 24 * time.Hour

func rotatePasswordCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "rotate",
		Usage: "make an app password that takes the place of another, and show it, this once",
		Description: "The new one has the label and the limits of the old one. ID names the old one; or --account does, where\n" +
			"the account has one alone that is active, or one alone with that --label.\n" +
			"Both may be used while the old one is on its way out; max_active counts them as one.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "account", Usage: "the `ACCOUNT` of the old one, in the place of its ID"},
			&cli.StringFlag{Name: "label", Usage: "the `LABEL` of the old one, beside --account"},
			&cli.GenericFlag{Name: "overlap", Value: &duration{span: defaultOverlap}, Usage: "how `LONG` the old one may still be used"},
			&cli.GenericFlag{Name: "expires-in", Value: &duration{}, Usage: "how `LONG` the new one may be used (default: as long as the old one had)"},
		}, secretOutputFlags(), deskFlags()),
	}, "[ID]", rotatePassword)
}

func rotatePassword(c *cli.Context) error {
	asked, err := askedRotation(c)
	if err != nil {
		return err
	}
	out, err := newSecretOutput(c)
	if err != nil {
		return err
	}
	defer out.discard()
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		rotated, err := d.RotateAppPassword(c.Context, asked)
		if err != nil {
			return err
		}
		told := fmt.Sprintf("App password %s of %s, %s, takes the place of %s, which may be used until %s. It is shown this once",
			rotated.New.ID, rotated.New.Account, expiryText(rotated.New), rotated.Old.ID, when(rotated.Old.ExpiresAt))
		return out.deliverAs(c.Context, d, []serve.AppPassword{rotated.New}, rotated, told)
	})
}

// askedRotation reads which app password is to be rotated, and how.
func askedRotation(c *cli.Context) (asked serve.Rotation, err error) {
	asked.ID, asked.Account, asked.Overlap = idOf(c.Args().First()), c.String("account"), durationOf(c, "overlap")
	if c.IsSet("label") {
		label := c.String("label")
		asked.Label = &label
	}
	switch {
	case (asked.ID == "") == (asked.Account == ""):
		return asked, usagef("rotate: name the app password by its ID, or by --account")
	case asked.ID != "" && asked.Label != nil:
		return asked, usagef("--label: it has no place beside an ID")
	case asked.Overlap < 0:
		return asked, usagef("--overlap: the time cannot be negative")
	}
	asked.ExpiresIn, err = positiveDuration(c, "expires-in")
	return asked, err
}
