package scripting_test

import (
	"os"
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

// residentMemory is what a process had at most, in bytes.
func residentMemory(state *os.ProcessState) int64 {
	return state.SysUsage().(*syscall.Rusage).Maxrss << 10
}
