package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/engine/jwks"
	"github.com/m2md/m2md/engine/serve"
	"github.com/m2md/m2md/hcl"
)

func serviceAccountCommand() *cli.Command {
	return group(&cli.Command{
		Name:  "service-account",
		Usage: "declare the machines that m2md itself knows",
		Subcommands: []*cli.Command{
			command(&cli.Command{
				Name:  "create",
				Usage: "declare a service account and make its first app password, in one step",
				Flags: append([]cli.Flag{
					configFlag(), allowPathFlag(), stateDirFlag(), socketFlag(),
					&cli.StringFlag{Name: "display-name", Usage: "the account's name for people, as free `TEXT`"},
					&cli.StringSliceFlag{Name: "group", Usage: "a `GROUP` of the account (repeatable)"},
				}, passwordFlags()...),
			}, "NAME", createServiceAccount),
		},
	})
}

// createServiceAccount writes the block, validates, reloads, and prints the
// first app password. Where the files cannot be written, it prints the block
// for somebody to commit.
func createServiceAccount(c *cli.Context) error {
	name := c.Args().First()
	asked, err := askedPassword(c, name)
	if err != nil {
		return err
	}
	block, err := hcl.ServiceAccountBlock(name, c.String("display-name"), c.StringSlice("group"))
	if err != nil {
		return usageError{err}
	}
	config, err := configOfDaemon(c)
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
	written, where, err := declare(c, config, name, block)
	if errors.Is(err, fs.ErrPermission) || isReadOnly(err) {
		fmt.Fprintf(c.App.ErrWriter, "%s cannot be written here. Commit this block, and then run `m2md app-password create %s`:\n", config, name)
		c.App.Writer.Write(block) //nolint:errcheck // nothing could be told of it
		return silentFault{}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "Declared service_account %q in %s.\n", name, written)
	if err := reloadIfServed(c); err != nil {
		return err
	}
	out := &secretOutput{stdout: c.App.Writer, stderr: c.App.ErrWriter}
	return withDesk(c, where, func(d passwordDesk) error {
		return out.create(c.Context, d, []serve.NewAppPassword{asked})
	})
}

// configOfDaemon is what --config names, or else what the running daemon
// serves, or else the default.
func configOfDaemon(c *cli.Context) (string, error) {
	if c.String("config") != "" {
		return configPath(c)
	}
	socket, err := socketPath(c)
	if err != nil {
		return "", err
	}
	status, err := serve.NewAdminClient(socket).Status(c.Context)
	if err == nil {
		return status.Config, nil
	}
	if withoutDaemon(c, err) {
		return configPath(c)
	}
	return "", err
}

// declare writes the block into the configuration: a file of its own in a
// folder, the end of a single file. It takes it back where the whole is not
// valid with it. It tells where the configuration keeps app passwords.
func declare(c *cli.Context, config, name string, block []byte) (path string, where engine.Storage, err error) {
	path, before, err := declarationFile(config, name)
	if err != nil {
		return "", where, err
	}
	if err := replaceFile(path, appended(before, block)); err != nil {
		return "", where, err
	}
	keys := jwks.NewCache(jwks.Options{})
	defer keys.Close()
	a := assess(c.Context, hcl.Options{Path: config, AllowPaths: c.StringSlice("allow-path"), AllowMissingSecrets: true, WithTests: true}, 1, rehearsalDeps(keys))
	if a.Engine != nil {
		return path, a.Spec.Storage, nil
	}
	if before == nil {
		err = os.Remove(path)
	} else {
		err = replaceFile(path, before)
	}
	report(c.App.ErrWriter, a) //nolint:errcheck // what follows says the essence
	return "", where, errors.Join(fmt.Errorf("the configuration is not valid with the new block, so it was taken back"), err)
}

// appended is what stands in a file, unchanged, an empty line, and the block.
func appended(before, block []byte) []byte {
	switch {
	case len(before) == 0:
		return block
	case before[len(before)-1] == '\n':
		return slices.Concat(before, []byte("\n"), block)
	default:
		return slices.Concat(before, []byte("\n\n"), block)
	}
}

// declarationFile is where a new account's block goes, links followed, and
// what stands there; nil for a file that is not there yet.
func declarationFile(config, name string) (path string, before []byte, err error) {
	info, err := os.Stat(config)
	if err != nil {
		return "", nil, err
	}
	if !info.IsDir() {
		if strings.HasSuffix(config, ".json") {
			return "", nil, fmt.Errorf("%s is JSON, which is not added to; write the service_account block by hand, or keep the configuration in a folder", config)
		}
		if path, err = filepath.EvalSymlinks(config); err != nil {
			return "", nil, err
		}
		before, err = os.ReadFile(path)
		return path, before, err
	}
	path = filepath.Join(config, "service_account_"+name+".hcl")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%s is there already", path)
	}
	return path, nil, nil
}

// replaceFile writes a file as a whole or not at all: a daemon that watches
// the folder never sees half of it. The file keeps its mode and owner, or the
// daemon might not be allowed to read it any more. The name of what is written
// first begins with a dot, which the loader skips.
func replaceFile(path string, content []byte) error {
	mode := fs.FileMode(0o644)
	replaced, err := os.Stat(path)
	if err == nil {
		mode = replaced.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), ".m2md-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone after the rename
	if replaced != nil {
		err = keepOwner(temporary, replaced)
	}
	_, failed := temporary.Write(content)
	err = errors.Join(err, failed, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// reloadIfServed has a running daemon take up the new block; without one there
// is nothing to do.
func reloadIfServed(c *cli.Context) error {
	socket, err := socketPath(c)
	if err != nil {
		return err
	}
	result, err := serve.NewAdminClient(socket).Reload(c.Context)
	if withoutDaemon(c, err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !result.OK {
		fmt.Fprint(c.App.ErrWriter, result.Report)
		return errors.New("the daemon refused to reload; the block stays in the files")
	}
	return nil
}
