//go:build linux || darwin

package main

import (
	"errors"
	"net"
)

// peerUID tells who is at the other end of an admin connection.
func peerUID(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	var asked error
	err = raw.Control(func(fd uintptr) { uid, asked = uidOf(int(fd)) })
	if err := errors.Join(err, asked); err != nil {
		return -1, err
	}
	return uid, nil
}
