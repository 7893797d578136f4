package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/decisionlog"
	"github.com/m2md/m2md/engine/serve"
)

func decisionsCommand() *cli.Command {
	return command(&cli.Command{
		Name:        "decisions",
		Usage:       "read the decision log: of the running daemon, of files, or from stdin",
		Description: "FILE is a decision log, with the files that it was rotated to, or - for stdin. Without any, the running daemon tells the last ones that it remembers.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with those that come"},
			&cli.BoolFlag{Name: "deny", Usage: "only what was not let in: --outcome deny and --outcome error"},
			&cli.GenericFlag{Name: "outcome", Value: &texts{}, Usage: "only this `OUTCOME`: allow, deny or error (repeatable)"},
			&cli.StringFlag{Name: "provider", Usage: "only those of this provider `NAME`"},
			&cli.StringFlag{Name: "subject", Usage: "only those of this `SUBJECT`; a * at its end stands for anything"},
			&cli.StringFlag{Name: "since", Usage: "only those of this `TIME` or later, or of so long ago, as 15m"},
			stateDirFlag(), socketFlag(), formatFlag(),
		},
	}, "[FILE...]", decisions)
}

// decisions tells the records that are asked for.
func decisions(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	filter, err := readDecisionFilter(c, time.Now())
	if err != nil {
		return err
	}
	out := &decisionWriter{filter: filter, asJSON: asJSON, out: c.App.Writer, width: terminalWidth(c.App.Writer)}
	source, err := decisionSource(c, out.skipped)
	if err != nil {
		return err
	}
	err = source.each(c.Context, out.line)
	if out.unread > 0 {
		fmt.Fprintf(c.App.ErrWriter, "m2md: %d lines were no records of the decision log, and were passed over\n", out.unread)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// lineSource is where lines of a decision log come from. each tells all of
// them, without their newlines, and ends with the error of what it tells.
type lineSource interface {
	each(ctx context.Context, line func([]byte) error) error
}

// decisionSource is what the arguments name.
func decisionSource(c *cli.Context, skipped func(uint64)) (lineSource, error) {
	files, follow := c.Args().Slice(), c.Bool("follow")
	switch {
	case len(files) == 0:
		path, err := socketPath(c)
		return &daemonLines{client: serve.NewAdminClient(path), path: path, follow: follow, skipped: skipped, told: c.App.ErrWriter}, err
	case slices.Contains(files, "-") && len(files) > 1:
		return nil, usagef("decisions: - stands alone")
	case files[0] == "-":
		return readerLines{c.App.Reader}, nil
	case follow && len(files) > 1:
		return nil, usagef("decisions: --follow follows one file")
	}
	source := logFiles{follow: follow}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			return nil, err
		}
		source.paths = append(source.paths, withRotated(file)...)
	}
	return source, nil
}

// decisionFilter is which records are wanted. The zero value wants all.
type decisionFilter struct {
	outcomes []string
	provider string
	subject  string
	since    time.Time
}

func readDecisionFilter(c *cli.Context, now time.Time) (f decisionFilter, err error) {
	f = decisionFilter{
		outcomes: textsOf(c, "outcome"), subject: c.String("subject"),
		provider: strings.TrimPrefix(c.String("provider"), string(engine.KindProvider)+"."),
	}
	for _, one := range f.outcomes {
		if !slices.Contains([]string{string(engine.Allowed), string(engine.Denied), string(engine.Failed)}, one) {
			return f, usagef("--outcome: %q is none of allow, deny and error", one)
		}
	}
	if c.Bool("deny") {
		if len(f.outcomes) > 0 {
			return f, usagef("decisions: --deny and --outcome say the same; name one")
		}
		f.outcomes = []string{string(engine.Denied), string(engine.Failed)}
	}
	if ago, err := time.ParseDuration(c.String("since")); err == nil && ago >= 0 {
		f.since = now.Add(-ago)
		return f, nil
	}
	f.since, err = timeFlag(c, "since")
	return f, err
}

func (f decisionFilter) wants(r decisionlog.Record) bool {
	prefix, open := strings.CutSuffix(f.subject, "*")
	switch {
	case len(f.outcomes) > 0 && !slices.Contains(f.outcomes, string(r.Outcome)):
		return false
	case f.provider != "" && r.Provider != f.provider:
		return false
	case open && !strings.HasPrefix(r.Subject, prefix), !open && f.subject != "" && r.Subject != f.subject:
		return false
	default:
		return f.since.IsZero() || !r.Time.Before(f.since)
	}
}

// decisionWriter writes the records that are wanted.
type decisionWriter struct {
	filter decisionFilter
	asJSON bool
	out    io.Writer
	width  int // of a terminal, in characters; 0 for no bound
	unread int // lines that were no records
	headed bool
}

// line writes a record, if it is wanted. As JSON, that is the line as it is.
func (w *decisionWriter) line(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	record, err := decisionlog.Parse(line)
	if err != nil {
		w.unread++
		return nil
	}
	if !w.filter.wants(record) {
		return nil
	}
	if w.asJSON {
		_, err = w.out.Write(append(slices.Clone(line), '\n'))
		return err
	}
	if !w.headed {
		w.headed = true
		if _, err := fmt.Fprintln(w.out, decisionlog.Heading(w.width)); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(w.out, record.Text(w.width))
	return err
}

// skipped tells that lines were lost.
func (w *decisionWriter) skipped(n uint64) {
	if w.asJSON {
		json.NewEncoder(w.out).Encode(map[string]any{"msg": "skipped", "count": n}) //nolint:errcheck // the next line fails, too
		return
	}
	fmt.Fprintf(w.out, "… %d records were skipped: they are in the log, but not among what the daemon remembers\n", n)
}

// terminalWidth is how many characters a line may have; 0 for any number.
func terminalWidth(w io.Writer) int {
	if file, is := w.(*os.File); is && isTerminal(file) {
		return terminalColumns(file)
	}
	return 0
}

// requestIDOf is the request id of a line; "" for what is no record.
func requestIDOf(line []byte) string {
	record, err := decisionlog.Parse(line)
	if err != nil {
		return ""
	}
	return record.RequestID
}
