package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
)

// Names of what stands in the state folder.
const (
	databaseName = "m2md.db"
	socketName   = "admin.sock"
)

// The flags by which commands find the files, the state and the daemon.
func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: "the configuration: a `FILE` or a folder (default: ./m2md.d, then ./m2md.hcl)", EnvVars: []string{"M2MD_CONFIG"}}
}

func allowPathFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "allow-path", Usage: "a `FOLDER` outside the configuration that file() and script_file may read (repeatable)"}
}

func stateDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "state-dir", Usage: "the `FOLDER` for m2md.db and admin.sock (default: $STATE_DIRECTORY, $XDG_STATE_HOME/m2md, ~/.local/state/m2md)"}
}

func socketFlag() cli.Flag {
	return &cli.StringFlag{Name: "socket", Usage: "the daemon's admin `SOCKET` (default: admin.sock in the state folder)", EnvVars: []string{"M2MD_SOCKET"}}
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "`FORM` of the output: text or json", Value: "text"}
}

func missingSecretsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-missing-secrets", Usage: "take absent env() and *_file values as unknown, with a note each (for CI)"}
}

// jsonWanted reads formatFlag.
func jsonWanted(c *cli.Context) (bool, error) {
	switch f := c.String("format"); f {
	case "text":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, usagef("--format: %q is neither text nor json", f)
	}
}

// configPath is what --config names, or the first default that exists.
func configPath(c *cli.Context) (string, error) {
	if path := c.String("config"); path != "" {
		return path, nil
	}
	for _, path := range []string{"m2md.d", "m2md.hcl"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", usagef("there is neither ./m2md.d nor ./m2md.hcl; name the configuration with --config")
}

// stateDir is where state lives. It need not exist yet.
func stateDir(c *cli.Context) (string, error) {
	if dir := c.String("state-dir"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		first, _, _ := strings.Cut(dir, ":") // systemd lists several where a unit names several
		return first, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "m2md"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home folder to keep state in; name a folder with --state-dir")
	}
	return filepath.Join(home, ".local", "state", "m2md"), nil
}

// stateDirNamed says whether somebody chose the state folder.
func stateDirNamed(c *cli.Context) bool {
	return c.String("state-dir") != "" || os.Getenv("STATE_DIRECTORY") != "" || os.Getenv("XDG_STATE_HOME") != ""
}

// socketPath is where the daemon's admin socket is.
func socketPath(c *cli.Context) (string, error) {
	if path := c.String("socket"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := stateDir(c)
	return filepath.Join(dir, socketName), err
}

// outside refuses a state folder below the configuration: state there would be
// watched, and end up in Git.
func outside(dir, config string) error {
	inside, err := below(dir, config)
	if err != nil {
		return err
	}
	if inside {
		return fmt.Errorf("the state folder %s lies below the configuration %s; name another with --state-dir", dir, config)
	}
	return nil
}

// withoutDaemon says whether a command failed to reach a daemon and may go on
// by itself. A socket that was named and is not there is an error: somebody
// meant it.
func withoutDaemon(c *cli.Context, err error) bool {
	return nobodyListens(err) && c.String("socket") == ""
}

// makeStateDir makes the folder for state, readable by its owner alone.
func makeStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the state folder: %w", err)
	}
	return nil
}

// below says whether a folder is another one or lies below it, links resolved.
func below(dir, other string) (bool, error) {
	dir, err := resolve(dir)
	if err != nil {
		return false, err
	}
	other, err = resolve(other)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(other, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// resolve is the real path of a file; what does not exist yet is resolved as
// far as it does.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) && filepath.Dir(path) != path {
		parent, err := resolve(filepath.Dir(path))
		return filepath.Join(parent, filepath.Base(path)), err
	}
	return real, err
}
