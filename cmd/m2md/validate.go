package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/hcl"
)

func validateCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "validate",
		Usage: "check the configuration as the daemon would, without network and storage",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(), formatFlag(), missingSecretsFlag(),
			&cli.BoolFlag{Name: "strict", Usage: "take warnings for errors"},
		},
	}, "", validate)
}

func validate(c *cli.Context) error {
	asJSON, err := jsonWanted(c)
	if err != nil {
		return err
	}
	path, err := configPath(c)
	if err != nil {
		return err
	}
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	deps := rehearsalDeps(keys)
	a := assess(c.Context, hcl.Options{
		Path:                path,
		AllowPaths:          c.StringSlice("allow-path"),
		AllowMissingSecrets: c.Bool("allow-missing-secrets"),
		WithTests:           true,
	}, 1, deps)
	a.Findings = append(a.Findings, mappingFaults(c.Context, a, deps)...)
	if a.Findings = linted(a, lintOptions()); c.Bool("strict") {
		a.Findings = strict(a.Findings)
	}
	if a.Findings.Err() != nil {
		a.Engine = nil
	}
	if asJSON {
		err = hcl.WriteJSON(c.App.Writer, a.Findings, a.Sources)
	} else {
		err = reportValidity(c, a)
	}
	if err == nil && a.Engine == nil {
		err = silentFault{}
	}
	return err
}

// reportValidity writes the findings, and what a sound configuration holds.
func reportValidity(c *cli.Context, a *assessment) error {
	if err := report(c.App.Writer, a); err != nil || a.Engine == nil {
		return err
	}
	s := a.Engine.Summary()
	_, err := fmt.Fprintf(c.App.Writer, "valid: providers %d, sources %d, service accounts %d, policies %d; hash %s\n",
		s.Providers, s.Sources, s.Accounts, s.Policies, shortHash(s.Hash))
	return err
}

// shortHash is enough of a hash to tell two apart by eye.
func shortHash(hash string) string { return hash[:min(len(hash), 12)] }
