//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import "os"

// abandon gives up a file in which bbolt panicked.
func abandon(file *os.File) { file.Close() }
