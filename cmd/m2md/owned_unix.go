//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// ownedAlone refuses a file that somebody else owns or can write.
func ownedAlone(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case known && int(owner.Uid) != os.Geteuid() && owner.Uid != 0:
		return errors.New("it belongs to somebody else")
	case info.Mode().Perm()&0o022 != 0:
		return errors.New("others can write it")
	}
	return nil
}
