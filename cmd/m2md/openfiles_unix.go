//go:build unix

package main

import "syscall"

// openFiles is how many files this process can have open. Go raised the soft
// limit to the hard one at the start.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what every system allows
	}
	return int(min(uint64(limit.Cur), 1<<30))
}
