package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

func listPasswordsCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "list",
		Usage: "list app passwords, never their secrets",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "account", Usage: "only those of this `ACCOUNT`"},
			&cli.GenericFlag{Name: "unused", Value: &duration{}, Usage: "only those that may be used, and were neither made nor used for so `LONG`, such as 90d"},
			&cli.GenericFlag{Name: "expiring", Value: &duration{}, Usage: "only active ones that end within a `TIME`, such as 14d"},
			&cli.BoolFlag{Name: "orphaned", Usage: "only those of accounts that no file declares"},
			formatFlag(),
		}, deskFlags()),
	}, "", listPasswords)
}

func listPasswords(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	filter := serve.AppPasswordFilter{Account: c.String("account"), Orphaned: c.Bool("orphaned")}
	if filter.Unused, err = positiveDuration(c, "unused"); err != nil {
		return err
	}
	if filter.Expiring, err = positiveDuration(c, "expiring"); err != nil {
		return err
	}
	return withDesk(c, engine.Storage{}, func(d passwordDesk) error {
		all := pages(func(from string) (serve.AppPasswordPage, error) { return d.ListAppPasswords(c.Context, filter, from) })
		if asJSON {
			return writeJSONList(c.App.Writer, all)
		}
		return writePasswords(c.App.Writer, all)
	})
}

// pages goes through all parts of a list.
func pages(page func(from string) (serve.AppPasswordPage, error)) iter.Seq2[serve.AppPassword, error] {
	return func(yield func(serve.AppPassword, error) bool) {
		for from := ""; ; {
			part, err := page(from)
			if err != nil {
				yield(serve.AppPassword{}, err)
				return
			}
			for _, one := range part.AppPasswords {
				if !yield(one, nil) {
					return
				}
			}
			if from = part.Next; from == "" {
				return
			}
		}
	}
}

// rowsAtOnce is how many rows share the widths of their columns: a list can be
// longer than memory.
const rowsAtOnce = 1000

func writePasswords(w io.Writer, all iter.Seq2[serve.AppPassword, error]) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ACCOUNT\tID\tSTATE\tCREATED\tBY\tEXPIRES\tUSED\tFROM\tPROVIDER\tLABEL")
	rows := 0
	for p, err := range all {
		if err != nil {
			return err
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Account, p.ID, stateText(p), when(p.CreatedAt), orDash(p.CreatedBy),
			orNever(p.ExpiresAt), orNever(p.LastUsedAt), orDash(addressOf(p)), orDash(p.LastUsedFor), p.Label)
		if rows++; rows%rowsAtOnce == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
	}
	return t.Flush()
}

// stateText is the state, and beside it what else there is to know.
func stateText(p serve.AppPassword) string {
	state := string(p.State)
	if p.Successor != "" && (p.State == engine.StateActive || p.State == engine.StateOrphaned) {
		state += ",rotated"
	}
	if p.Imported {
		state += ",imported"
	}
	return state
}

func addressOf(p serve.AppPassword) string {
	if !p.LastUsedFrom.IsValid() {
		return ""
	}
	return p.LastUsedFrom.String()
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return when(t)
}

// orDash keeps the columns countable.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// writeJSONList writes a list as writeJSON would, one after the other.
func writeJSONList(w io.Writer, all iter.Seq2[serve.AppPassword, error]) error {
	before := "[\n  "
	for one, err := range all {
		if err != nil {
			return err
		}
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetIndent("  ", "  ")
		if err := encoder.Encode(one); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, before, string(bytes.TrimSpace(text.Bytes()))); err != nil {
			return err
		}
		before = ",\n  "
	}
	if before == "[\n  " {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
