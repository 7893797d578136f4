//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"os"

	"golang.org/x/sys/unix"
)

// abandon gives up a file in which bbolt panicked. Its mapping, which nobody
// can undo, would keep the lock even when the descriptor is closed.
func abandon(file *os.File) {
	unix.Flock(int(file.Fd()), unix.LOCK_UN)
	file.Close()
}
