//go:build !linux

package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// makeReadOnly makes a folder one that cannot be written, until the transcript ends.
func makeReadOnly(ts *testscript.TestScript, folder string) {
	ts.Check(os.Chmod(folder, 0o555))
	ts.Defer(func() { os.Chmod(folder, 0o755) })
}

// canBeReadOnly says whether makeReadOnly works here.
func canBeReadOnly() bool { return os.Geteuid() > 0 }
