package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// secretDraft is a file for a secret that does not exist yet: that it can be
// written is found out before the secret is made, as that is shown only once.
type secretDraft struct {
	path  string
	force bool // take the place of a file that is there
	draft *os.File
}

// newSecretDraft makes a draft beside the file, which its owner alone may read.
func newSecretDraft(path string, force bool) (*secretDraft, error) {
	info, err := os.Lstat(path)
	switch {
	case err == nil && !force:
		return nil, fmt.Errorf("%s is there already, and --force is not given", path)
	case err == nil && !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink:
		return nil, fmt.Errorf("%s is no regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".m2md-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return &secretDraft{path, force, draft}, nil
}

// finish writes the content, and gives the file its name: as a whole, and on
// disk, or not at all.
func (f *secretDraft) finish(content []byte) error {
	defer os.Remove(f.draft.Name()) //nolint:errcheck // gone after the rename
	_, err := f.draft.Write(content)
	if err := errors.Join(err, f.draft.Sync(), f.draft.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if f.force {
		if err := os.Rename(f.draft.Name(), f.path); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(f.path))
	}
	// A link, unlike renaming, never takes the place of what somebody else put
	// there meanwhile.
	err = os.Link(f.draft.Name(), f.path)
	if err != nil && !errors.Is(err, fs.ErrExist) { // some file systems have no links
		err = copyNew(f.path, content)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return syncFolder(filepath.Dir(f.path))
}

// copyNew writes a file where there is none.
func copyNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncFolder makes a new name in the folder survive the loss of power.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // where folders can not be synced, and need not be
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// discard gives up a file of which nothing is there yet.
func (f *secretDraft) discard() {
	f.draft.Close()
	os.Remove(f.draft.Name()) //nolint:errcheck // an empty file, whose name begins with a dot
}
