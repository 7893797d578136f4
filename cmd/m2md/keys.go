package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/serve"
)

func keysCommand() *cli.Command {
	return group(&cli.Command{
		Name:  "keys",
		Usage: "list, rotate and export the keys that sign",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name:  "list",
				Usage: "list the signing keys, and since when and until when each does what; never their private parts",
				Flags: []cli.Flag{stateDirFlag(), socketFlag(), formatFlag()},
			}, "", listKeys),
			command(&cli.Command{
				Name:  "rotate",
				Usage: "publish the next key of a signing_key now, and sign with it as soon as every verifier can know it",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "now", Usage: "sign with it at once; verifiers that keep the keys refuse its tokens until they fetch them again"},
					&cli.StringFlag{Name: "drop", Usage: "end the key with this `KID` instead, at once, and with it all tokens that it signed"},
					stateDirFlag(), socketFlag(),
				},
			}, "[NAME]", rotateKeys),
			command(&cli.Command{
				Name:  "export",
				Usage: "print public keys: those of a signing_key, or all that a provider publishes",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "provider", Usage: "the keys that this `PROVIDER` publishes"},
					&cli.StringFlag{Name: "format", Usage: "`FORM` of the output: jwks, pem or certificate", Value: serve.KeyFormats()[0]},
					stateDirFlag(), socketFlag(),
				},
			}, "[NAME]", exportKeys),
		},
	})
}

// withKeys runs work on the daemon's signing keys, or on those of the storage in
// the state folder where no daemon listens.
func withKeys(c *cli.Context, work func(serve.KeyKeeper) error) error {
	socket, err := socketPath(c)
	if err != nil {
		return err
	}
	err = work(serve.NewAdminClient(socket))
	if !withoutDaemon(c, err) {
		return err
	}
	dir, err := stateDir(c)
	if err != nil {
		return err
	}
	path := storagePath(engine.Storage{}, dir)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no daemon listens at %s, and there is no storage at %s; name the daemon's --state-dir", socket, path)
	}
	store, err := openStorage(engine.Storage{}, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "No daemon listens at %s; working on %s.\n", socket, path)
	ring := serve.Keyring{Store: store, Random: rand.Reader, Now: time.Now, Live: func() *engine.Engine { return nil }}
	return errors.Join(work(ring), store.Close())
}

func listKeys(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	return withKeys(c, func(k serve.KeyKeeper) error {
		all, err := k.ListKeys(c.Context)
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSON(c.App.Writer, all)
		}
		return writeKeys(c.App.Writer, all)
	})
}

func writeKeys(w io.Writer, all []serve.SigningKey) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tKID\tALGORITHM\tSTATE\tPUBLISHED\tSIGNS FROM\tSIGNED UNTIL\tENDS\tPROVIDERS")
	for _, k := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmp.Or(k.Name, "-"), k.ID, cmp.Or(k.Algorithm, "any"), k.State,
			whenOr(k.PublishedAt), whenOr(k.SignsFrom), whenOr(k.SupersededAt), whenOr(k.EndsAt), cmp.Or(strings.Join(k.Providers, ","), "-"))
	}
	return t.Flush()
}

// whenOr is when, or a dash for no time.
func whenOr(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return when(t)
}

func rotateKeys(c *cli.Context) error {
	order := serve.KeyOrder{Name: c.Args().First(), Now: c.Bool("now"), Drop: c.String("drop")}
	if c.IsSet("drop") && (order.Name != "" || order.Now || order.Drop == "") {
		return usagef("rotate: --drop takes the KID of one key, and goes with nothing else; if that key signs, the next one takes over")
	}
	return withKeys(c, func(k serve.KeyKeeper) error {
		meant, err := k.OrderKeys(c.Context, order)
		if err != nil {
			return err
		}
		return tellOrder(c, order, meant)
	})
}

// tellOrder prints what was done, and warns of what it means for others.
func tellOrder(c *cli.Context, order serve.KeyOrder, meant serve.SigningKey) error {
	named := fmt.Sprintf("Key %s", meant.ID)
	if meant.Name != "" {
		named += " of signing_key " + meant.Name
	}
	var told string
	switch {
	case order.Drop != "":
		told = "is gone"
		fmt.Fprintln(c.App.ErrWriter, "m2md takes none of its tokens any more. Verifiers that keep the keys do until they fetch them again, for up to five minutes.")
	case order.Now:
		told = "signs now"
		fmt.Fprintln(c.App.ErrWriter, "Verifiers that keep the keys may refuse its tokens until they fetch them again, for up to five minutes.")
	default:
		told = fmt.Sprintf("is published, and signs from %s on", when(meant.SignsFrom))
	}
	_, err := fmt.Fprintf(c.App.Writer, "%s %s.\n", named, told)
	return err
}

func exportKeys(c *cli.Context) error {
	asked := serve.KeyExport{Name: c.Args().First(), Provider: c.String("provider"), Format: c.String("format")}
	if asked.Name != "" && asked.Provider != "" {
		return usagef("export: name a signing_key or a --provider, not both")
	}
	if !slices.Contains(serve.KeyFormats(), asked.Format) {
		return usagef("--format: %q is none of %s", asked.Format, strings.Join(serve.KeyFormats(), ", "))
	}
	return withKeys(c, func(k serve.KeyKeeper) error {
		keys, err := k.ExportKeys(c.Context, asked)
		if err != nil {
			return err
		}
		_, err = io.WriteString(c.App.Writer, keys.Content)
		return err
	})
}
