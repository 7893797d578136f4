package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/m2md/m2md/engine"
	"github.com/m2md/m2md/hcl"
	"github.com/m2md/m2md/scripting"
)

func schemaCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "schema",
		Usage: "describe to editors what the files may say",
		Description: "Without --types: the JSON Schema of files in JSON syntax (*.hcl.json).\n\n" +
			"With --types: what policies and mappings see, in TypeScript, by the sources, inputs and\n" +
			"profiles of the configuration. It goes to the output, or with --dir into " + scripting.TypesFile + " of a\n" +
			"folder, beside a " + scripting.TSConfigFile + " unless there is one. Write it again when these change.",
		Flags: []cli.Flag{
			configFlag(), allowPathFlag(),
			&cli.BoolFlag{Name: "types", Usage: "write the types of what policies and mappings see"},
			&cli.StringFlag{Name: "dir", Usage: "the `FOLDER` to write " + scripting.TypesFile + " and " + scripting.TSConfigFile + " into"},
		},
	}, "", schema)
}

func schema(c *cli.Context) error {
	if !c.Bool("types") {
		if c.IsSet("dir") {
			return usagef("schema: --dir goes with --types")
		}
		return hcl.WriteJSONSchema(c.App.Writer)
	}
	path, err := configPath(c)
	if err != nil {
		return err
	}
	// Nothing is compiled: types are for files that are being written.
	loaded := load(hcl.Options{Path: path, AllowPaths: c.StringSlice("allow-path"), AllowMissingSecrets: true})
	if loaded.Partial {
		if err := hcl.WriteText(c.App.ErrWriter, loaded.Findings, loaded.Sources, hcl.TextOptions{}); err != nil {
			return err
		}
		return silentFault{}
	}
	if folder := c.String("dir"); folder != "" {
		return writeTypes(c.App.Writer, folder, loaded.Spec)
	}
	_, err = io.WriteString(c.App.Writer, scripting.Types(loaded.Spec))
	return err
}

// writeTypes lays what an editor needs into a folder, and says what it did. A
// tsconfig.json that is there is its owner's, and stays.
func writeTypes(w io.Writer, folder string, spec engine.Spec) error {
	types := filepath.Join(folder, scripting.TypesFile)
	if err := os.WriteFile(types, []byte(scripting.Types(spec)), 0o644); err != nil {
		return fmt.Errorf("writing the types: %w", err)
	}
	fmt.Fprintf(w, "wrote %s\n", types)
	config := filepath.Join(folder, scripting.TSConfigFile)
	file, err := os.OpenFile(config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		fmt.Fprintf(w, "kept %s\n", config)
		return nil
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", config, err)
	}
	if _, err := io.WriteString(file, scripting.TSConfig()); err != nil {
		file.Close()
		return fmt.Errorf("writing %s: %w", config, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", config, err)
	}
	fmt.Fprintf(w, "wrote %s\n", config)
	return nil
}
