package main

import "golang.org/x/sys/unix"

// uidOf asks the kernel who is at the other end of a unix socket.
func uidOf(fd int) (int, error) {
	credentials, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(credentials.Uid), nil
}
