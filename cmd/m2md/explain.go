package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/storage"
	"github.com/m2md/m2md/storage/bolt"
)

func explainCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "explain",
		Usage: "tell step by step why a token, or a request that was decided, is let in or not, and what would let it in",
		Description: "WHAT is a file with a token (a JWT of a source, an access token of m2md, an app password), - for stdin, or the request id that a refusal names.\n" +
			"The running daemon is asked, where there is one; else, or with --offline, the files of --config. Nothing is issued, spent or counted, and no token is printed.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "provider", Usage: "the `NAME` of the provider (default: each that could take it, the best first)"},
			&cli.StringFlag{Name: "username", Usage: "the `NAME` that goes with a password that was brought along"},
			&cli.StringFlag{Name: "door", Usage: "the `DOOR` where it is shown: token or forward_auth", Value: engine.DoorToken},
			&cli.GenericFlag{Name: "scope", Value: &texts{}, Usage: "a `SCOPE` that is asked for (repeatable)"},
			&cli.StringFlag{Name: "client-ip", Usage: "the `ADDRESS` that asks"},
			&cli.StringFlag{Name: "method", Usage: "with --door forward_auth: the `METHOD` of the guarded request"},
			&cli.StringFlag{Name: "host", Usage: "its `HOST`"},
			&cli.StringFlag{Name: "path", Usage: "its `PATH`"},
			&cli.StringFlag{Name: "at", Usage: "judge by this `TIME` (default: now)"},
			&cli.StringFlag{Name: "log", Usage: "the decision log that has the request id, a `FILE` (default: what the daemon remembers)"},
			&cli.BoolFlag{Name: "offline", Usage: "ask the files, even where a daemon runs"},
			configFlag(), allowPathFlag(), stateDirFlag(), socketFlag(), formatFlag(),
		},
	}, "WHAT", explain)
}

// requestIDForm is the form of request ids. No file need fear for its name.
var requestIDForm = regexp.MustCompile(`\A[A-Z2-7]{16}-[0-9a-z]{1,16}\z`)

// explain exits with 1 where what is explained is not let in.
func explain(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	asked, err := askedExplanation(c)
	if err != nil {
		return err
	}
	explained, err := explainSomewhere(c, asked)
	if err != nil {
		return err
	}
	if asJSON {
		err = writeJSON(c.App.Writer, explained)
	} else {
		err = writeExplained(c.App.Writer, explained, marksFor(c.App.Writer))
	}
	if err == nil && !explained.Explanations[0].Allowed {
		err = silentFault{}
	}
	return err
}

// askedExplanation reads what is to be explained.
func askedExplanation(c *cli.Context) (asked serve.NewExplanation, err error) {
	asked = serve.NewExplanation{
		Provider: strings.TrimPrefix(c.String("provider"), string(engine.KindProvider)+"."), Username: c.String("username"), Door: c.String("door"), Scopes: textsOf(c, "scope"),
		ClientIP: c.String("client-ip"), Method: c.String("method"), Host: c.String("host"), Path: c.String("path"),
	}
	if asked.At, err = timeFlag(c, "at"); err != nil {
		return asked, err
	}
	if asked.Door != engine.DoorToken && asked.Door != engine.DoorForwardAuth {
		return asked, usagef("explain: there is no door %q; write %s or %s", asked.Door, engine.DoorToken, engine.DoorForwardAuth)
	}
	if _, err := netip.ParseAddr(asked.ClientIP); err != nil && asked.ClientIP != "" {
		return asked, usagef("explain: --client-ip: %q is no address", asked.ClientIP)
	}
	what := c.Args().First()
	_, errThere := os.Stat(what)
	switch {
	case requestIDForm.MatchString(what) && errThere != nil:
		for _, flag := range []string{"provider", "username", "door", "scope", "client-ip", "method", "host", "path", "at"} {
			if c.IsSet(flag) {
				return asked, usagef("explain: --%s has no place beside a request id, whose record says it", flag)
			}
		}
		asked.RequestID = what
		if c.IsSet("log") {
			asked.Record, err = findRecord(c.String("log"), what)
		}
		return asked, err
	case c.IsSet("log"):
		return asked, usagef("explain: --log is for a request id, which %q is not", what)
	case what == "-":
		asked.Token, err = readToken(c.App.Reader)
		return asked, err
	case errThere != nil:
		if looksLikeToken(what) {
			return asked, usagef("explain: a token as an argument can be read by everybody on this machine; put it into a file, or give it to stdin with -")
		}
		return asked, usagef("explain: %q is neither a file nor a request id such as ABCDEFGHIJKLMNOP-1a", what)
	}
	file, err := os.Open(what)
	if err != nil {
		return asked, err
	}
	defer file.Close()
	asked.Token, err = readToken(file)
	return asked, err
}

// looksLikeToken says whether an argument should not have been one.
func looksLikeToken(s string) bool { return len(s) > 40 && !strings.ContainsAny(s, "/ ") }

// explainSomewhere asks the daemon, or the files.
func explainSomewhere(c *cli.Context, asked serve.NewExplanation) (serve.Explained, error) {
	socket, err := socketPath(c)
	if err != nil {
		return serve.Explained{}, err
	}
	alone := withoutDaemon(c, listens(c.Context, socket))
	filesMeant := c.Bool("offline") || c.IsSet("config") && c.String("config") != os.Getenv("M2MD_CONFIG")
	if !alone && !filesMeant {
		explained, err := serve.NewAdminClient(socket).Explain(c.Context, asked)
		return explained, orNobody(err, socket)
	}
	if asked.RequestID != "" && asked.Record == nil {
		return serve.Explained{}, usagef("explain: no daemon is asked, so that --log must name the decision log that has the request id")
	}
	return explainOffline(c, asked, alone)
}

// explainOffline asks the files. Nothing is fetched; what a daemon that runs no
// more had fetched is used.
func explainOffline(c *cli.Context, asked serve.NewExplanation, alone bool) (serve.Explained, error) {
	path, err := configPath(c)
	if err != nil {
		return serve.Explained{}, err
	}
	store, closeStore := keptStore(c, alone)
	defer closeStore()
	options := jwks.Options{Offline: true}
	if store != nil {
		options.Store = store
	}
	keys := jwks.NewCache(options)
	defer keys.Close()
	deps := rehearsalDeps(keys)
	if store != nil {
		deps.AppPasswords = store
	}
	a := assess(c.Context, hcl.Options{Path: path, AllowPaths: c.StringSlice("allow-path")}, 1, deps)
	if a.Engine == nil {
		if err := report(c.App.ErrWriter, a); err != nil {
			return serve.Explained{}, err
		}
		return serve.Explained{}, fmt.Errorf("the configuration %s has faults, and is to be mended first", path)
	}
	fmt.Fprintf(c.App.ErrWriter, "Explained by the files of %s, without a daemon: nothing is fetched.\n", path)
	if asked.Token != "" && a.Engine.CallsItselfOwn(asked.Token) {
		return serve.Explained{}, errors.New("this access token was issued by m2md, whose keys only the daemon has; start it, and ask again")
	}
	return serve.Explain(c.Context, a.Engine, nil, asked)
}

// keptStore is the storage that a daemon left, opened for reading what it kept;
// nil where there is none, or where one has it open.
func keptStore(c *cli.Context, alone bool) (storage.Store, func()) {
	dir, err := stateDir(c)
	none := func() {}
	if err != nil || !alone {
		return nil, none
	}
	path := filepath.Join(dir, databaseName)
	if _, err := os.Stat(path); err != nil {
		return nil, none
	}
	store, err := bolt.Open(bolt.Options{Path: path})
	if err != nil {
		fmt.Fprintf(c.App.ErrWriter, "The storage %s is not used: %v\n", path, err)
		return nil, none
	}
	return store, func() { store.Close() }
}

// findRecord finds the line of a request in a decision log.
func findRecord(path, requestID string) ([]byte, error) {
	var found []byte
	source := logFiles{paths: withRotated(path)}
	err := source.each(context.Background(), func(line []byte) error {
		if strings.Contains(string(line), requestID) && requestIDOf(line) == requestID {
			found = append([]byte(nil), line...)
		}
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("no record in %s is of request %s", path, requestID)
	}
	return found, err
}
