package scripting_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// limit has the system end this process where a script gets out of hand.
func limit(t *testing.T) {
	for resource, most := range map[int]uint64{
		syscall.RLIMIT_DATA: hostileKill,
		syscall.RLIMIT_CPU:  hostileSeconds,
		syscall.RLIMIT_CORE: 0,
	} {
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			t.Fatal(err)
		}
	}
}

// residentMemory is what this process had at most, in bytes. What wait4 tells of
// a child counts its parent's as well.
func residentMemory(t *testing.T) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
