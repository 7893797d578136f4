package main

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

func validateCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "validate",
		Usage: "check the configuration as the daemon would, without network and storage",
		Description: "With --online, the issuers of the sources are asked besides, as the daemon would ask them. With --against-running, a daemon says\n" +
			"what it could not follow, and what its storage would come to. docs/operating.md has all findings of these two.",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(), findingsFlag(), missingSecretsFlag(),
			&cli.StringFlag{Name: "env-from", Usage: "a `FILE` of NAME=VALUE lines that env() asks in the place of the environment"},
			&cli.BoolFlag{Name: "env-inherit", Usage: "with --env-from: env() asks the environment for what the file does not have"},
			&cli.BoolFlag{Name: "offline", Usage: "ask no issuer (the default)"},
			&cli.BoolFlag{Name: "online", Usage: "fetch the key sets and discovery documents of the sources, too, and check them"},
			&cli.BoolFlag{Name: "against-running", Usage: "ask the running daemon what would need a restart, and what its storage contradicts"},
			stateDirFlag(), socketFlag(),
			&cli.BoolFlag{Name: "strict", Usage: "take warnings for errors"},
		},
	}, "", validate)
}

// validation is one run of `m2md validate`.
type validation struct {
	options hcl.Options
	form    string
	strict  bool
	online  bool
	daemon  string // the socket of whom the files are held against; "" for none
	asked   int    // issuers
	running *serve.Running
}

func newValidation(c *cli.Context) (v *validation, err error) {
	v = &validation{strict: c.Bool("strict"), online: c.Bool("online")}
	if v.form, err = findingsForm(c); err != nil {
		return nil, err
	}
	if v.online && c.Bool("offline") {
		return nil, usagef("validate: --online and --offline exclude each other")
	}
	if c.Bool("env-inherit") && !c.IsSet("env-from") {
		return nil, usagef("validate: --env-inherit is for --env-from; without it, env() asks the environment alone")
	}
	v.options = hcl.Options{
		AllowPaths: c.StringSlice("allow-path"), AllowMissingSecrets: c.Bool("allow-missing-secrets"), WithTests: true,
	}
	if v.options.LookupEnv, err = environment(c.String("env-from"), c.Bool("env-inherit")); err != nil {
		return nil, err
	}
	if v.options.Path, err = configPath(c); err != nil {
		return nil, err
	}
	if c.Bool("against-running") {
		v.daemon, err = socketPath(c)
	}
	return v, err
}

// garbage is how much may come together, in percent of what is in use, before it
// is collected: validate ends soon, and of many files it takes a quarter less
// time so (measured: 10,000 accounts in 1.0 s and 220 MB, and else 1.35 s and 135 MB).
const garbage = 200

func validate(c *cli.Context) error {
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	v, err := newValidation(c)
	if err != nil {
		return err
	}
	a, err := v.judge(c.Context)
	if err != nil {
		return err
	}
	err = writeFindings(c.App.Writer, v.form, a.Findings, a.Sources)
	if err == nil && a.Engine != nil {
		err = v.tellSound(c, a.Engine.Summary())
	}
	if err == nil && a.Engine == nil {
		err = silentFault{}
	}
	return err
}

// judge finds out all that there is to tell. The verdict on the files is that of
// assess, as the daemon's; what is asked for besides can only add to it.
func (v *validation) judge(ctx context.Context) (*assessment, error) {
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	deps := rehearsalDeps(keys)
	a := assess(ctx, v.options, 1, deps)
	a.Findings = append(a.Findings, mappingFaults(ctx, a, deps)...)
	a.Findings = linted(a, lintOptions())
	if v.online && !a.Partial {
		asked := askIssuers(ctx, fetchedSources(a.Spec), onlineAsks)
		v.asked = len(asked)
		a.Findings = slices.Concat(a.Findings, onlineFindings(asked))
	}
	if v.daemon != "" {
		if err := v.against(ctx, a); err != nil {
			return nil, err
		}
	}
	a.Findings.Sort()
	if v.strict {
		a.Findings = strict(a.Findings)
	}
	if a.Findings.Err() != nil {
		a.Engine = nil
	}
	return a, nil
}

// against holds the files against a running daemon.
func (v *validation) against(ctx context.Context, a *assessment) error {
	running, err := serve.NewAdminClient(v.daemon).Running(ctx)
	if err != nil {
		return orNobody(err, v.daemon)
	}
	v.running = &running
	if !a.Partial {
		a.Findings = slices.Concat(a.Findings, needsRestart(running, a.Spec), contradictions(running, a, v.options.Path))
	}
	return nil
}

// tellSound says what a sound configuration holds, to people.
func (v *validation) tellSound(c *cli.Context, s engine.Summary) error {
	tell := func(text string, args ...any) error { return hint(c.App.Writer, v.form, text, args...) }
	err := tell("valid: providers %d, sources %d, service accounts %d, policies %d; hash %s",
		s.Providers, s.Sources, s.Accounts, s.Policies, shortHash(s.Hash))
	if v.online {
		err = errors.Join(err, tell("asked: %s", counted(v.asked, "issuer")))
	}
	switch {
	case v.running == nil:
	case v.running.Hash == s.Hash:
		err = errors.Join(err, tell("the daemon serves these files as generation %d", v.running.Generation))
	default:
		err = errors.Join(err, tell("the daemon can follow: it serves generation %d, hash %s", v.running.Generation, shortHash(v.running.Hash)))
	}
	return err
}

// shortHash is enough of a hash to tell two apart by eye.
func shortHash(hash string) string { return hash[:min(len(hash), 12)] }
