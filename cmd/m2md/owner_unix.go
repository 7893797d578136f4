//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and group of the one that it replaces, as
// far as they differ: root writes into the files of others.
func keepOwner(f *os.File, replaced fs.FileInfo) error {
	made, err := f.Stat()
	if err != nil {
		return err
	}
	is, known := made.Sys().(*syscall.Stat_t)
	was, knownBefore := replaced.Sys().(*syscall.Stat_t)
	if !known || !knownBefore || is.Uid == was.Uid && is.Gid == was.Gid {
		return nil
	}
	return f.Chown(int(was.Uid), int(was.Gid))
}
