package main

import (
	"net"
	"os"
)

// notifySystemd tells systemd that a unit of Type=notify is ready, or stops
// (sd_notify(3)). Elsewhere it does nothing.
func notifySystemd(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(state)) //nolint:errcheck // systemd's time-out tells of it
}
