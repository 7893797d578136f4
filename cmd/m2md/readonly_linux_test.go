package main

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// makeReadOnly makes a folder one that cannot be written, until the transcript
// ends: by its mode, or by a read-only mount for root, whom no mode binds.
func makeReadOnly(ts *testscript.TestScript, folder string) {
	if os.Geteuid() != 0 {
		ts.Check(os.Chmod(folder, 0o555))
		ts.Defer(func() { os.Chmod(folder, 0o755) })
		return
	}
	ts.Check(syscall.Mount(folder, folder, "", syscall.MS_BIND, ""))
	ts.Defer(func() { syscall.Unmount(folder, syscall.MNT_DETACH) })
	ts.Check(syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}

// canBeReadOnly says whether makeReadOnly works here.
func canBeReadOnly() bool {
	if os.Geteuid() != 0 {
		return true
	}
	folder, err := os.MkdirTemp("", "m2md-mount")
	if err != nil {
		return false
	}
	defer os.Remove(folder)
	if syscall.Mount(folder, folder, "", syscall.MS_BIND, "") != nil {
		return false
	}
	defer syscall.Unmount(folder, syscall.MNT_DETACH)
	return syscall.Mount("", folder, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, "") == nil
}
