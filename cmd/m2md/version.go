package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// version and commit are stamped in by the Makefile (-ldflags -X).
var (
	version = ""
	commit  = ""
)

// builtFrom falls back to what Go recorded, for binaries of `go install`.
func builtFrom() (v, c string) {
	v, c = version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		v = cmp.Or(v, info.Main.Version)
		for _, setting := range info.Settings {
			if c == "" && setting.Key == "vcs.revision" {
				c = setting.Value
			}
		}
	}
	return cmp.Or(v, "unreleased"), cmp.Or(c, "unknown")
}

func versionLine() string {
	v, c := builtFrom()
	return fmt.Sprintf("m2md %s, commit %s, %s, %s/%s", v, c, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func versionCommand() *cli.Command {
	return command(&cli.Command{Name: "version", Usage: "print version and commit"}, "", func(c *cli.Context) error {
		_, err := fmt.Fprintln(c.App.Writer, versionLine())
		return err
	})
}
