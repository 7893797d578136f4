package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/m2md/m2md/cmd/m2md/scaffold"
)

// maxTold is how many names of a list are told.
const maxTold = 8

// checkNewFolder wants a folder that is not there, or empty but for what begins
// with a dot, such as .git: two configurations in one folder would be one.
func checkNewFolder(dir string) error {
	if dir == "" {
		return usagef("--dir: a folder has a name")
	}
	there, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range there {
		if !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	if len(names) == 0 {
		return nil
	}
	more := ""
	if len(names) > maxTold {
		more = fmt.Sprintf(" and %d more", len(names)-maxTold)
	}
	return fmt.Errorf("%s holds %s%s already; name a new folder by --dir", dir, strings.Join(names[:min(len(names), maxTold)], ", "), more)
}

// writeNew writes files into a folder, none of which is there, and takes those
// that it wrote back where one cannot be written.
func writeNew(dir string, files []scaffold.File) error {
	var written []string
	err := os.MkdirAll(dir, 0o755)
	for i := 0; err == nil && i < len(files); i++ {
		path := filepath.Join(dir, filepath.FromSlash(files[i].Name))
		if err = createFile(path, files[i].Content); err == nil {
			written = append(written, path)
		}
	}
	if err == nil {
		return nil
	}
	for _, path := range written {
		os.Remove(path) //nolint:errcheck // the error that is told came first
	}
	return fmt.Errorf("writing the configuration: %w", err)
}

// createFile writes a file that is not there yet, and follows no link to one
// that is.
func createFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, failed := file.Write(content)
	if err := errors.Join(failed, file.Close()); err != nil {
		os.Remove(path) //nolint:errcheck // as above
		return err
	}
	return nil
}
