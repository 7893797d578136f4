//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Root keeps fresh what Prometheus reads.
func TestAFileKeepsItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("left out: only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, "old")
	const owner, group = 12345, 23456
	if err := os.Chown(path, owner, group); err != nil {
		t.Fatal(err)
	}
	if got := outputOf(t, "--file", path, "--mode", "0440"); got.code != 0 {
		t.Fatal(got.stderr)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if is := info.Sys().(*syscall.Stat_t); is.Uid != owner || is.Gid != group || info.Mode() != 0o440 {
		t.Errorf("it is %d:%d, %v", is.Uid, is.Gid, info.Mode())
	}
}
