package bolt

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// owner looks the file's lock up in /proc/locks (proc_locks(5)). It knows
// nothing of owners in another PID namespace.
func owner(path string) (pid int, process string) {
	var file unix.Stat_t
	if err := unix.Stat(path, &file); err != nil {
		return 0, ""
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0, ""
	}
	pid = lockOwner(string(locks), fmt.Sprintf("%02x:%02x:%d", unix.Major(file.Dev), unix.Minor(file.Dev), file.Ino))
	if pid == 0 {
		return 0, ""
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // the process may be gone by now
	return pid, strings.TrimSpace(string(name))
}

// lockOwner finds, in the text of /proc/locks, who holds a flock on a file,
// which it names MAJOR:MINOR:INODE. Lines of those who wait have an arrow in
// front of the kind, and so do not fit.
func lockOwner(locks, file string) int {
	for line := range strings.Lines(locks) {
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		if pid, err := strconv.Atoi(fields[4]); err == nil && pid > 0 {
			return pid
		}
	}
	return 0
}
