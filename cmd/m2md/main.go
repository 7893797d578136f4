// Command m2md authenticates machines by what is written in HCL files: a
// daemon that issues tokens and guards services, and the commands around it.
package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// Exit codes: 0 fine, 1 faults were found or something failed, 2 wrong usage; a
// codedFault has its own.
const (
	exitFault = 1
	exitUsage = 2
)

func main() { os.Exit(run(os.Args, os.Stdout, os.Stderr)) }

// run is main with everything that a test wants to see passed in.
func run(args []string, stdout, stderr io.Writer) int {
	err := newApp(stdout, stderr).Run(args)
	if err == nil {
		return 0
	}
	var quiet silentFault
	if !errors.As(err, &quiet) {
		fmt.Fprintf(stderr, "m2md: %v\n", err)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	var coded codedFault
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFault
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:            "m2md",
		Usage:           "authentication between machines, as code",
		Version:         versionLine(),
		Writer:          stdout,
		ErrWriter:       stderr,
		HideVersion:     true, // there is a command for it
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // run decides
		OnUsageError:    wrongUsage,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usagef("there is no command %q; `m2md --help` lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		EnableBashCompletion: true,
		Commands: []*cli.Command{
			serveCommand(),
			validateCommand(),
			testCommand(),
			planCommand(),
			fmtCommand(),
			initCommand(),
			explainCommand(),
			decisionsCommand(),
			serviceAccountCommand(),
			appPasswordCommand(),
			schemaCommand(),
			jwksCommand(),
			keysCommand(),
			tokenCommand(),
			revokeCommand(),
			reloadCommand(),
			statusCommand(),
			versionCommand(),
		},
	}
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silentFault ends a command with exitFault; what there is to say was said.
type silentFault struct{}

func (silentFault) Error() string { return "faults were found" }

// wrongUsage is what flags that cannot be understood end in.
func wrongUsage(_ *cli.Context, err error, _ bool) error { return usageError{err} }

// command completes a command with what all share: strict arguments. argument
// names them for people: "" for none, NAME for one, [NAME] for at most one, [NAME...] for any number.
func command(c *cli.Command, argument string, action cli.ActionFunc) *cli.Command {
	c.ArgsUsage = argument
	c.HideHelpCommand = true
	c.OnUsageError = wrongUsage
	fewest, most := 1, 1
	switch {
	case argument == "":
		fewest, most = 0, 0
	case strings.HasSuffix(argument, "...]"):
		fewest, most = 0, math.MaxInt
	case strings.HasPrefix(argument, "["):
		fewest = 0
	}
	c.Action = func(ctx *cli.Context) error {
		for i, given := range ctx.Args().Slice() {
			if i >= most || i > 0 && strings.HasPrefix(given, "-") {
				if looksLikeToken(given) {
					given = "that may be a secret" // it came where it must not, and shall go no further
				}
				return usagef("%s: unexpected argument %q; flags come before arguments", c.Name, given)
			}
		}
		if ctx.NArg() < fewest {
			return usagef("%s: %s is missing", c.Name, argument)
		}
		return action(ctx)
	}
	return c
}

// group is a command that only has commands below it.
func group(c *cli.Command) *cli.Command {
	c.HideHelpCommand = true
	c.OnUsageError = wrongUsage
	c.Action = func(ctx *cli.Context) error {
		if ctx.NArg() > 0 {
			return usagef("%s: there is no command %q", c.Name, ctx.Args().First())
		}
		return cli.ShowSubcommandHelp(ctx)
	}
	return c
}
