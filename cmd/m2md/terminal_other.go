//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !windows

package main

import (
	"errors"
	"os"
)

// isTerminal says that stdin is read as it is.
func isTerminal(*os.File) bool { return false }

// hide is not known here.
func hide(*os.File) (show func(), err error) { return nil, errors.ErrUnsupported }

// terminalColumns is how wide a terminal is; here, that is never known.
func terminalColumns(*os.File) int { return 0 }
