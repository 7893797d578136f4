package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
)

func fmtCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "fmt",
		Usage: "lay the files out in the canonical style; the names of those that change are printed",
		Description: "Only white space between words changes: comments, strings and the scripts in heredocs stay as they\n" +
			"are. A PATH is a file, a folder, or - for stdin, whose layout goes to stdout; without any it is the\n" +
			"configuration. Files in JSON are left alone.",
		Flags: []cli.Flag{
			configFlag(),
			&cli.BoolFlag{Name: "check", Usage: "change nothing, and end with 1 where a file would change"},
			&cli.BoolFlag{Name: "diff", Usage: "change nothing, and print what would change"},
		},
	}, "[PATH...]", formatFiles)
}

// formatting is one call of `m2md fmt`.
type formatting struct {
	out         io.Writer
	check, diff bool
	changed     bool
	refused     bool
}

func formatFiles(c *cli.Context) error {
	f := &formatting{out: c.App.Writer, check: c.Bool("check"), diff: c.Bool("diff")}
	paths := c.Args().Slice()
	if len(paths) == 0 {
		path, err := configPath(c)
		if err != nil {
			return err
		}
		paths = []string{path}
	}
	for _, path := range paths {
		laid, found := f.read(c, path)
		if err := f.tell(c.App.ErrWriter, laid, found); err != nil {
			return err
		}
		for _, one := range laid {
			if err := f.settle(one, path == "-"); err != nil {
				return err
			}
		}
	}
	if f.refused || f.check && f.changed {
		return silentFault{}
	}
	return nil
}

// stdinName is what findings call the file that stdin holds.
const stdinName = "stdin"

// read lays out what a path leads to.
func (f *formatting) read(c *cli.Context, path string) ([]hcl.Laid, engine.Findings) {
	if path != "-" {
		return hcl.FormatAll(path)
	}
	content, err := io.ReadAll(c.App.Reader)
	if err != nil {
		return nil, engine.Findings{{Summary: "stdin cannot be read", Detail: err.Error(), At: engine.Range{File: stdinName}}}
	}
	laid, found := hcl.Format(stdinName, content)
	return []hcl.Laid{{Name: stdinName, Before: content, After: laid}}, found
}

// tell writes what keeps files from being laid out.
func (f *formatting) tell(w io.Writer, laid []hcl.Laid, found engine.Findings) error {
	f.refused = f.refused || found.Err() != nil
	sources := hcl.Sources{}
	for _, one := range laid {
		sources[one.Name] = one.Before
	}
	return hcl.WriteText(w, found, sources, hcl.TextOptions{})
}

// settle writes a file that changes, or says that it would.
func (f *formatting) settle(one hcl.Laid, stdin bool) error {
	if one.After == nil {
		return nil
	}
	same := bytes.Equal(one.Before, one.After)
	f.changed = f.changed || !same
	switch {
	case f.diff && !same:
		_, err := f.out.Write(diff.Diff(one.Name, one.Before, one.Name, one.After))
		return err
	case stdin && !f.check && !f.diff:
		_, err := f.out.Write(one.After)
		return err
	case same:
		return nil
	}
	if _, err := fmt.Fprintln(f.out, one.Name); err != nil || f.check {
		return err
	}
	path, err := filepath.EvalSymlinks(one.Name) // a link stays one
	if err := errors.Join(err, replaceFile(path, one.After)); err != nil {
		return fmt.Errorf("writing %s: %w", one.Name, err)
	}
	return nil
}
