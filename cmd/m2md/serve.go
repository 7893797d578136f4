package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

func serveCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "serve",
		Usage: "run the daemon: decisions go to stdout as JSON lines, its own log to stderr",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(), stateDirFlag(), socketFlag(),
			&cli.BoolFlag{Name: "last-good", Usage: "where the files have faults, start from what served last, and say so everywhere"},
		},
	}, "", serveAction)
}

func serveAction(c *cli.Context) error {
	config, err := configPath(c)
	if err != nil {
		return err
	}
	state, err := stateDir(c)
	if err != nil {
		return err
	}
	if err := outside(state, config); err != nil {
		return err
	}
	if err := makeStateDir(state); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Who reads the decisions may go away; that is told as a failed write, and
	// does not end the daemon in the middle of its requests.
	signal.Ignore(syscall.SIGPIPE)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	d, err := NewDaemon(ctx, Options{
		Config:     config,
		AllowPaths: c.StringSlice("allow-path"),
		StateDir:   state,
		Socket:     c.String("socket"),
		LastGood:   c.Bool("last-good"),
		Audit:      c.App.Writer,
		Log:        slog.New(slog.NewTextHandler(c.App.ErrWriter, nil)),
	}, c.App.ErrWriter)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Run(ctx, hangup)
}
