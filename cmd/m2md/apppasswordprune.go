package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

func prunePasswordsCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "prune",
		Usage: "delete app passwords that let nobody in, for good, and tell which",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "expired", Usage: "those that have expired by themselves; what max_age alone keeps out stays"},
			&cli.BoolFlag{Name: "revoked", Usage: "those that were revoked"},
			&cli.BoolFlag{Name: "orphaned", Usage: "those of accounts that no file declares"},
			&cli.GenericFlag{Name: "older-than", Value: &duration{}, Usage: "only where that happened so `LONG` ago, such as 30d; orphaned ones: where they were neither made nor used since"},
			&cli.BoolFlag{Name: "dry-run", Usage: "delete nothing"},
			formatFlag(),
		}, deskFlags()),
	}, "", prunePasswords)
}

func prunePasswords(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	asked := serve.Prune{Expired: c.Bool("expired"), Revoked: c.Bool("revoked"), Orphaned: c.Bool("orphaned"), DryRun: c.Bool("dry-run")}
	if !asked.Expired && !asked.Revoked && !asked.Orphaned {
		return usagef("prune: say which with --expired, --revoked or --orphaned")
	}
	if asked.OlderThan, err = positiveDuration(c, "older-than"); err != nil {
		return err
	}
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		all := pages(func(from string) (serve.AppPasswordPage, error) { return d.PruneAppPasswords(c.Context, asked, from) })
		if asJSON {
			return writeJSONList(c.App.Writer, all)
		}
		n, verb := 0, "deleted"
		if asked.DryRun {
			verb = "would be deleted"
		}
		for one, err := range all {
			if err == nil {
				_, err = fmt.Fprintln(c.App.Writer, pruneLine(one, verb))
			}
			if err != nil {
				return err
			}
			n++
		}
		fmt.Fprintf(c.App.ErrWriter, "%d app passwords %s.\n", n, verb)
		return nil
	})
}

// pruneLine tells of one that was deleted, and why.
func pruneLine(p serve.AppPassword, verb string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s of %s, ", p.ID, p.Account)
	switch p.State {
	case engine.StateRevoked:
		fmt.Fprintf(&b, "revoked %s", when(p.RevokedAt))
	case engine.StateExpired:
		fmt.Fprintf(&b, "expired %s", when(p.ExpiresAt))
	default:
		fmt.Fprintf(&b, "orphaned, made %s", when(p.CreatedAt))
	}
	fmt.Fprintf(&b, ": %s", verb)
	return b.String()
}
