package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/serve"
)

func statusCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "tell how the daemon is: what it serves, and how its last reload went",
		Flags: []cli.Flag{stateDirFlag(), socketFlag(), formatFlag()},
	}, "", status)
}

// status exits with 1 where the last reload was refused, for scripts.
func status(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	path, err := socketPath(c)
	if err != nil {
		return err
	}
	s, err := serve.NewAdminClient(path).Status(c.Context)
	if err != nil {
		return orNobody(err, path)
	}
	if asJSON {
		err = writeJSON(c.App.Writer, s)
	} else {
		err = writeStatus(c.App.Writer, s)
	}
	if err == nil && !s.Reload.OK {
		err = silentFault{}
	}
	return err
}

func writeStatus(w io.Writer, s serve.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, form string, args ...any) { fmt.Fprintf(t, name+"\t"+form+"\n", args...) }
	line("version", "%s", s.Version)
	line("process", "%d, since %s", s.PID, when(s.Started))
	line("listening", "%s", s.Listen)
	if s.Metrics != "" {
		line("metrics", "%s", s.Metrics)
	}
	line("configuration", "%s", s.Config)
	line("storage", "%s", s.Storage)
	line("generation", "%d, hash %s, since %s", s.Generation, shortHash(s.Hash), when(s.Reload.LastGood))
	writeRevision(line, s)
	line("holds", "providers %d, sources %d, service accounts %d, policies %d", s.Providers, s.Sources, s.Accounts, s.Policies)
	for _, set := range s.KeySets {
		line("keys of", "%s", keySetLine(set, time.Now()))
	}
	for _, one := range s.Certificates {
		line("certificate", "%s", certificateLine(one, time.Now()))
	}
	if revoked := revokedLine(s.Revoked); revoked != "" {
		line("revoked", "%s", revoked)
	}
	writePasswordStatus(line, s)
	writeHistory(line, s.History)
	switch {
	case s.Reload.OK:
		line("last reload", "ok, %s", when(s.Reload.At))
	case s.LastGood != nil:
		line("last reload", "REFUSED, %s: THE FILES DO NOT SERVE, but what served last (--last-good)", when(s.Reload.At))
	default:
		line("last reload", "REFUSED, %s: the generation above goes on serving", when(s.Reload.At))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, s.Reload.Report)
	return err
}

// keySetLine tells how a key set is, at a time.
func keySetLine(set serve.KeySetStatus, now time.Time) string {
	line := fmt.Sprintf("%s: %d", set.URL, set.Keys)
	if set.Skipped > 0 {
		line += fmt.Sprintf(", %d skipped", set.Skipped)
	}
	if !set.FetchedAt.IsZero() {
		line += ", fetched " + when(set.FetchedAt)
	}
	if set.Restored {
		line += " by an earlier process"
	}
	switch {
	case set.FetchedAt.IsZero(): // there is nothing that could be stale
	case !now.Before(set.UsedUntil):
		line += fmt.Sprintf(", TOO OLD since %s and not used", when(set.UsedUntil))
	case set.Stale:
		line += fmt.Sprintf(", STALE since %s and used until %s", when(set.StaleSince), when(set.UsedUntil))
	}
	if set.Error != "" {
		line += ", last fetch failed: " + set.Error
	}
	return line
}

// whenForm is how times are told to people.
const whenForm = "2006-01-02 15:04:05Z"

func when(t time.Time) string { return t.UTC().Format(whenForm) }

// writeJSON writes indented JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
