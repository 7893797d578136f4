//go:build unix

package main

import (
	"errors"
	"syscall"
)

// isReadOnly says whether a file system refuses to be written, as a ConfigMap's
// or a container image's does.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
